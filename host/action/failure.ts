// Failure: what callers of actions are told when it is not the function's own answer, and commands as functions see them.

import type { Command, Failed } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { GuestCommand } from '../guest/guest.ts'

export function failure(error: InnkeeperError): Failed {
  return { kind: 'error', error }
}

/** The function's own words are only in the log (A4). */
export function functionFailed(requestId: string): Failed {
  return failure(new InnkeeperError('guest_fault', `the function failed (request ${requestId})`))
}

export function outboxFull(): Failed {
  return failure(new InnkeeperError('overloaded', 'too many side effects are waiting; see `inn effects`'))
}

export function guestCommand(command: Command, nowMs: number, seed: Uint8Array): GuestCommand {
  return { method: command.method, payload: command.payload, metadata: command.metadata, nowMs, seed }
}
