// Watches: methods that the host answers, from what another method of the service answers: that there is one which it can follow.
//
// Owns: these rules (§watch-2).   validate.ts owns: all others.   entity/watching.ts owns: what a watch does.

import type { Description } from '../guest/about.ts'
import { methodOption } from '../schema/method-options.ts'
import type { MethodType, Schema, ServiceType } from '../schema/schema.ts'
import { isStreamed } from '../schema/schema.ts'

type Report = (message: string, element?: string) => void

/** Of the services that a component serves. */
export function validateWatches({ services }: Pick<Description, 'services'>, schema: Schema, report: Report): void {
  for (const { name, kind } of services) {
    const type = schema.services.get(name)
    for (const method of type?.methods.values() ?? []) {
      if (method.watch === undefined) continue
      const where = `${name}.${method.name}`
      const told = (problem: string) => report(`${where}: ${problem}`, `${where}#${methodOption}`)
      if (kind === 'action') told('an action keeps nothing that could be watched; remove `watch`, or watch an entity')
      else checkWatch(method, method.watch, type!, told)
    }
  }
}

function checkWatch(method: MethodType, watched: string, type: ServiceType, told: (problem: string) => void): void {
  const { input, output } = method
  if (method.answers !== undefined) told('the host answers it, so it cannot hear answers: remove `watch` or `answers`')
  if (!method.serverStreaming || method.clientStreaming)
    told(`it watches ${shown(watched)}, and so takes one message and answers with a stream of them`)
  const other = type.methods.get(watched)
  if (other === undefined) {
    told(
      `\`watch\` is ${JSON.stringify(watched.slice(0, 200))}; it is the name of a method of ${type.fullName}: "GetCart"`,
    )
    return
  }
  if (other.watch !== undefined)
    told(`it watches ${other.name}, which is a watch itself; name a method that answers once`)
  else if (isStreamed(other))
    told(`it watches ${other.name}, which streams; only methods that answer once can be watched`)
  else if (other.answers !== undefined)
    told(`it watches ${other.name}, which hears answers; only methods that somebody may call can be watched`)
  if (other.input.fullName !== input.fullName)
    told(`it takes ${input.fullName}, but ${other.name}, which it watches, takes ${other.input.fullName}`)
  if (other.output.fullName !== output.fullName)
    told(`it answers ${output.fullName}, but ${other.name}, which it watches, answers ${other.output.fullName}`)
}

function shown(name: string): string {
  return name.slice(0, 200)
}
