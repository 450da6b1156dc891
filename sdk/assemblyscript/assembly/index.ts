// What authors and generated code import.

export {
  Action,
  BidiStream,
  BidiStreamOf,
  ClientStream,
  ClientStreamOf,
  NoState,
  ServerStream,
  ServerStreamOf,
  Stream,
} from './action'
export { Bytes } from './bytes'
export { Metadata } from './command'
export { Context } from './context'
export {
  Clock,
  Consistency,
  elementOf,
  Flag,
  GCounter,
  GSet,
  LWWRegister,
  ORMap,
  ORSet,
  PNCounter,
  RecordView,
  textOf,
  View,
  Vote,
} from './crdt'
export { Call, Code, codeOf } from './decision'
export { days, Effect, Hearing, hours, minutes, Resolution, seconds, Ticket } from './effect'
export { EventSourced } from './event-sourced'
export { Box, sortedKeys } from './map'
export { decode, decodeEvent, encode, Message } from './message'
export { KeyField, Method } from './method'
export { Reader } from './reader'
export { Reason, reasonOf } from './reason'
export { Replicated } from './replicated'
export { MethodView, Options, serve } from './service'
export { Value } from './value'
export { Change, Rows, Source, serveView, TableView } from './view'
export { isPlusZero, Writer } from './writer'
