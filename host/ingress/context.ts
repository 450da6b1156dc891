// What the ingress is given by the host.

import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { Dispatch, Open } from '../command.ts'
import type { InnkeeperError } from '../errors.ts'
import type { InFlight } from '../in-flight.ts'
import type { Limits } from '../limits.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Services } from '../services.ts'
import type { Pace } from './exchange.ts'
import type { Transcoder } from './http/transcoder.ts'

export interface IngressContext {
  readonly dispatch: Dispatch
  /** For methods whose request or answer is a stream. */
  readonly open: Open
  readonly services: Services
  readonly limits: Limits
  readonly transcoder: Transcoder
  readonly inFlight: InFlight
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Logger
  /** Wait for an answer where the client names no deadline. In milliseconds. */
  readonly deadlineMs: number
  /** Why a command of this client for this service would find no room now. */
  readonly noRoom?: (service: string, client: string) => InnkeeperError | undefined
  /** A connection was accepted. */
  readonly accepted?: () => void
  /** A fresh id for a call without one. */
  readonly requestId: () => string
  /** Why the host takes no calls, or undefined. */
  readonly unready: () => string | undefined
  /** It never has taken calls: what it will serve is not known yet. */
  readonly starting?: () => boolean
  /** Origins of web pages that may call; `*`: any. None if left out. */
  readonly corsOrigins?: readonly string[]
  /** With files of web pages (http/static.ts). */
  readonly staticFolder?: string | undefined
  /** Other than usual in tests. */
  readonly pace?: Pace
}
