// About: what a component says of itself (wit/about.wit), as lifted at deployment and stored with it.

export type ServiceKind = 'event-sourced' | 'value' | 'replicated' | 'action'
/** Views are described on their own. */
export type ServedKind = ServiceKind | 'view'

export type ViewScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'element'; readonly field: string }
  | { readonly kind: 'dynamic' }

export interface ServiceDescription {
  readonly name: string
  readonly kind: ServiceKind
  readonly persistenceId: string | undefined
  /** 0: the host's default; negative: never. */
  readonly snapshotEvery: number
  /** 0: the host's default. */
  readonly passivateAfterMs: number
  readonly stateType: string | undefined
  readonly stateVersion: string | undefined
  readonly headers: readonly string[]
  readonly views: readonly { readonly method: string; readonly view: ViewScope }[]
  /** Full names of the event types that `evolve` takes. */
  readonly events: readonly string[]
}

/** Changes that a view takes. */
export interface ViewSource {
  readonly service: string
  readonly kind: ServiceKind
  /** Full names of its events, or of its state. */
  readonly types: readonly string[]
}

/** A service of queries: a table whose rows the component projects. */
export interface ViewDescription {
  readonly name: string
  /** Full name of the row's message. */
  readonly rowType: string
  readonly sources: readonly ViewSource[]
}

export interface Description {
  readonly sdkName: string
  readonly sdkVersion: string
  readonly services: readonly ServiceDescription[]
  /** google.protobuf.FileDescriptorSet. */
  readonly descriptors: Uint8Array
  readonly viewServices: readonly ViewDescription[]
}
