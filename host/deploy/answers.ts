// Answers: methods that hear what a call was answered: their form, and that it fits the method whose answers they hear.
//
// H1. Their request has the reply, or the failure, in a oneof of the fields 1 and 2, and may have a note as field 3 (delivery/answers.ts makes it).
// H2. Within a component its own descriptors say so. Between two, whichever is deployed later is refused where they differ: so two components that ask
//     each other can be deployed one after the other.
// H3. A version that lacks a method to which pending effects, asks or open tickets go is refused with how many there are (`--force` overrides).
//
// Owns: these rules.   validate.ts owns: all others.

import type { Description } from '../guest/about.ts'
import { methodOption } from '../schema/method-options.ts'
import type { Field, MethodType, Schema, ServiceType } from '../schema/schema.ts'
import { isStreamed } from '../schema/schema.ts'

const failureType = 'google.rpc.Status'

type Report = (message: string, element?: string) => void

/** Of the services that a component serves. */
export function validateAnswers({ services }: Pick<Description, 'services'>, schema: Schema, report: Report): void {
  for (const { name, kind } of services) {
    for (const method of schema.services.get(name)?.methods.values() ?? []) {
      if (method.answers === undefined) continue
      const where = `${name}.${method.name}`
      const told = (problem: string) => report(`${where}: ${problem}`, `${where}#${methodOption}`)
      if (kind === 'action')
        told('an action has no entity that could hear an answer; remove `answers`, or ask from an entity')
      else if (isStreamed(method)) told('it hears answers, and so takes one message and answers with one')
      else if (method.http !== undefined) told('it hears answers, so no client may call it: remove (google.api.http)')
      else checkForm(method, method.answers, schema, told)
    }
  }
}

function checkForm({ input }: MethodType, target: string, schema: Schema, told: (problem: string) => void): void {
  const [service = '', name = '', ...more] = target.split('/')
  if (service === '' || name === '' || more.length > 0) {
    told(
      `\`answers\` is ${JSON.stringify(target.slice(0, 200))}; it is written as SERVICE/METHOD: "payments.v1.Payments/Charge"`,
    )
    return
  }
  const method = schema.services.get(service)?.methods.get(name)
  if (method === undefined) {
    const what = schema.services.has(service)
      ? `${service} has no method ${name}`
      : `${service} is not in the descriptors`
    told(`it hears the answers of ${target}, but ${what}; import its .proto, or correct the name`)
    return
  }
  if (isStreamed(method))
    told(`it hears the answers of ${target}, which streams; only methods that answer once can be asked`)
  const [reply, failure, note] = [1, 2, 3].map((number) => input.fields.find((field) => field.number === number))
  const output = method.output.fullName
  const shape = `oneof outcome { ${output} reply = 1; ${failureType} failure = 2; } and, if there is a note, any message as note = 3`
  const fits =
    isMessage(reply, output) &&
    isMessage(failure, failureType) &&
    reply!.oneof !== undefined &&
    reply!.oneof === failure!.oneof
  if (!fits) told(`${input.fullName} hears the answers of ${target}, and must have: ${shape}`)
  else if (note !== undefined && (note.type.kind !== 'message' || note.repeated))
    told(`${input.fullName}.${note.name} is the note that comes back, and must be a single message`)
}

function isMessage(field: Field | undefined, fullName: string): boolean {
  return (
    field !== undefined && !field.repeated && field.type.kind === 'message' && field.type.message.fullName === fullName
  )
}

/** Services that ask each other, in the words of each. */
interface Served {
  readonly name: string
  readonly type: ServiceType
}

/** Where what hears answers and what gives them say different things. `next` are deployed now, `others` are there. */
export function answersBetween(next: readonly Served[], others: readonly Served[]): readonly string[] {
  return [...mismatches(next, others), ...mismatches(others, next)]
}

function mismatches(hearing: readonly Served[], giving: readonly Served[]): readonly string[] {
  return hearing.flatMap(({ name, type }) =>
    [...type.methods.values()].flatMap((method) => {
      const [service, target] = method.answers?.split('/') ?? []
      const given = giving.find((other) => other.name === service)
      if (given === undefined) return []
      const where = `${name}.${method.name} hears the answers of ${method.answers}`
      const asked = given.type.methods.get(target!)
      if (asked === undefined) return [`${where}, but that has no such method (--force overrides)`]
      if (isStreamed(asked)) return [`${where}, but that streams (--force overrides)`]
      const reply = method.input.fields.find(({ number }) => number === 1)
      if (isMessage(reply, asked.output.fullName)) return []
      const heard = reply?.type.kind === 'message' ? reply.type.message.fullName : 'nothing'
      return [`${where} as ${heard}, but that answers ${asked.output.fullName} (--force overrides)`]
    }),
  )
}

/** How many effects that are due later, asks that are answered, and tickets name each method of a service, by what they are. */
export type Outstanding = (service: string) => ReadonlyMap<string, Readonly<Record<string, number>>>

/** What the next versions would strand (H3). */
export function stranded(next: readonly Served[], outstanding: Outstanding): readonly string[] {
  return next.flatMap(({ name, type }) =>
    [...outstanding(name)].flatMap(([method, counts]) => {
      if (type.methods.has(method)) return []
      const what = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`)
      return [
        `${name}: has no method ${method}, but calls of it are outstanding: ${what.join(', ')}; keep the method until they are gone, or drop them (--force overrides)`,
      ]
    }),
  )
}
