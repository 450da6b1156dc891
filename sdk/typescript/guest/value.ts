// Value: the interface of wit/value.wit, made from the author's definitions.
//
// D1. A batch is decided one by one, each command on the value that the one before left (law L1).
// D2. A refusal leaves the value, and brings no effects (law L3).
// D3. `unknown` is answered before anything is decided. A held value is only a cache (law L6).
// D4. Every update is encoded at once: a value that cannot be kept is the fault of the command that made it.
// D5. Between calls of the author's code every value is frozen, or a copy (lending.ts): no handler changes what is held.

import { CommandContext } from '../context.ts'
import { kept, Refusal, removed } from '../decision.ts'
import type { RunningValueHandler, Value } from '../value.ts'
import type { Held } from './held.ts'
import { HeldStates } from './held.ts'
import type { Lending } from './lending.ts'
import { lending } from './lending.ts'
import type { Running } from './outcome.ts'
import { acceptedOutcome, answerOf, decodeRequest, entityRefusal, runningMethods, unknownMethod } from './outcome.ts'
import { serviceOf, servicesByName } from './services.ts'
import type { WireChange, WireCommand, WireValueBasis, WireValueDecided, WireValueDecision } from './wire.ts'

export interface ValueExports {
  decide(service: string, entity: string, basis: WireValueBasis, commands: readonly WireCommand[]): WireValueDecided
}

export function valueExports(definitions: readonly Value[]): ValueExports {
  const services = servicesByName(definitions, (definition) => new RunningValue(definition))
  const held = new HeldStates()
  return {
    decide: (name, entity, basis, commands) => serviceOf(services, name).decide(held, entity, basis, commands),
  }
}

const unchanged: WireChange = { tag: 'unchanged' }
const deleted: WireChange = { tag: 'deleted' }
const unknown: WireValueDecided = { tag: 'unknown' }

interface Decided {
  readonly decision: WireValueDecision
  readonly after: unknown
}

class RunningValue {
  private readonly definition: Value
  private readonly name: string
  private readonly methods: ReadonlyMap<string, Running<RunningValueHandler>>

  constructor(definition: Value) {
    this.definition = definition
    this.name = definition.service.typeName
    this.methods = runningMethods(definition.service, definition.decide)
  }

  decide(held: HeldStates, entity: string, basis: WireValueBasis, commands: readonly WireCommand[]): WireValueDecided {
    const before = this.before(held, entity, basis)
    if (before === undefined) return unknown
    let value = before.state
    let size = before.sizeMax
    const decisions: WireValueDecision[] = []
    for (const command of commands) {
      const { decision, after } = this.one(entity, value, command)
      decisions.push(decision)
      value = after
      if (decision.change.tag === 'updated') size = decision.change.val.length
    }
    return { tag: 'decided', val: { decisions, held: this.keep(held, basis, before, value, size) } }
  }

  private before(held: HeldStates, entity: string, basis: WireValueBasis): Held | undefined {
    if (basis.tag === 'held') return held.find(basis.val, this.name, entity)
    const state = basis.tag === 'absent' ? undefined : this.definition.value.decode(basis.val)
    return { service: this.name, entity, state, sizeMax: basis.tag === 'absent' ? 0 : basis.val.length }
  }

  private keep(held: HeldStates, basis: WireValueBasis, before: Held, state: unknown, sizeMax: number) {
    if (basis.tag === 'held') {
      if (state === before.state) {
        held.touch(basis.val, before)
        return basis.val
      }
      held.forget(basis.val)
    }
    return state === undefined ? undefined : held.hold({ service: this.name, entity: before.entity, state, sizeMax })
  }

  private one(entity: string, current: unknown, command: WireCommand): Decided {
    const running = this.methods.get(command.method)
    if (running === undefined) return refused(current, this.name, unknownMethod(this.name, command.method))
    return lending(running.name, (by) => this.decided(entity, current, command, running, by))
  }

  private decided(
    entity: string,
    current: unknown,
    command: WireCommand,
    running: Running<RunningValueHandler>,
    by: Lending,
  ): Decided {
    const request = decodeRequest(running.method, command.payload)
    if (request instanceof Refusal) return refused(current, running.name, request)
    const codec = this.definition.value
    const given = by.lend(codec, current)
    const context = new CommandContext(entity, command)
    const answer = answerOf(running.name, running.handler(given, request, context))
    if (answer instanceof Refusal) return refused(current, running.name, answer)
    const { value } = answer
    if (answer.changes.length > 0) throw new TypeError(`${running.name} accepts events; a value is changed by update`)
    const after = value === kept ? current : value === removed ? undefined : by.keep(codec, value)
    const change: WireChange =
      value === kept ? unchanged : value === removed ? deleted : { tag: 'updated', val: codec.encode(after) }
    const seen = by.lend(codec, after)
    return { decision: { change, outcome: acceptedOutcome(running, answer, seen) }, after }
  }
}

function refused(current: unknown, name: string, refusal: Refusal): Decided {
  return { decision: { change: unchanged, outcome: entityRefusal(name, refusal) }, after: current }
}
