// Component: the exports of a component, made from its definitions. The build writes an entry module that calls this.
//
// C1. Each definition brings the code that runs its kind, so a component holds no code of kinds that it does not have.
// C2. Definitions of one kind share one interface; calls name the service.

import type { ServiceType } from '../codec/message.ts'
import { native } from '../engine/modules/native.ts'
import { version } from '../version.ts'
import type { View } from '../view.ts'
import type { WireDescription, WireMethodView, WireService, WireViewService } from './wire.ts'

const kinds: readonly string[] = ['event-sourced', 'value', 'replicated', 'action', 'view']

export type Kind = 'event-sourced' | 'value' | 'replicated' | 'action'

/** What authors export: one of `eventSourced`, `value`, `replicated`, `action`, as the component sees it. */
export interface Definition {
  readonly kind: Kind
  readonly service: ServiceType
  readonly options: DescribedOptions
  /** Makes the exports of the kind's interface for all definitions of the kind. */
  exports(definitions: readonly Definition[]): object
  /** Full name of the state's or the value's message, if it is one. */
  stateType?(): string | undefined
  views?(): readonly WireMethodView[]
  /** Full names of the event types that it folds, sorted. */
  events?(): readonly string[]
}

/** All that `about` tells; a kind has the ones that mean something to it. */
interface DescribedOptions {
  readonly persistenceId?: string
  readonly snapshotEvery?: number
  readonly passivateAfterMs?: number
  readonly headers?: readonly string[]
  readonly stateVersion?: string
}

type Exported = Definition | View

/** Gives the engine all that it is to serve.
 *  @throws TypeError for anything that is not a definition, and for a service that is there twice. */
export function component(exported: unknown, descriptors: Uint8Array): void {
  const definitions = (Array.isArray(exported) ? exported : [exported]) as readonly Exported[]
  if (definitions.length === 0) throw new TypeError('the service module exports no service')
  const byKind = new Map<string, Exported[]>()
  const names = new Set<string>()
  for (const definition of definitions) {
    if (typeof definition !== 'object' || definition === null || !kinds.includes(definition.kind)) {
      throw new TypeError('the service module must export a service by default, or a list of services')
    }
    const name = definition.service.typeName
    if (names.has(name)) throw new TypeError(`${name} is defined twice`)
    names.add(name)
    const ofKind = byKind.get(definition.kind)
    if (ofKind === undefined) byKind.set(definition.kind, [definition])
    else ofKind.push(definition)
  }
  const description: WireDescription = {
    sdkName: '@innkeeper/sdk',
    sdkVersion: version,
    services: definitions.filter((definition) => definition.kind !== 'view').map(describe),
    descriptors,
    viewServices: definitions.filter((definition) => definition.kind === 'view').map(describeView),
  }
  const functions = [...byKind.values()].map((ofKind) => ofKind[0]!.exports(ofKind as never))
  native.component(Object.assign({ describe: () => description }, ...functions))
}

function describeView({ service, row, sources }: View): WireViewService {
  return {
    name: service.typeName,
    rowType: row.typeName,
    sources: sources.map((source) => ({
      service: source.service.typeName,
      kind: source.kind,
      types: source.takes.map(({ type }) => type.typeName).sort(),
    })),
  }
}

function describe(definition: Definition): WireService {
  const { kind, service, options } = definition
  return {
    name: service.typeName,
    kind,
    persistenceId: options.persistenceId,
    snapshotEvery: options.snapshotEvery ?? 0,
    passivateAfterMs: options.passivateAfterMs ?? 0,
    stateType: definition.stateType?.(),
    stateVersion: options.stateVersion,
    headers: (options.headers ?? []).map((name) => name.toLowerCase()),
    views: definition.views?.() ?? [],
    events: definition.events?.() ?? [],
  }
}
