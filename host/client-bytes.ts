// Client bytes: the count of bytes in flight of the service port (in-flight.ts), with its bounds, and its line in the log.
//
// Owns: these settings.   in-flight.ts owns: the count.

import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import { InFlight } from './in-flight.ts'
import { type Limits, servedBytesMax } from './limits.ts'

/** Clients that are cut are told of so often, at most. */
const cutLogEveryMs = 10_000

export function clientBytes(limits: Limits, log: Logger, clock: Clock): InFlight {
  let saidMs = Number.NEGATIVE_INFINITY
  const inFlight = new InFlight({
    max: servedBytesMax(limits),
    connectionMax: Math.min(limits.connectionBytesMax, servedBytesMax(limits)),
    setting: 'in-flight-bytes-max',
    cut: (address) => {
      const nowMs = clock.steady()
      if (nowMs - saidMs < cutLogEveryMs) return
      saidMs = nowMs
      const bytes = inFlight.bytes
      log.warn({ address, bytes, cuts: inFlight.cuts }, 'too many bytes are in flight: requests or answers are cut')
    },
  })
  return inFlight
}
