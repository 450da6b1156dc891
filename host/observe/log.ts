// Log: structured lines on standard error, so that standard output stays the command's own.

import type { Logger } from 'pino'
import pino from 'pino'

export function createLog(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true }))
}
