// In force: one grant with what it has: connections, room, figures.
//
// I1. Connections are made when they are first needed, and of the protocol that is.
//
// Owns: their life.   connectors.ts owns: which grants are in force.

import type { Clock } from '../clock.ts'
import { Figures } from './figures.ts'
import type { Grant } from './grants.ts'
import { GrpcLine } from './grpc.ts'
import { HttpPool } from './http.ts'
import type { Names } from './names.ts'
import { Rates } from './rates.ts'

interface InForceParts {
  readonly clock: Pick<Clock, 'steady' | 'after' | 'soon'>
  readonly names: Names
}

export class InForce {
  readonly grant: Grant
  readonly figures: Figures
  private readonly ca: string | undefined
  private readonly parts: InForceParts
  private readonly rates: Rates
  private madePool: HttpPool | undefined
  private madeLine: GrpcLine | undefined
  private retired = false

  constructor(grant: Grant, ca: string | undefined, parts: InForceParts, figures = new Figures(grant.name)) {
    this.grant = grant
    this.ca = ca
    this.parts = parts
    this.figures = figures
    this.rates = new Rates(grant.ratePerSecond, grant.concurrency, parts.clock.steady())
  }

  /** Whether it is this grant, to the last field. */
  isOf(grant: Grant, ca: string | undefined): boolean {
    return this.ca === ca && JSON.stringify(this.grant, plain) === JSON.stringify(grant, plain)
  }

  get underWay(): number {
    return this.rates.underWay
  }

  /** Taken, if that is 0; else milliseconds after which it is worth asking again. */
  take(service: string, steadyMs: number): number {
    const waitMs = this.rates.take(service, steadyMs)
    if (waitMs > 0) this.figures.waited()
    return waitMs
  }

  give(service: string): void {
    this.rates.give(service)
  }

  get pool(): HttpPool {
    const { url, concurrency, addresses, proxy, timeoutMs } = this.grant
    this.madePool ??= new HttpPool({
      ...{ secure: url.protocol === 'https:', concurrency, addresses, proxy, timeoutMs, ca: this.ca },
      ...this.parts,
    })
    if (this.retired) this.madePool.retire()
    return this.madePool
  }

  get line(): GrpcLine {
    const { url, addresses } = this.grant
    this.madeLine ??= new GrpcLine({ url, addresses, ca: this.ca, ...this.parts })
    return this.madeLine
  }

  retire(): void {
    this.retired = true
    this.madePool?.retire()
    this.madeLine?.retire()
  }

  close(): void {
    this.madePool?.close()
    this.madeLine?.close()
  }
}

function plain(_name: string, value: unknown): unknown {
  return value instanceof Set ? [...value] : value
}
