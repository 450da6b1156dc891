// Laws of event-sourced services: each `when` of a test also checks them.
//
// L1. A batch decides as its commands one by one.
// L2. The state after = evolve of the state before with the events.
// L4, L6. A fresh instance, an encoded state and a held one decide the same, byte for byte.
//
// Freezing what handlers get (outcome.ts) makes a change in place throw on the spot; this finds the rest: bytes, maps, globals.

import type { EventSourced } from '../event-sourced.ts'
import type { EventSourcedExports } from '../guest/event-sourced.ts'
import type { WireBasis, WireCommand, WireDecision, WireTyped } from '../guest/wire.ts'
import { LawBroken, mustBeSame, warmDiffers } from './law.ts'

interface Decided {
  readonly decisions: readonly WireDecision[]
  readonly state: Uint8Array
}

export class Laws {
  private readonly definition: EventSourced
  private readonly name: string
  private readonly warm: EventSourcedExports

  constructor(definition: EventSourced) {
    this.definition = definition
    this.name = definition.service.typeName
    this.warm = this.fresh()
  }

  /** Events to a state in bytes, as replay does it. */
  evolve(entity: string, basis: WireBasis, events: readonly WireTyped[]): Uint8Array {
    const answer = this.fresh().evolve(this.name, entity, basis, events, true)
    return bytesOf(answer)
  }

  /** The decision of the last of `commands` on `history`, after checking that all ways to it agree. @throws LawBroken */
  decide(entity: string, history: readonly WireTyped[], commands: readonly WireCommand[]): Decided {
    const start: WireBasis =
      history.length === 0
        ? { tag: 'initial' }
        : { tag: 'state', val: this.evolve(entity, { tag: 'initial' }, history) }
    const batch = this.run(this.fresh(), entity, start, commands)
    let basis = start
    const single: WireDecision[] = []
    let events = history
    for (const command of commands) {
      const { decisions, state } = this.run(this.fresh(), entity, basis, [command])
      single.push(...decisions)
      events = [...events, ...decisions.flatMap((decision) => decision.events)]
      basis = { tag: 'state', val: state }
    }
    this.same('L1: a batch decides other than its commands one by one', single, batch.decisions)
    this.same(warmDiffers, batch, this.run(this.warm, entity, start, commands))
    this.same(
      'L6: a held state decides otherwise than the same state from bytes',
      batch.decisions,
      this.held(entity, start, commands),
    )
    const folded = this.evolve(entity, { tag: 'initial' }, events)
    this.same(
      'L2: the state after the decision is not the fold of its events',
      this.readable(folded),
      this.readable(batch.state),
    )
    return batch
  }

  /** State bytes as the author's value. */
  readable(state: Uint8Array): unknown {
    return this.definition.state.decode(state)
  }

  private fresh(): EventSourcedExports {
    return this.definition.exports([this.definition])
  }

  private run(
    exports: EventSourcedExports,
    entity: string,
    basis: WireBasis,
    commands: readonly WireCommand[],
  ): Decided {
    const answer = exports.decide(this.name, entity, basis, commands, true)
    if (answer.tag === 'unknown') throw new LawBroken('a state from bytes was answered with unknown', basis, answer)
    if (answer.val.next.tag === 'unchanged') throw new LawBroken('asked for a state, got none', basis, answer)
    return { decisions: answer.val.decisions, state: bytesOf(answer.val.next) }
  }

  /** One by one, each on the state that the one before left decoded. */
  private held(entity: string, start: WireBasis, commands: readonly WireCommand[]): readonly WireDecision[] {
    const exports = this.fresh()
    let basis = start
    return commands.flatMap((command) => {
      const answer = exports.decide(this.name, entity, basis, [command], false)
      if (answer.tag === 'unknown') throw new LawBroken('L6: a state that was just held is unknown', basis, answer)
      const { decisions, next } = answer.val
      if (next.tag === 'held') basis = { tag: 'held', val: next.val.token }
      else if (next.tag === 'state') basis = next
      return decisions
    })
  }

  private same(law: string, expected: unknown, actual: unknown): void {
    mustBeSame(this.name, law, expected, actual)
  }
}

function bytesOf(answer: { readonly tag: string; readonly val?: unknown }): Uint8Array {
  if (answer.tag === 'state') return answer.val as Uint8Array
  const { state } = answer.val as { readonly state: Uint8Array | undefined }
  if (state === undefined) throw new LawBroken('asked for bytes of the state, got none', 'bytes', answer)
  return state
}
