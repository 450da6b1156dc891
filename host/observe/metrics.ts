// Metrics: what the host counts, in Prometheus' words: `innkeeper_...`, base units, labelled by service (A18).
//
// Bound once for each service, so that the hot path does no label look-up.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface ServiceMetrics {
  received(): void
  completed(seconds: number, ok: boolean): void
  decided(commands: number): void
  persisted(events: number, bytes: number): void
  replayed(events: number, bytes: number): void
  snapshot(bytes: number): void
  activated(): void
  passivated(): void
  fault(): void
  streamOpened(): void
  streamClosed(): void
  /** One element of a streamed answer. */
  streamed(): void
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export class Metrics {
  readonly registry = new Registry()
  private readonly services = new Map<string, ServiceMetrics>()
  private readonly counters: Record<string, Counter<'service'>>
  private readonly failed: Counter<'service'>
  private readonly total: Histogram<'service'>
  private readonly batch: Histogram<'service'>
  private readonly openStreams: Gauge<'service'>
  /** Elements since the last look, by service: prom-client takes longer to count one than to send it takes. */
  private readonly streamed = new Map<string, number>()

  constructor() {
    const registers = [this.registry]
    const labelNames = ['service'] as const
    const counter = (name: string, help: string) =>
      new Counter({ name: `innkeeper_${name}`, help, labelNames: [...labelNames], registers })
    this.counters = {
      received: counter('commands_received_total', 'Commands that reached a service.'),
      completed: counter('commands_completed_total', 'Commands answered, whatever the answer.'),
      persisted: counter('events_persisted_total', 'Events written to the journal.'),
      persistedBytes: counter('events_persisted_bytes_total', 'Bytes of events written to the journal.'),
      loaded: counter('events_loaded_total', 'Events read back for replay.'),
      loadedBytes: counter('events_loaded_bytes_total', 'Bytes of events read back for replay.'),
      snapshots: counter('snapshots_persisted_total', 'Snapshots written.'),
      snapshotBytes: counter('snapshots_persisted_bytes_total', 'Bytes of snapshots written.'),
      activated: counter('entities_activated_total', 'Entities loaded into memory.'),
      passivated: counter('entities_passivated_total', 'Entities dropped from memory.'),
      faults: counter('guest_faults_total', 'Traps, endless loops and malformed answers of functions.'),
    }
    this.failed = counter('commands_failed_total', 'Commands answered with a refusal or an error.')
    this.total = new Histogram({
      name: 'innkeeper_command_seconds',
      help: 'From a command reaching its service to its answer, waiting and commit included.',
      labelNames: [...labelNames],
      buckets: secondsBuckets,
      registers,
    })
    this.batch = new Histogram({
      name: 'innkeeper_batch_commands',
      help: 'Commands given to a function at once.',
      labelNames: [...labelNames],
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    })
    this.openStreams = new Gauge({
      name: 'innkeeper_streams_open',
      help: 'Calls whose request or answer is a stream, open now.',
      labelNames: [...labelNames],
      registers,
    })
    const { streamed } = this
    new Counter({
      name: 'innkeeper_stream_elements_total',
      help: 'Elements of streamed answers given to clients.',
      labelNames: [...labelNames],
      registers,
      collect() {
        for (const [service, count] of streamed) this.labels({ service }).inc(count)
        streamed.clear()
      },
    })
  }

  /** A value that is read when somebody asks. */
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

  of(service: string): ServiceMetrics {
    let bound = this.services.get(service)
    if (bound === undefined) {
      bound = this.bind(service)
      this.services.set(service, bound)
    }
    return bound
  }

  private bind(service: string): ServiceMetrics {
    const labels = { service }
    const c = Object.fromEntries(
      Object.entries(this.counters).map(([name, item]) => [name, item.labels(labels)]),
    ) as Record<string, Counter.Internal>
    const failed = this.failed.labels(labels)
    const total = this.total.labels(labels)
    const batch = this.batch.labels(labels)
    const openStreams = this.openStreams.labels(labels)
    const { streamed } = this
    return {
      received: () => c['received']!.inc(),
      completed: (seconds, ok) => {
        c['completed']!.inc()
        if (!ok) failed.inc()
        total.observe(seconds)
      },
      decided: (commands) => batch.observe(commands),
      persisted: (events, bytes) => {
        c['persisted']!.inc(events)
        c['persistedBytes']!.inc(bytes)
      },
      replayed: (events, bytes) => {
        c['loaded']!.inc(events)
        c['loadedBytes']!.inc(bytes)
      },
      snapshot: (bytes) => {
        c['snapshots']!.inc()
        c['snapshotBytes']!.inc(bytes)
      },
      activated: () => c['activated']!.inc(),
      passivated: () => c['passivated']!.inc(),
      fault: () => c['faults']!.inc(),
      streamOpened: () => openStreams.inc(),
      streamClosed: () => openStreams.dec(),
      streamed: () => streamed.set(service, (streamed.get(service) ?? 0) + 1),
    }
  }
}
