// The error of a call that failed.

import type { Code } from '../codec/codes.ts'

/** A message that says more; its type's `decode` reads it. */
export interface Detail {
  /** Full protobuf name. */
  readonly typeName: string
  readonly data: Uint8Array
}

export class CallError extends Error {
  readonly code: Code
  readonly details: readonly Detail[]

  constructor(code: Code, message: string, details: readonly Detail[] = []) {
    super(message)
    this.name = 'CallError'
    this.code = code
    this.details = details
  }
}
