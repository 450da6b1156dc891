// Logs: the lines that a service has logged since its last outcome took them.
//
// G1. Lines belong to the command that is decided: its outcome takes them, with a refusal too, and every call from the host begins
//     without any. So what is logged while events are replayed, or while the module starts, is dropped.
// G2. Bounded as the host bounds them, so that a loop that logs takes no memory.
// G3. They lie in the memory of the call, which the host gives back: whoever begins a call drops them.

import { Bytes } from './bytes'

/** The numbers of the contract (wit/types.wit). */
export const enum Level {
  Debug,
  Info,
  Warn,
  Error,
}

@final
export class Line {
  constructor(
    readonly level: Level,
    readonly text: Bytes,
  ) {}
}

const linesMax: i32 = 100
const bytesMax: i32 = 16 * 1024

let lines: Line[] | null = null
let left: i32 = 0

export function addLine(level: Level, message: string): void {
  let list = lines
  if (list === null) {
    lines = list = []
    left = bytesMax
  }
  if (list.length == linesMax || left == 0) return
  // A character has a byte at least.
  const text = Bytes.fromText(message.length > left ? message.substring(0, left) : message)
  const kept = text.length > left ? text.slice(0, textEnd(text, left)) : text
  left -= kept.length
  list.push(new Line(level, kept))
}

/** A cut never falls into a character. */
function textEnd(text: Bytes, from: i32): i32 {
  let end = from
  while (end > 0 && (text[end] & 0xc0) == 0x80) end--
  return end
}

export function hasLogs(): bool {
  return lines !== null
}

/** The lines so far, or null for none; then there are none. */
@inline
export function takeLogs(): Line[] | null {
  const taken = lines
  lines = null
  return taken
}
