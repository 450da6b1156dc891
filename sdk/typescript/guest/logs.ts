// Logs: the lines that a service has logged since its last outcome took them.
//
// G1. Lines belong to the command that is decided: its outcome takes them, with a refusal too, and every call from the host begins
//     without any. So what is logged while events are replayed, or while the module loads, is dropped.
// G2. Bounded as the host bounds them, so that a loop that logs takes no memory. (The host counts bytes; characters are never more.)
// G3. A command that logs nothing costs nothing: its list is one that all share.
//
// Leaves to others: words from values (console.ts).

import { wellFormed } from '../codec/text.ts'
import type { WireLevel, WireLogLine } from './wire.ts'

const linesMax = 100
const charactersMax = 16 * 1024

const none: readonly WireLogLine[] = Object.freeze([])

let lines: WireLogLine[] | undefined
let left = charactersMax

/** Half of a surrogate pair becomes U+FFFD: a log line is no reason to fail. */
export function log(level: WireLevel, text: string): void {
  lines ??= []
  if (lines.length === linesMax || left === 0) return
  const kept = wellFormed(text.slice(0, left))
  lines.push({ level, text: kept })
  left -= kept.length
}

/** For streams: lines that no outcome has taken. */
export function hasLogs(): boolean {
  return lines !== undefined
}

/** The lines so far; then there are none. */
export function takeLogs(): readonly WireLogLine[] {
  if (lines === undefined) return none
  const taken = lines
  lines = undefined
  left = charactersMax
  return taken
}
