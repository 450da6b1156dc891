// @innkeeper/sdk: what authors import.

export type { MessageType, ServiceType } from './codec/message.ts'
export type { Context, Metadata } from './context.ts'
export type {
  Accepted,
  Accepting,
  Call,
  Code,
  EffectOptions,
  MetadataEntry,
  Refused,
  RefuseOptions,
} from './decision.ts'
export { accept, call, refuse } from './decision.ts'
export type { DeepReadonly, EventSourced, Options } from './event-sourced.ts'
export { eventSourced } from './event-sourced.ts'
