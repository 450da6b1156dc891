// Lift: what a guest answered, out of its memory, as checked copies of the host's own (layout.ts).
//
// L1. Every pointer, alignment, length, count, case and UTF-8 sequence is checked; anything off is a fault `malformed`.
// L2. Bytes and elements are charged against the call's budget before they are copied: lists that overlap in the guest's
//     memory cannot become more on the host's side. More is a fault `too_large`. (jco's glue: 2.4 GB from 128 KB.)
// L3. States and values have a budget of their own, `stateBytesMax` for all of an answer: one may be larger than the answer's.
// L4. A boolean is true for any value but 0, as the canonical ABI has it; padding is ignored.
//
// Owns: primitive values and their budget.   lift-outcome.ts, describe.ts own: records.

import type { Limits } from '../limits.ts'
import { GuestFault } from './guest.ts'
import { Decoder } from './interner.ts'
import { sizes } from './layout.ts'
import type { GuestMemory } from './memory.ts'

/** Up to here a loop copies faster than a view and a `set`. */
const smallMax = 48

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The first of the list's items, and how many: checked to lie in memory, and paid for. */
interface LiftedList {
  readonly at: number
  readonly count: number
}

export class Lift {
  readonly memory: GuestMemory
  readonly limits: Limits
  /** What must not stand beside a failure is looked for, instead of left unread (law L3). */
  readonly strict: boolean
  readonly #names = new Decoder()
  #bytesLeft = 0
  #elementsLeft = 0
  #stateBytesLeft = 0

  constructor(memory: GuestMemory, limits: Limits, strict = false) {
    this.memory = memory
    this.limits = limits
    this.strict = strict
  }

  /** A call's budget begins anew. */
  begin(): void {
    this.#bytesLeft = this.limits.guestResultBytesMax
    this.#elementsLeft = this.limits.guestResultElementsMax
    this.#stateBytesLeft = this.limits.stateBytesMax
  }

  /** The address of an answer that came by pointer. */
  root(pointer: number, size: number): number {
    this.memory.check(pointer, 1, size, 4)
    return pointer
  }

  /** A discriminant of one byte, below `cases`. */
  case(at: number, cases: number, what: string): number {
    const value = this.memory.bytes[at]!
    if (value >= cases) throw new GuestFault('malformed', `${what}: there is no case ${value}`)
    return value
  }

  /** A time, or a span of time: whole milliseconds. */
  milliseconds(at: number, what: string): number {
    const value = this.memory.words.getFloat64(at, true)
    if (!Number.isSafeInteger(value) || value < 0)
      throw new GuestFault('malformed', `${what}: ${value} is no whole number of milliseconds`)
    return value
  }

  /** In a strict lift, what lies here beside a failure must be 0: the length of a list, a case, a flag. */
  besideFailure(value: number, what: string): void {
    if (this.strict && value !== 0) throw new GuestFault('malformed', `L3: ${what} beside a failure`)
  }

  bool(at: number): boolean {
    return this.memory.bytes[at] !== 0
  }

  /** A list of records, whose items the caller reads one by one. `countMax` bounds it for its meaning. */
  list(at: number, size: number, countMax: number, what: string, align = 4): LiftedList {
    const pointer = this.memory.u32(at)
    const count = this.memory.u32(at + 4)
    this.memory.check(pointer, count, size, align)
    if (count > countMax) throw new GuestFault('too_large', `${what}: ${count} given, ${countMax} allowed`)
    this.#charge(0, count)
    return { at: pointer, count }
  }

  /** The first items of a list of which no more than `countMax` are wanted: the others are neither read nor paid for. */
  listStart(at: number, size: number, countMax: number): LiftedList {
    const pointer = this.memory.u32(at)
    const count = this.memory.u32(at + 4)
    this.memory.check(pointer, count, size, 4)
    const taken = Math.min(count, countMax)
    this.#charge(0, taken)
    return { at: pointer, count: taken }
  }

  bytes(at: number, bytesMax: number, what: string): Uint8Array {
    const pointer = this.memory.u32(at)
    const length = this.memory.u32(at + 4)
    this.memory.check(pointer, length, 1, 1)
    if (length > bytesMax) throw tooLong(what, length, bytesMax)
    this.#charge(length, 1)
    return this.#copy(pointer, length)
  }

  /** What is kept of an entity or a stream: outside the budget, under its own (L3). */
  state(at: number, what = 'the state'): Uint8Array {
    const { stateBytesMax } = this.limits
    const pointer = this.memory.u32(at)
    const length = this.memory.u32(at + 4)
    this.memory.check(pointer, length, 1, 1)
    if (length > stateBytesMax) throw stateTooLarge(what, length, stateBytesMax)
    this.#stateBytesLeft -= length
    if (this.#stateBytesLeft < 0)
      throw new GuestFault('too_large', `${what}: over ${stateBytesMax} bytes in one answer`)
    return this.#copy(pointer, length)
  }

  text(at: number, bytesMax: number, what: string): string {
    const pointer = this.memory.u32(at)
    const length = this.memory.u32(at + 4)
    this.memory.check(pointer, length, 1, 1)
    if (length > bytesMax) throw tooLong(what, length, bytesMax)
    this.#charge(length, 1)
    if (length === 0) return ''
    const bytes = this.memory.bytes
    const known = this.#names.decode(bytes, pointer, length)
    if (known !== undefined) return known
    try {
      return strictText.decode(bytes.subarray(pointer, pointer + length))
    } catch (cause) {
      throw new GuestFault('malformed', `${what}: not UTF-8`, cause)
    }
  }

  /** The start of a text that is only for the log: cut to `bytesMax`, and what is not UTF-8 replaced. */
  textStart(at: number, bytesMax: number): string {
    const pointer = this.memory.u32(at)
    const length = this.memory.u32(at + 4)
    this.memory.check(pointer, length, 1, 1)
    const taken = Math.min(length, bytesMax)
    this.#charge(taken, 1)
    return this.memory.bytes.toString('utf8', pointer, pointer + taken)
  }

  /** A name: at most `nameLengthMax`. */
  name(at: number, what: string): string {
    return this.text(at, this.limits.nameLengthMax, what)
  }

  optionalText(at: number, bytesMax: number, what: string): string | undefined {
    return this.case(at, 2, what) === 0 ? undefined : this.text(at + 4, bytesMax, what)
  }

  #copy(pointer: number, length: number): Uint8Array {
    const copy = new Uint8Array(length)
    const bytes = this.memory.bytes
    if (length > smallMax) copy.set(bytes.subarray(pointer, pointer + length))
    else for (let i = 0; i < length; i++) copy[i] = bytes[pointer + i]!
    return copy
  }

  #charge(bytes: number, elements: number): void {
    this.#bytesLeft -= bytes
    this.#elementsLeft -= elements
    if (this.#bytesLeft < 0) {
      throw new GuestFault('too_large', `the answer has more than ${this.limits.guestResultBytesMax} bytes`)
    }
    if (this.#elementsLeft < 0) {
      throw new GuestFault('too_large', `the answer has more than ${this.limits.guestResultElementsMax} elements`)
    }
  }
}

/** Lists of strings: names of headers and the like. */
export function liftNames(lift: Lift, at: number, countMax: number, what: string): readonly string[] {
  const list = lift.list(at, sizes.list, countMax, what)
  return Array.from({ length: list.count }, (_, i) => lift.name(list.at + i * sizes.list, what))
}

export function stateTooLarge(what: string, length: number, bytesMax: number): GuestFault {
  return new GuestFault('state_too_large', `${what} would have ${length} bytes, ${bytesMax} are allowed`)
}

function tooLong(what: string, length: number, bytesMax: number): GuestFault {
  return new GuestFault('too_large', `${what}: ${length} bytes given, ${bytesMax} allowed`)
}
