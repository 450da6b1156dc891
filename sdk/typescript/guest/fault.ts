// Fault: the words of what ends a call. The engine leaves them where the host finds them after the trap (wit/types.wit).
//
// F2. The first line has the name and the message, the others are the stack, with places in the bundle as
//     `service.js:LINE:COLUMN`. Frames of an error's own constructors are left out.
// F3. Nothing here throws, whatever was thrown.
//
// Leaves to others: when (the engine), the author's places (the host, guest/fault-text.ts).

import { wellFormed } from '../codec/text.ts'
import { inspect } from './inspect.ts'

const causesMax = 3
/** Of a name and a message: the stack has to have room behind them. */
const headCharactersMax = 1000

export function wordsOfFault(thrown: unknown): string {
  try {
    return wellFormed(wordsOf(thrown, 0))
  } catch {
    return 'something was thrown that cannot be told'
  }
}

function wordsOf(thrown: unknown, depth: number): string {
  if (!(thrown instanceof Error)) return `${inspect(thrown)} was thrown, which is no Error`
  const { cause } = thrown
  const because = cause === undefined || depth === causesMax ? '' : `\ncaused by ${wordsOf(cause, depth + 1)}`
  return `${headOf(thrown)}\n${framesOf(thrown)}`.trimEnd() + because
}

function headOf(error: Error): string {
  const name = read(error, 'name') ?? 'Error'
  const message = read(error, 'message')
  if (message === undefined) return `${name}, whose message is no text`
  const head = message === '' ? name : `${name}: ${message}`
  return head.length <= headCharactersMax ? head : `${head.slice(0, headCharactersMax)}...`
}

function framesOf(error: Error): string {
  const frames = (read(error, 'stack') ?? '').split('\n')
  const constructors = new Set<string>()
  for (let type: unknown = error.constructor; typeof type === 'function'; type = Object.getPrototypeOf(type))
    constructors.add(`at ${type.name} `)
  while (constructors.has(/^ *(at \S+ )/.exec(frames[0]!)?.[1] ?? '')) frames.shift()
  return frames.join('\n')
}

/** An author's error may have a getter. */
function read(error: Error, key: 'name' | 'message' | 'stack'): string | undefined {
  try {
    const value: unknown = error[key]
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
