// Times: timestamps and durations, between seconds with nanoseconds and what stands for them in SQL.
//
// Owns: the two forms.   columns.ts says why they are these.

/** 0001-01-01 to 9999-12-31, in seconds since 1970. */
const [secondsMin, secondsMax] = [-62_135_596_800n, 253_402_300_799n]
const nanosPerSecond = 1_000_000_000n
const [longMin, longMax] = [-(2n ** 63n), 2n ** 63n - 1n]

export interface Moment {
  readonly seconds: bigint
  readonly nanos: number
}

/** `2030-01-31T08:00:00.500000000Z`; undefined: it is out of range. */
export function timestampText({ seconds, nanos }: Moment): string | undefined {
  if (seconds < secondsMin || seconds > secondsMax || nanos < 0 || nanos > 999_999_999) return undefined
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`
}

/** Of a text as a column has it, or as SQLite's date functions answer it: a day, maybe a time behind T or a space. Always UTC. */
export function momentOf(text: string): Moment | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?Z?)?$/.exec(text)
  if (match === null) return undefined
  const [, day, minute = '00:00', second = '00', fraction = ''] = match
  const iso = `${day}T${minute}:${second}`
  const ms = Date.parse(`${iso}Z`)
  // A day too many is carried over into the next month.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(iso)) return undefined
  const seconds = BigInt(ms / 1000)
  if (seconds < secondsMin) return undefined
  return { seconds, nanos: Number(fraction.padEnd(9, '0')) }
}

/** What is beyond 292 years is the end of that. */
export function durationNanos({ seconds, nanos }: Moment): bigint {
  const all = seconds * nanosPerSecond + BigInt(nanos)
  return all > longMax ? longMax : all < longMin ? longMin : all
}

export function durationOf(nanos: bigint): Moment {
  return { seconds: nanos / nanosPerSecond, nanos: Number(nanos % nanosPerSecond) }
}
