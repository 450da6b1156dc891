// Event-sourced: the interface of wit/event-sourced.wit, made from the author's definitions.
//
// D1. A batch is decided one by one, each command on the state that the one before left (law L1).
// D2. A refusal brings no events, no effects, and leaves the state (law L3).
// D3. Each event is encoded before it is evolved, so nothing enters a state that the journal could not give back.
// D4. `unknown` is answered before anything is decided. A held state is only a cache (law L6).
// D5. Bytes come whenever they are asked for, and whenever the state is too large to hold.
// D6. Between calls of the author's code every state is frozen, or a copy (lending.ts): no handler changes what is held.
//
// Leaves to others: the cache (held.ts), bytes (../state.ts), outcomes (outcome.ts).

import type { MessageType } from '../codec/message.ts'
import { messageTypeOf } from '../codec/message.ts'
import { CommandContext } from '../context.ts'
import type { AnyTagged } from '../decision.ts'
import { Refusal } from '../decision.ts'
import type { EventSourced, RunningFold, RunningHandler } from '../event-sourced.ts'
import { startOver } from '../frozen.ts'
import type { Held } from './held.ts'
import { HeldStates } from './held.ts'
import type { Lending } from './lending.ts'
import { lending } from './lending.ts'
import type { Running } from './outcome.ts'
import { acceptedOutcome, answerOf, decodeRequest, entityRefusal, runningMethods, unknownMethod } from './outcome.ts'
import { serviceOf, servicesByName } from './services.ts'
import type { WireBasis, WireCommand, WireDecided, WireDecision, WireEvolved, WireState, WireTyped } from './wire.ts'

export interface EventSourcedExports {
  decide(
    service: string,
    entity: string,
    basis: WireBasis,
    commands: readonly WireCommand[],
    wantState: boolean,
  ): WireDecided
  evolve(
    service: string,
    entity: string,
    basis: WireBasis,
    events: readonly WireTyped[],
    wantState: boolean,
  ): WireEvolved
}

export function eventSourcedExports(definitions: readonly EventSourced[]): EventSourcedExports {
  const calls = new Calls(servicesByName(definitions, (definition) => new RunningService(definition)))
  return { decide: calls.decide.bind(calls), evolve: calls.evolve.bind(calls) }
}

// The cheap bound counts three bytes for a character; for a large state it could refuse what fits, so it is measured.
const sizeBoundTrustedMax = 1024 * 1024

class Calls implements EventSourcedExports {
  private readonly services: ReadonlyMap<string, RunningService>
  private readonly held = new HeldStates()

  constructor(services: ReadonlyMap<string, RunningService>) {
    this.services = services
  }

  decide(
    name: string,
    entity: string,
    basis: WireBasis,
    commands: readonly WireCommand[],
    wantState: boolean,
  ): WireDecided {
    const service = serviceOf(this.services, name)
    const before = this.before(service, entity, basis)
    if (before === undefined) return { tag: 'unknown' }
    let state = before.state
    const decisions: WireDecision[] = []
    for (const command of commands) {
      const { decision, after } = service.decide(entity, state, command)
      decisions.push(decision)
      state = after
    }
    if (state === before.state && !wantState && basis.tag !== 'state') {
      if (basis.tag === 'held') this.held.touch(basis.val, before)
      return { tag: 'decided', val: { decisions, next: { tag: 'unchanged' } } }
    }
    return { tag: 'decided', val: { decisions, next: this.next(service, entity, basis, state, wantState) } }
  }

  evolve(
    name: string,
    entity: string,
    basis: WireBasis,
    events: readonly WireTyped[],
    wantState: boolean,
  ): WireEvolved {
    const service = serviceOf(this.services, name)
    const before = this.before(service, entity, basis)
    if (before === undefined) return { tag: 'unknown' }
    let state = before.state
    for (const event of events) state = service.evolve(state, event)
    return this.next(service, entity, basis, state, wantState)
  }

  private before(service: RunningService, entity: string, basis: WireBasis): Held | undefined {
    const { state, service: type } = service.definition
    if (basis.tag === 'held') return this.held.find(basis.val, type.typeName, entity)
    const value = basis.tag === 'initial' ? state.initial : state.decode(basis.val)
    return { service: type.typeName, entity, state: value, sizeMax: 0 }
  }

  private next(
    service: RunningService,
    entity: string,
    basis: WireBasis,
    state: unknown,
    wantState: boolean,
  ): WireState {
    const { state: codec, service: type } = service.definition
    startOver()
    if (basis.tag === 'held') this.held.forget(basis.val)
    let bytes = wantState ? codec.encode(state) : undefined
    let size = bytes?.length ?? codec.sizeMax(state)
    if (bytes === undefined && size > sizeBoundTrustedMax) {
      bytes = codec.encode(state)
      size = bytes.length
    }
    const token = this.held.hold({ service: type.typeName, entity, state, sizeMax: size })
    if (token === undefined) return { tag: 'state', val: bytes ?? codec.encode(state) }
    return { tag: 'held', val: { token, size, state: wantState ? bytes : undefined } }
  }
}

interface RunningEvent {
  readonly type: MessageType<object>
  readonly fold: RunningFold
}

interface Decided {
  readonly decision: WireDecision
  readonly after: unknown
}

const nothing: readonly never[] = []

/** A definition with its methods and events looked up by their wire names. */
class RunningService {
  readonly definition: EventSourced
  private readonly methods: ReadonlyMap<string, Running<RunningHandler>>
  private readonly events = new Map<string, RunningEvent>()

  constructor(definition: EventSourced) {
    this.definition = definition
    const { service, decide, evolve } = definition
    this.methods = runningMethods(service, decide)
    for (const [key, fold] of Object.entries(evolve)) {
      const type = service.messages[key]!
      this.events.set(type.typeName, { type, fold })
    }
  }

  /** The decision and the state after it (the same object if nothing changed). */
  decide(entity: string, state: unknown, command: WireCommand): Decided {
    const running = this.methods.get(command.method)
    if (running === undefined) return refused(state, this.name, unknownMethod(this.name, command.method))
    return lending(running.name, (by) => this.decided(entity, state, command, running, by))
  }

  private decided(
    entity: string,
    state: unknown,
    command: WireCommand,
    running: Running<RunningHandler>,
    by: Lending,
  ): Decided {
    const request = decodeRequest(running.method, command.payload)
    if (request instanceof Refusal) return refused(state, running.name, request)
    const codec = this.definition.state
    const given = by.lend(codec, state)
    const context = new CommandContext(entity, command)
    const answer = answerOf(running.name, running.handler(given, request, context))
    if (answer instanceof Refusal) return refused(state, running.name, answer)
    const events: WireTyped[] = []
    let after = state
    for (const event of answer.changes as readonly AnyTagged[]) {
      const type = messageTypeOf(event)
      const fold = type && this.events.get(type.typeName)
      if (fold === undefined) throw new TypeError(`${running.name} emits ${nameOf(event)}, which has no evolve`)
      events.push({ typeName: fold.type.typeName, data: fold.type.encode(event) })
      // Only an event that is there twice is seen again after its fold.
      after = this.folded(fold, after, answer.changes.length > 1 ? by.lend(fold.type, event) : event, by)
    }
    const seen = by.lend(codec, after)
    return { decision: { events, outcome: acceptedOutcome(running, answer, seen) }, after }
  }

  /** The state after the event. @throws if the service has no `evolve` for it: the entity is stuck until a version has. */
  evolve(state: unknown, { typeName, data }: WireTyped): unknown {
    const running = this.events.get(typeName)
    if (running === undefined) throw new TypeError(`${this.name} has no evolve for ${typeName}`)
    return lending(typeName, (by) => this.folded(running, state, running.type.decode(data), by))
  }

  private folded({ type, fold }: RunningEvent, state: unknown, event: object, by: Lending): unknown {
    const codec = this.definition.state
    const after = fold(by.lend(codec, state), event)
    return by.keep(codec, checkedState(after, this.name, type.typeName))
  }

  private get name(): string {
    return this.definition.service.typeName
  }
}

/** The mistake of a fold that forgets to return would otherwise surface at the next command. */
function checkedState(state: unknown, service: string, event: string): unknown {
  if (state === undefined) throw new TypeError(`${service}: evolve of ${event} returns no state`)
  return state
}

function nameOf(event: AnyTagged): string {
  return messageTypeOf(event)?.typeName ?? 'something that no message type made'
}

function refused(state: unknown, name: string, refusal: Refusal): Decided {
  return { decision: { events: nothing, outcome: entityRefusal(name, refusal) }, after: state }
}
