// Log: structured lines on standard error, so that standard output stays the command's own.
//
// An error with a code is told by its sentence, and that of its cause: it is no bug, and its stack would hide what to do.

import type { Logger } from 'pino'
import pino from 'pino'
import { InnkeeperError } from '../errors.ts'

export function createLog(level: string): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: told } }
  return pino(options, pino.destination({ fd: 2, sync: true }))
}

function told(error: unknown): unknown {
  if (!(error instanceof InnkeeperError) || error.code === 'internal') return pino.stdSerializers.err(error as Error)
  const { message: cause } = (error.cause ?? {}) as { message?: string }
  const message = cause === undefined || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`
  return { code: error.code, message }
}
