// What authors and generated code import.

export { Bytes } from './bytes'
export { Metadata } from './command'
export { Context } from './context'
export { Call, Code } from './decision'
export { decode, decodeEvent, encode, Message } from './message'
export { Reader } from './reader'
export { EventSourced, Options, serve } from './service'
export { isPlusZero, Writer } from './writer'
