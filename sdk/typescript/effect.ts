// Effects: commands that run once a decision is durable, and what an answer may say of each: when it is due, what it is called, who hears what
// it was answered, and for how long one waits for that. Beside them the tickets of callers whose calls stay open.
//
// F1. Spans and times are whole milliseconds: what is more than a millionth above one is rounded up. A span below 0 is 0.
// F2. What no number of milliseconds can be, an empty name and a note that no message type made are the author's faults, in words.
//
// The same code in Node and in the engine, whose answers ask it for all but the plain effect (engine/src/answers.c).

import { messageTypeOf } from './codec/message.ts'
import { wellFormed } from './codec/text.ts'
import type { AnyTagged, Call } from './decision.ts'

/** Undefined: at once. Milliseconds after the commit, or since 1970. */
export type Due = { readonly tag: 'after' | 'at'; readonly val: number }

export interface Effect {
  readonly call: Call
  readonly synchronous: boolean
  readonly due?: Due | undefined
  readonly name?: string | undefined
  /** The method as handlers spell it, and the bytes of the note. */
  readonly answer?: { readonly method: string; readonly note: Uint8Array } | undefined
  /** Milliseconds. */
  readonly within?: number | undefined
}

/** A ticket of the caller; `within` is whole seconds. */
export interface Deferred {
  readonly ticket: string
  readonly within: number | undefined
}

/** What all who wait for a ticket are answered: a reply of the method, or a refusal. */
export interface Resolution {
  readonly ticket: string
  /** As handlers spell it. */
  readonly method: string
  readonly answer: object
}

interface Said {
  readonly synchronous?: boolean | undefined
  readonly name?: string | undefined
  readonly within?: number | undefined
  readonly after?: number | undefined
  readonly at?: number | undefined
}

const noNote = new Uint8Array(0)
const secondsMax = 0xffff_ffff

export function effectOf(call: Call, options: Said = {}): Effect {
  const { synchronous, name, within } = options
  return {
    call,
    synchronous: synchronous === true,
    name: name === undefined ? undefined : checkedName('the name of an effect', name),
    within: within === undefined ? undefined : Math.max(1, wholeMs('within', within)),
  }
}

/** Due so many milliseconds after the commit. */
export function effectAfter(ms: number, call: Call, options?: Said): Effect {
  return { ...effectOf(call, options), due: { tag: 'after', val: wholeMs('after', ms) } }
}

/** Due at this time since 1970. */
export function effectAt(timeMs: number, call: Call, options?: Said): Effect {
  return { ...effectOf(call, options), due: { tag: 'at', val: wholeMs('at', timeMs) } }
}

/** Its answer is heard by a method of the same entity. */
export function asked(call: Call, method: string, note?: AnyTagged, options: Said = {}): Effect {
  const { after, at } = options
  if (after !== undefined && at !== undefined) throw new TypeError('ask: an effect is due either `after` or `at`')
  const effect =
    after !== undefined
      ? effectAfter(after, call, options)
      : at !== undefined
        ? effectAt(at, call, options)
        : effectOf(call, options)
  if (effect.synchronous) throw new TypeError('ask: a synchronous effect has no answer')
  return { ...effect, answer: { method, note: note === undefined ? noNote : noteBytes(note) } }
}

export function cancelled(...names: readonly string[]): readonly string[] {
  return names.map((name) => checkedName('the name of an effect', name))
}

export function deferred(ticket: string, options: { readonly within?: number | undefined } = {}): Deferred {
  const { within } = options
  if (within === undefined) return { ticket: checkedName('a ticket', ticket), within }
  const seconds = Math.max(1, Math.ceil(wholeMs('within', within) / 1000))
  if (seconds > secondsMax) throw new RangeError(`within: a ticket is open for ${secondsMax} seconds at most`)
  return { ticket: checkedName('a ticket', ticket), within: seconds }
}

export function resolution(ticket: string, method: string, answer: object): Resolution {
  return { ticket: checkedName('a ticket', ticket), method, answer }
}

/** @throws RangeError for what no number of milliseconds is. */
function wholeMs(what: string, ms: number): number {
  const whole = typeof ms === 'number' ? Math.max(0, roundedUp(ms)) : Number.NaN
  if (Number.isSafeInteger(whole)) return whole
  throw new RangeError(`${what}: ${String(ms)} is no number of milliseconds`)
}

function noteBytes(note: AnyTagged): Uint8Array {
  const type = typeof note === 'object' && note !== null ? messageTypeOf(note) : undefined
  if (type === undefined) throw new TypeError('ask: the note was not made by its message type, such as Note({ ... })')
  return type.encode(note)
}

function checkedName(what: string, name: string): string {
  if (checkedText(what, name) === '') throw new TypeError(`${what} is empty`)
  return name
}

/** What the boundary would trap on without a word. */
export function checkedText(what: string, text: string): string {
  if (typeof text !== 'string') throw new TypeError(`${what} is no text: ${String(text)}`)
  if (wellFormed(text) !== text) throw new RangeError(`${what} has half of a surrogate pair, which UTF-8 cannot carry`)
  return text
}

/** A millionth above a whole one is what a fraction of ten is beside one of two: 0.07 * 1000 is 70. */
const tolerance = 1e-6

const roundedUp = (ms: number): number => {
  const whole = Math.trunc(ms)
  const rest = ms - whole
  if (rest > tolerance) return whole + 1
  return rest < tolerance - 1 ? whole - 1 : whole
}

/** Spans, in whole milliseconds, rounded up. */
export const seconds = (count: number): number => roundedUp(count * 1000)
export const minutes = (count: number): number => roundedUp(count * 60_000)
export const hours = (count: number): number => roundedUp(count * 3_600_000)
export const days = (count: number): number => roundedUp(count * 86_400_000)
