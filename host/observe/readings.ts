// Readings: values that others keep, as metrics that are read when somebody asks for them.
//
// Owns: how a value is read.   metrics.ts owns: what is counted of services.

import { Counter, Gauge, Registry } from 'prom-client'

export class Readings {
  readonly registry = new Registry()

  /** A value. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `innkeeper_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read())
      },
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
    new Gauge({
      name: `innkeeper_${name}`,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const [of, value] of read()) this.set({ [label]: of }, value)
      },
    })
  }

  /** A count that is kept elsewhere. */
  counter(name: string, help: string, read: () => number): void {
    new Counter({
      name: `innkeeper_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
}
