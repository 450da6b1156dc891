// Guest log: what services say with `console.log` and the like, as debug lines of the host's log.
//
// G1. Nothing is done at other levels: a service that talks much costs a quiet host its copies, and no lines.
// G2. But for one: a warning that begins with the name of a law (`L2: …`) is the SDK's, and means a mistake of the author's that it
//     mends at each call. It is told as a warning, once for each method.

import type { Logger } from 'pino'
import type { LogLine } from '../outcome.ts'
import { printable } from '../printable.ts'

interface Speaker {
  readonly service: string
  /** Outward id; none for actions. */
  readonly entity?: string
  readonly method: string
  readonly requestId?: string
}

const lawNamed = /^L\d: /
const toldMax = 1_000
/** What was told as a warning, by logger: a host's. */
const told = new WeakMap<Logger, Set<string>>()

/** @param speaker is only asked where there is something to say. */
export function logLines(log: Logger, logs: readonly LogLine[], speaker: () => Speaker): void {
  if (logs.length === 0) return
  for (const { level, text } of logs) if (level === 'warn' && lawNamed.test(text)) warnOnce(log, text, speaker)
  if (!log.isLevelEnabled('debug')) return
  const fields = speaker()
  for (const { level, text } of logs) log.debug({ ...fields, severity: level }, printable(text))
}

function warnOnce(log: Logger, text: string, speaker: () => Speaker): void {
  const { service, method } = speaker()
  const known = told.get(log) ?? new Set()
  told.set(log, known)
  const key = `${service}/${method}`
  if (known.has(key) || known.size === toldMax) return
  known.add(key)
  log.warn({ service, method }, printable(text))
}
