// Days and times: in UTC, as the host counts them.
import type { Timestamp } from './gen/google/protobuf/timestamp.ts'

/** As `2026-11-29`. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const dayBefore = (ms: number): string => dayOf(ms - 24 * 60 * 60 * 1000)

export const timestampOf = (ms: number): Timestamp => ({
  seconds: BigInt(Math.floor(ms / 1000)),
  nanos: (ms % 1000) * 1_000_000,
})
