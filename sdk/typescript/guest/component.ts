// Component: the exports of a component, made from its definitions. The build writes an entry module that calls this.
//
// C1. A batch is decided one by one, each command on the state that the one before left (law L1).
// C2. `unknown` is answered before anything is decided. A held state is only a cache (law L6).
// C3. Bytes come whenever they are asked for, and whenever the state is too large to hold.
//
// Leaves to others: one command (decide.ts), the cache (held.ts), bytes (../state.ts).

import type { EventSourced } from '../event-sourced.ts'
import { version } from '../version.ts'
import { RunningService } from './decide.ts'
import type { Held } from './held.ts'
import { HeldStates } from './held.ts'
import type {
  WireBasis,
  WireCommand,
  WireDecided,
  WireDecision,
  WireDescription,
  WireEvolved,
  WireState,
  WireTyped,
} from './wire.ts'

export interface Component {
  readonly about: { readonly describe: () => WireDescription }
  readonly eventSourced: {
    readonly decide: (
      service: string,
      entity: string,
      basis: WireBasis,
      commands: readonly WireCommand[],
      wantState: boolean,
    ) => WireDecided
    readonly evolve: (
      service: string,
      entity: string,
      basis: WireBasis,
      events: readonly WireTyped[],
      wantState: boolean,
    ) => WireEvolved
  }
}

// The cheap bound counts three bytes for a character; for a large state it could refuse what fits, so it is measured.
const sizeBoundTrustedMax = 1024 * 1024

export type AnyDefinition = EventSourced | readonly EventSourced[]

/** @throws TypeError for anything that is not a definition, and for a service that is there twice. */
export function component(exported: AnyDefinition, descriptors: Uint8Array): Component {
  const definitions = (Array.isArray(exported) ? exported : [exported]) as readonly EventSourced[]
  const services = new Map<string, RunningService>()
  for (const definition of definitions) {
    if (definition?.kind !== 'event-sourced') throw new TypeError('the service module must export a service by default')
    const name = definition.service.typeName
    if (services.has(name)) throw new TypeError(`${name} is defined twice`)
    services.set(name, new RunningService(definition))
  }
  const description = describe(definitions, descriptors)
  const calls = new Calls(services)
  return {
    about: { describe: () => description },
    eventSourced: { decide: calls.decide.bind(calls), evolve: calls.evolve.bind(calls) },
  }
}

class Calls {
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
    const service = this.service(name)
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
    const service = this.service(name)
    const before = this.before(service, entity, basis)
    if (before === undefined) return { tag: 'unknown' }
    let state = before.state
    for (const event of events) state = service.evolve(state, event)
    return this.next(service, entity, basis, state, wantState)
  }

  private service(name: string): RunningService {
    const service = this.services.get(name)
    if (service === undefined) throw new TypeError(`this component has no service ${name}`)
    return service
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

function describe(definitions: readonly EventSourced[], descriptors: Uint8Array): WireDescription {
  return {
    sdkName: '@innkeeper/sdk',
    sdkVersion: version,
    services: definitions.map(({ service, state, options }) => ({
      name: service.typeName,
      kind: 'event-sourced',
      persistenceId: options.persistenceId,
      snapshotEvery: options.snapshotEvery ?? 0,
      passivateAfterMs: options.passivateAfterMs ?? 0,
      stateType: state.typeName,
      stateVersion: options.stateVersion,
      headers: (options.headers ?? []).map((name) => name.toLowerCase()),
      views: [],
    })),
    descriptors,
  }
}
