// What programs import that call services: Node's and those in browsers.

export type { CallOptions, Calls, Client, ConnectOptions } from './client/client.ts'
export { connect } from './client/client.ts'
export type { Detail } from './client/error.ts'
export { CallError } from './client/error.ts'
export type { Code } from './codec/codes.ts'
