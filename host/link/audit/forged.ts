// Forged: what a linking process answered cannot have been made by this host's own steps. And the readers of plain data that find out.
//
// Leaves to others: what the fields mean.

/** The message names the part and says what is wrong with it. */
export class Forged extends Error {}

export function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Forged(`${what} is no record`)
}

export function list(value: unknown, most: number, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Forged(`${what} is no list`)
  if (value.length > most) throw new Forged(`${what} has ${value.length} elements, ${most} are allowed`)
  return value
}

export function text(value: unknown, most: number, what: string): string {
  if (typeof value !== 'string') throw new Forged(`${what} is no text`)
  if (value.length > most) throw new Forged(`${what} has ${value.length} characters, ${most} are allowed`)
  return value
}

export function optionalText(value: unknown, most: number, what: string): string | undefined {
  return value === undefined ? undefined : text(value, most, what)
}

/** A whole number of `least` to `most`. */
export function whole(value: unknown, least: number, most: number, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new Forged(`${what} is no whole number of ${least} to ${most}`)
}
