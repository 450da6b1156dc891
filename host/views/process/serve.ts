// Serve: the end of the channel that is in a process of views: one request after the other, each with one answer.
//
// E1. It ends with its host: when the channel closes.
// E2. Under a Node whose SQLite cannot be sealed it says so, and does nothing else.
//
// Owns: the channel.   reader.ts and writer.ts own: the work.

import { DatabaseSync } from 'node:sqlite'
import { InnkeeperError, toInnkeeperError } from '../../errors.ts'
import { WireError } from '../../schema/wire.ts'
import type { Answered, Asked, Failure } from './protocol.ts'

/** @param work throws what went wrong */
export function serve(work: (request: never) => unknown): void {
  process.on('disconnect', () => process.exit())
  if (!canBeSealed()) {
    say({ unfit: `views need a Node.js whose SQLite can be sealed, 24.21 or later; this is ${process.version}` })
    return
  }
  process.on('message', ({ id, request }: Asked) => {
    try {
      say({ id, value: work(request as never) })
    } catch (error) {
      say({ id, failure: failureOf(error) })
    }
  })
  say({ ready: true })
}

/** Node has had SQLite for longer than what closes it. */
function canBeSealed(): boolean {
  if (!('setAuthorizer' in DatabaseSync.prototype) || !('enableDefensive' in DatabaseSync.prototype)) return false
  const db = new DatabaseSync(':memory:')
  const { limits } = db as unknown as { limits?: object }
  db.close()
  return limits !== undefined
}

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof WireError)
    return { code: 'bad_request', message: `the bytes are not the message: ${thrown.message}`, detail: undefined }
  const { code, message, cause } = toInnkeeperError(thrown)
  const detail = thrown instanceof InnkeeperError && cause instanceof Error ? cause.message : undefined
  return { code, message, detail: detail ?? (code === 'internal' ? String((thrown as Error).stack) : undefined) }
}

function say(answer: Answered): void {
  process.send!(answer)
}
