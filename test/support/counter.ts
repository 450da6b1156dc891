// The counter of a language: what must hold of its component, whichever compiler made it.

import * as assert from 'uvu/assert'
import type { Artefact } from '../../host/guest/artefact.ts'
import { EventSourced } from '../../host/guest/event-sourced.ts'
import { compile } from '../../host/guest/instance.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { importsOf } from '../../sdk/build/component.ts'

export async function linked(component: Uint8Array): Promise<Artefact> {
  const result = await link(new Uint8Array(component), defaultLimits)
  if (!result.ok) throw new Error(result.reasons.join('; '))
  return result.artefact
}

/** It imports nothing, says what made it, exports its kind alone, and keeps the laws. */
export async function isSound(component: Uint8Array, sdkName: string): Promise<void> {
  const artefact = await linked(component)
  for (const module of artefact.modules) assert.equal(importsOf(module).wasi, [])
  assert.is(artefact.description.sdkName, sdkName)
  assert.equal(Object.keys(artefact.plan.exports).sort(), [interfaces.about, interfaces['event-sourced']])
  const schema = loadSchema(artefact.description.descriptors)
  const fresh = () => load(artefact, defaultLimits, () => false, true)
  assert.equal(checkLaws(artefact.description.services[0]!, schema, fresh, 7).broken, [])
}

/** Commands of Add to one instance, each with an id of so many bytes. */
export class Requests {
  readonly guest: EventSourced

  constructor(artefact: Artefact) {
    this.guest = new EventSourced(compile(artefact), defaultLimits)
  }

  /** @returns bytes of the instance's memory afterwards. */
  decide(idBytes: number): number {
    const id = Buffer.alloc(idBytes, 'a')
    const length = [(idBytes & 127) | 128, ((idBytes >> 7) & 127) | 128, idBytes >> 14]
    const payload = new Uint8Array(Buffer.concat([Uint8Array.from([10, ...length]), id, Uint8Array.from([16, 1])]))
    const command = { method: 'Add', payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
    this.guest.decide('examples.counter.v1.Counter', 'a', { kind: 'initial' }, [command], true)
    return this.guest.memoryBytes
  }
}
