// Reading cost: what the states of one version of a service cost to read and to write, as measured, and when one is too dear.
//
// C1. A state may take half of the fuel of a call, to read or to write: the rest is for what the command does with it.
// C2. Measuring costs two calls, so it is done for long states only, and where the estimate from earlier ones has passed a quarter of
//     the fuel: a state that is far from its bound is never measured again.
//
// Owns: figures and bounds.   folded-state.ts, value.ts, replicated/deciding.ts own: measuring.   batched.ts owns: refusing.

import { InnkeeperError } from '../errors.ts'
import { fuelMaxOfCall } from '../guest/fuel.ts'
import type { GuestFault } from '../guest/guest.ts'
import { longBytes } from '../guest/lower.ts'
import type { Limits } from '../limits.ts'

/** Why a state cannot be kept. */
export interface TooDear {
  readonly bytes: number
  /** Units of fuel to read or write it; undefined where it was not done on what there was. */
  readonly units: number | undefined
  /** Units that it may take. */
  readonly unitsMax: number
}

export interface Reading {
  readonly bytes: number
  readonly units: number
  /** How long it was said to be at most when it was measured: a guest that holds a state knows no more. */
  readonly sizeMax: number
}

/** A state that was measured counts as known until it has grown by this factor. */
const growth = 1.05

export class ReadingCost {
  private readonly limits: Limits
  /** The dearest, by the part of its call's fuel that it took. */
  private dearest: Reading | undefined
  /** The longest that was measured, and what the dearest took for each byte of its `sizeMax`. */
  private longest = 0
  private unitsPerByte = 0
  /** Of replicas: the largest whose whole view was given to the function, and what that call took. */
  private whole: Reading | undefined

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** The state of a service's that takes the largest part of its call's fuel. */
  get worst(): Reading | undefined {
    return this.dearest
  }

  /** The part of a call's fuel that this takes; 0 to 1, or more. */
  get worstPart(): number {
    return this.dearest === undefined ? 0 : this.dearest.units / this.given(this.dearest.bytes)
  }

  /** Units that one call has on a state of so many bytes. */
  given(bytes: number): number {
    const { limits } = this
    const brought = bytes >= longBytes ? bytes * limits.fuelPerByte : 0
    return Math.min(limits.fuelPerCommand + brought, fuelMaxOfCall(limits))
  }

  /** Is a state of at most so many bytes to be measured? `last`: the last one of its entity that was. */
  due(sizeMax: number, last: Reading | undefined): boolean {
    if (sizeMax < longBytes) return false
    if (last !== undefined && sizeMax <= last.sizeMax * growth) return false
    if (sizeMax > this.limits.stateBytesMax / 4) return true
    const units = sizeMax * (last === undefined ? this.unitsPerByte : last.units / last.sizeMax)
    return sizeMax > this.longest * 2 || units > this.given(sizeMax) / 4
  }

  measured({ bytes, units, sizeMax }: Reading): TooDear | undefined {
    this.longest = Math.max(this.longest, sizeMax)
    this.unitsPerByte = Math.max(this.unitsPerByte, units / sizeMax)
    const part = ({ bytes, units }: Pick<Reading, 'bytes' | 'units'>) => units / this.given(bytes)
    if (this.dearest === undefined || part({ bytes, units }) > part(this.dearest))
      this.dearest = { bytes, units, sizeMax }
    const unitsMax = this.given(bytes) / 2
    return units > unitsMax ? { bytes, units, unitsMax } : undefined
  }

  /** A call on the whole view of a replica of so many bytes took so much. */
  viewed(reading: Reading): void {
    if (reading.bytes < longBytes || reading.bytes < (this.whole?.bytes ?? 0)) return
    this.whole = reading
    this.measured(reading)
  }

  /** Would a replica of so many bytes be too dear to view as a whole, going by the largest that was? */
  viewTooDear(bytes: number): TooDear | undefined {
    if (this.whole === undefined || bytes < longBytes) return undefined
    const units = (this.whole.units / this.whole.bytes) * bytes
    const unitsMax = this.given(bytes) / 2
    return units > unitsMax ? { bytes, units, unitsMax } : undefined
  }

  /** It was not done on the fuel of a whole call. */
  exhausted(bytes: number): TooDear {
    this.measured({ bytes, units: this.given(bytes), sizeMax: bytes })
    return { bytes, units: undefined, unitsMax: this.given(bytes) / 2 }
  }
}

export function stateTooDear({ bytes, units, unitsMax }: TooDear): InnkeeperError {
  const number = (value: number) => Math.round(value).toLocaleString('en-US')
  const cost = units === undefined ? `more than ${number(2 * unitsMax)}` : number(units)
  return new InnkeeperError(
    'state_too_large',
    `the state of this entity would have ${number(bytes)} bytes and take ${cost} units of fuel to read or write; ${number(unitsMax)} are allowed, ` +
      'half of what a call has (--fuel-per-command, --fuel-per-byte). Nothing was stored; keep less in one entity',
  )
}

export function stateTooLargeError({ message }: GuestFault): InnkeeperError {
  return new InnkeeperError(
    'state_too_large',
    `${message} (--state-bytes-max). Nothing was stored; keep less in one entity`,
  )
}
