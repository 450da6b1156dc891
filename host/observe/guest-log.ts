// Guest log: what services say with `console.log` and the like, as debug lines of the host's log.
//
// G1. Nothing is done at other levels: a service that talks much costs a quiet host its copies, and no lines.

import type { Logger } from 'pino'
import type { LogLine } from '../outcome.ts'
import { printable } from '../printable.ts'

export interface Speaker {
  readonly service: string
  /** Outward id; none for actions. */
  readonly entity?: string
  readonly method: string
  readonly requestId?: string
}

/** @param speaker is only asked where there is something to say. */
export function logLines(log: Logger, logs: readonly LogLine[], speaker: () => Speaker): void {
  if (logs.length === 0 || !log.isLevelEnabled('debug')) return
  const fields = speaker()
  for (const { level, text } of logs) log.debug({ ...fields, severity: level }, printable(text))
}
