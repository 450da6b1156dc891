// @innkeeper/sdk: what authors import.

export type { Action, BidiParts, ClientStreamParts, Output, ServerStreamParts, StreamHandler } from './action.ts'
export { action, bidi, clientStream, serverStream } from './action.ts'
export type { Code } from './codec/codes.ts'
export type { MessageType, ServiceType } from './codec/message.ts'
export { utf8 } from './codec/utf8.ts'
export type {} from './console.ts'
export type { CallContext, Context, Metadata, Moment, Occasion } from './context.ts'
export type { Element, ElementCodec, Json } from './crdt/codec.ts'
export { bool, bytes, int32, int64, json, text } from './crdt/codec.ts'
export type { AnyKind, Kind, PlainOf, PlainVote, ViewOf } from './crdt/kinds.ts'
export { flag, gCounter, gSet, lwwRegister, orMap, orSet, pnCounter, record, vote } from './crdt/kinds.ts'
export type { Clock, Operation } from './crdt/operation.ts'
export type {
  CounterView,
  FlagView,
  GSetView,
  ORMapView,
  ORSetView,
  RegisterView,
  SetOptions,
  VoteView,
} from './crdt/view.ts'
export type {
  Accepted,
  Accepting,
  AskOptions,
  Call,
  Consistency,
  DueOptions,
  EffectOptions,
  LaterOptions,
  MetadataEntry,
  NameOption,
  Refused,
  RefusedWithEffects,
  RefuseOptions,
  Removed,
  Streamed,
  Updated,
} from './decision.ts'
export { accept, call, guard, refuse, remove, update } from './decision.ts'
export type { DeepReadonly, EntityOptions, ServiceOptions } from './definition.ts'
export { days, hours, minutes, seconds } from './effect.ts'
export type { EventSourced, Options } from './event-sourced.ts'
export { eventSourced } from './event-sourced.ts'
export type { Reason } from './failure.ts'
export { reasonOf } from './failure.ts'
export type { MethodView, Replicated, StreamHandlers } from './replicated.ts'
export { dynamic, element, replicated } from './replicated.ts'
export type { GoingOn, Step } from './step.ts'
export { emit, end, keep, silent } from './step.ts'
export type { Value } from './value.ts'
export { value } from './value.ts'
export type { Change, ManyRows, Projection, Rows, Source, View } from './view.ts'
export { eventsOf, replicasOf, rows, valuesOf, view } from './view.ts'
