// Readings: values that others keep, as metrics that are read when somebody asks for them.
//
// Nothing of prom-client is loaded before that: it takes longer than the rest of a start.
//
// Owns: how a value is read.   metrics.ts owns: what is counted of services.

import type { Registry } from 'prom-client'

type Prom = typeof import('prom-client')

export class Readings {
  private made: Registry | undefined
  /** Not in the registry yet. */
  private waiting: ((registry: Registry, prom: Prom) => void)[] = []

  /** With all that was declared. */
  async registry(): Promise<Registry> {
    const { default: prom } = await import('prom-client')
    this.made ??= new prom.Registry()
    for (const add of this.waiting.splice(0)) add(this.made, prom)
    return this.made
  }

  /** A value. */
  gauge(name: string, help: string, read: () => number): void {
    this.add((registry, { Gauge }) => {
      new Gauge({
        name: `innkeeper_${name}`,
        help,
        registers: [registry],
        collect() {
          this.set(read())
        },
      })
    })
  }

  /** A value of each service. */
  gaugeOfServices(name: string, help: string, read: () => Iterable<readonly [service: string, value: number]>): void {
    this.gaugeOf('service', name, help, read)
  }

  /** A value of each of something. */
  gaugeOf(
    label: string,
    name: string,
    help: string,
    read: () => Iterable<readonly [label: string, value: number]>,
  ): void {
    this.add((registry, { Gauge }) => {
      new Gauge({
        name: `innkeeper_${name}`,
        help,
        labelNames: [label],
        registers: [registry],
        collect() {
          this.reset()
          for (const [of, value] of read()) this.set({ [label]: of }, value)
        },
      })
    })
  }

  /** A count that is kept elsewhere. */
  counter(name: string, help: string, read: () => number): void {
    this.add((registry, { Counter }) => {
      new Counter({
        name: `innkeeper_${name}`,
        help,
        registers: [registry],
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    })
  }

  /** A count of each of something that has several names; it is kept elsewhere. */
  counterOf<Label extends string>(
    labels: readonly Label[],
    name: string,
    help: string,
    read: () => Iterable<readonly [labels: Readonly<Record<Label, string>>, value: number]>,
  ): void {
    this.add((registry, { Counter }) => {
      new Counter({
        name: `innkeeper_${name}`,
        help,
        labelNames: [...labels],
        registers: [registry],
        collect() {
          this.reset()
          for (const [of, value] of read()) this.inc(of, value)
        },
      })
    })
  }

  protected add(metric: (registry: Registry, prom: Prom) => void): void {
    this.waiting.push(metric)
  }
}
