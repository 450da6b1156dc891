// Trial: what a try of the laws on one service has at hand: its methods, two guests, and how a difference is told.
//
// T1. `warm` lives as long as the try; `cold` is made anew again and again, so that what is kept between calls shows.
// T2. A difference, and a fault, end the try: LawBroken says what was done to come by it. So does a warning that begins with the
//     name of a law: an SDK that mends what a handler breaks says so (`L2: ...`).

import type { ServiceDescription } from '../guest/about.ts'
import type { GuestCommand } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import type { Outcome } from '../outcome.ts'
import type { ServiceType } from '../schema/schema.ts'
import { WireError } from '../schema/wire.ts'
import { toJson } from '../transcode/to-json.ts'
import type { Input } from './random.ts'

/** All commands are for one entity. */
export const entity = 'law'

export interface Trial<Guest> extends Input {
  readonly description: ServiceDescription
  readonly type: ServiceType
  readonly warm: Guest
  readonly cold: Guest
  /** By method: the first answer that one refused which hears answers. */
  readonly unheard: Map<string, string>
}

/** Tries the laws once more; answers how many commands that were. @throws LawBroken */
export type Round = (round: number) => number

const lawNamed = /^L\d: /

/** A sentence: the law, and the commands that show it. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken'
}

/** Run guest code; what it must not do is told with `on`, which names its commands. @throws LawBroken */
export function guarded<T>(on: () => string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error
    const law = lawNamed.test(error.message) ? error.message : `a fault (${error.reason}: ${error.told})`
    throw new LawBroken(`${law}, on ${on()}`)
  }
}

/** @throws LawBroken if one of the outcomes says that a law was broken and mended */
export function noneMended(outcomes: readonly Outcome[], on: () => string): void {
  for (const { logs } of outcomes) {
    for (const { level, text } of logs) {
      if (level === 'warn' && lawNamed.test(text)) throw new LawBroken(`${text} On ${on()}`)
    }
  }
}

/** An answer that is refused is parked, and its entity does not hear it: legal, and seldom meant. */
export function noteUnheard(
  trial: Pick<Trial<unknown>, 'schema' | 'type' | 'unheard'>,
  commands: readonly GuestCommand[],
  outcomes: readonly Outcome[],
): void {
  for (const [index, command] of commands.entries()) {
    const { method, payload } = command
    // A host always brings a reply (field 1) or a failure (field 2), and fields are written in order.
    const brings = payload[0] === 10 || payload[0] === 18
    const refused = outcomes[index]?.answer.kind === 'failure'
    if (!brings || !refused || trial.unheard.has(method) || trial.type.methods.get(method)?.answers === undefined)
      continue
    trial.unheard.set(method, describe(trial, [command]))
  }
}

/** The answer of both guests. @throws LawBroken if they are not the same. */
export function both<Guest, T>({ warm, cold }: Trial<Guest>, on: () => string, run: (guest: Guest) => T): T {
  const answer = guarded(on, () => run(cold))
  const again = guarded(on, () => run(warm))
  if (same(answer, again)) return answer
  throw warmDiffers(on)
}

function warmDiffers(on: () => string): LawBroken {
  return new LawBroken(`L4, L6: a warm and a fresh instance answer differently to ${on()}`)
}

/** One of a batch is answered differently alone: by L1, unless the batch itself is answered differently by now. */
export function aloneDiffers(
  { method }: GuestCommand,
  index: number,
  on: () => string,
  together: unknown,
  again: () => unknown,
): LawBroken {
  if (!same(guarded(on, again), together)) return warmDiffers(on)
  return new LawBroken(`L1: ${method} is answered differently in a batch and alone, as number ${index + 1} of ${on()}`)
}

export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one, plain) === JSON.stringify(other, plain)
}

/** Commands, each with its request as a caller would write it. */
export function describe(
  trial: Pick<Trial<unknown>, 'schema' | 'type'>,
  commands: readonly Pick<GuestCommand, 'method' | 'payload'>[],
): string {
  return commands.map(({ method, payload }) => `${method} ${requestText(trial, method, payload)}`).join(', ')
}

/** As JSON; some of what is tried is no such message, and is shown as its bytes. */
export function requestText(
  { schema, type }: Pick<Trial<unknown>, 'schema' | 'type'>,
  method: string,
  payload: Uint8Array,
): string {
  try {
    return toJson(schema, type.methods.get(method)!.input, payload)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return `0x${Buffer.from(payload).toString('hex')}`
  }
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value
}
