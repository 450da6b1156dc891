// Statuses: what a status of HTTP or gRPC means: a google.rpc.Code, and whether it happened. docs/reference/connectors.md has this as a table.
//
// S1. Who answers that it did not do it is believed (REFUSED); who answers that it failed has perhaps done a part (UNKNOWN). A server's 5xx is the
//     latter, and so are 408 and 409 after a try that may have happened.
// S2. 425 and 429 refuse to do it now: REFUSED, and worth another try.
//
// Owns: the tables.   retry-after.ts owns: when to try again.   connectors.ts owns: what earlier tries have to do with it.

import { grpcCodeNames } from '../errors.ts'
import type { Reason } from './connector.ts'

export type CodeName = (typeof grpcCodeNames)[number]

interface Meaning {
  readonly code: CodeName
  readonly reason: Reason
}

const codes: ReadonlyMap<number, CodeName> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [405, 'UNIMPLEMENTED'],
  [406, 'INVALID_ARGUMENT'],
  [408, 'DEADLINE_EXCEEDED'],
  [409, 'ABORTED'],
  [410, 'NOT_FOUND'],
  [411, 'INVALID_ARGUMENT'],
  [413, 'INVALID_ARGUMENT'],
  [414, 'INVALID_ARGUMENT'],
  [415, 'INVALID_ARGUMENT'],
  [416, 'OUT_OF_RANGE'],
  [422, 'INVALID_ARGUMENT'],
  [425, 'UNAVAILABLE'],
  [429, 'RESOURCE_EXHAUSTED'],
  [431, 'INVALID_ARGUMENT'],
  [451, 'PERMISSION_DENIED'],
  [499, 'CANCELLED'],
  [501, 'UNIMPLEMENTED'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
])

/** A redirect that says that the request was not looked at. After the others (302, 303) it often was. */
const elsewhere: ReadonlySet<number> = new Set([301, 307, 308])
/** 4xx after which it may have happened: the server gave up on a request, or a proxy on its client. */
const unsure4xx: ReadonlySet<number> = new Set([408, 499])

/** Of an HTTP status that is no success. */
export function meaningOfHttp(status: number): Meaning {
  if (status >= 400 && status < 500)
    return { code: codes.get(status) ?? 'FAILED_PRECONDITION', reason: unsure4xx.has(status) ? 'UNKNOWN' : 'REFUSED' }
  if (status >= 300 && status < 400)
    return { code: 'FAILED_PRECONDITION', reason: elsewhere.has(status) ? 'REFUSED' : 'UNKNOWN' }
  return { code: codes.get(status) ?? 'INTERNAL', reason: 'UNKNOWN' }
}

/** After these codes it may have happened. */
const unsureCodes: ReadonlySet<CodeName> = new Set([
  ...(['CANCELLED', 'UNKNOWN', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'] as const),
])

/** Of a gRPC status that is no success. A number that is no code counts as UNKNOWN. */
export function meaningOfGrpc(code: number): Meaning {
  const name = grpcCodeNames[code] ?? 'UNKNOWN'
  return { code: name, reason: unsureCodes.has(name) ? 'UNKNOWN' : 'REFUSED' }
}

/** Of an answer to a gRPC request that is none of gRPC: something on the way has answered. */
export function meaningOfGrpcHttp(status: number): Meaning {
  const code = byWay.get(status) ?? 'UNKNOWN'
  return { code, reason: unsureCodes.has(code) ? 'UNKNOWN' : 'REFUSED' }
}

/** As gRPC's own table has it: https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const byWay: ReadonlyMap<number, CodeName> = new Map([
  [400, 'INTERNAL'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'UNIMPLEMENTED'],
  [429, 'UNAVAILABLE'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'UNAVAILABLE'],
])

export function numberOf(code: CodeName): number {
  return grpcCodeNames.indexOf(code)
}

export function isCodeName(text: string): text is CodeName {
  return (grpcCodeNames as readonly string[]).includes(text)
}
