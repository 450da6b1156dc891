// Errors: what can go wrong outside a guest's decision, each code mapped once to gRPC and HTTP.
//
// E2. This file is the only place with status numbers (§refusal-1, §refusal-6).
// E3. A message says what happened and what to do, in one line. A guest's own words stand in none that a caller is told; an operator is told them.
//
// A refusal is data in an outcome and never comes here; a bug of ours is an assert.

/** Where the fault lies, told to callers so that they know whom to ask. */
type ErrorSource = 'caller' | 'guest' | 'host'

interface Wire {
  readonly grpc: number
  readonly http: number
  readonly source: ErrorSource
}

export const wire = {
  bad_request: { grpc: 3, http: 400, source: 'caller' },
  unknown_path: { grpc: 12, http: 404, source: 'caller' },
  unknown_method: { grpc: 12, http: 404, source: 'caller' },
  unknown_service: { grpc: 12, http: 404, source: 'caller' },
  unknown_entity: { grpc: 5, http: 404, source: 'caller' },
  not_found: { grpc: 5, http: 404, source: 'caller' },
  unimplemented: { grpc: 12, http: 501, source: 'caller' },
  wrong_http_method: { grpc: 12, http: 405, source: 'caller' },
  unspoken_protocol: { grpc: 12, http: 415, source: 'caller' },
  message_too_large: { grpc: 8, http: 413, source: 'caller' },
  metadata_too_large: { grpc: 8, http: 431, source: 'caller' },
  idempotency_conflict: { grpc: 6, http: 409, source: 'caller' },
  id_in_flight: { grpc: 6, http: 409, source: 'caller' },
  too_many_hops: { grpc: 9, http: 400, source: 'guest' },
  pipeline_exceeded: { grpc: 8, http: 429, source: 'caller' },
  overloaded: { grpc: 8, http: 429, source: 'host' },
  storage_quota: { grpc: 8, http: 429, source: 'host' },
  state_too_large: { grpc: 8, http: 429, source: 'guest' },
  query_too_large: { grpc: 8, http: 429, source: 'guest' },
  query_failed: { grpc: 13, http: 500, source: 'guest' },
  several_rows: { grpc: 9, http: 400, source: 'guest' },
  out_of_range: { grpc: 11, http: 400, source: 'guest' },
  deadline_exceeded: { grpc: 4, http: 504, source: 'host' },
  guest_fault: { grpc: 13, http: 500, source: 'guest' },
  watch_not_reading: { grpc: 9, http: 400, source: 'guest' },
  entity_stuck: { grpc: 9, http: 400, source: 'guest' },
  data_damaged: { grpc: 15, http: 500, source: 'host' },
  outcome_unknown: { grpc: 14, http: 503, source: 'host' },
  storage_unavailable: { grpc: 14, http: 503, source: 'host' },
  service_unserved: { grpc: 14, http: 503, source: 'host' },
  service_replaced: { grpc: 14, http: 503, source: 'host' },
  quarantined: { grpc: 14, http: 503, source: 'guest' },
  unavailable: { grpc: 14, http: 503, source: 'host' },
  stopping: { grpc: 14, http: 503, source: 'host' },
  forbidden: { grpc: 7, http: 403, source: 'caller' },
  unauthenticated: { grpc: 16, http: 401, source: 'caller' },
  internal: { grpc: 13, http: 500, source: 'host' },
} as const satisfies Record<string, Wire>

export type ErrorCode = keyof typeof wire

/** Worth another try in a second. */
const soon: ReadonlySet<ErrorCode> = new Set(['overloaded', 'storage_unavailable', 'unavailable'])

export class InnkeeperError extends Error {
  readonly code: ErrorCode
  /** When it is worth trying again; undefined: nothing is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, cause?: unknown, retryAfterSeconds?: number) {
    // Where it was made says nothing of a refusal for want of room, and is dear when there are most of them.
    const { stackTraceLimit } = Error
    if (code === 'overloaded') Error.stackTraceLimit = 0
    super(message, cause === undefined ? undefined : { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'InnkeeperError'
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds ?? (soon.has(code) ? 1 : undefined)
  }
}

/** The name of a google.rpc.Code, index = number. */
export const grpcCodeNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

/** The canonical HTTP status of a google.rpc.Code (§refusal-1): for refusals, which carry the code themselves. */
export const httpStatusOfGrpc = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const

/** The function's own words are only in the log (§fault-1). */
export function guestFailed(requestId: string, cause?: unknown): InnkeeperError {
  return new InnkeeperError('guest_fault', `the function failed (request ${requestId})`, cause)
}

export function unknownMethod(service: string, method: string): InnkeeperError {
  return new InnkeeperError(
    'unknown_method',
    `${service} has no method ${method}; \`inn services ${service}\` lists them`,
  )
}

export function internalMethod(service: string, method: string): InnkeeperError {
  return new InnkeeperError('forbidden', `${service}/${method} is internal: only deployed functions may call it`)
}

export function tooManyHops(max: number): InnkeeperError {
  return new InnkeeperError(
    'too_many_hops',
    `the chain has more than ${max} forwards and side effects; look for a circle`,
  )
}

/** What a parser says of a client's JSON has a piece of that in it, line ends too. */
export function malformedJson({ message }: Error): InnkeeperError {
  return new InnkeeperError('bad_request', `$: malformed JSON: ${message.replace(/\s+/g, ' ').slice(0, 200)}`)
}

/** Whatever was thrown, as an error of ours; anything unforeseen is `internal`. */
export function toInnkeeperError(thrown: unknown): InnkeeperError {
  if (thrown instanceof InnkeeperError) return thrown
  return new InnkeeperError('internal', 'the host failed; its log has the details', thrown)
}

/** For an operator, who is told the place of damage and how storage failed; callers are not. */
export function operatorMessage({ code, message, cause }: InnkeeperError): string {
  const told = code === 'data_damaged' || code === 'storage_unavailable'
  return told && cause instanceof Error ? `${message} (${cause.message})` : message
}
