// Metrics: what the host counts, in Prometheus' words: `innkeeper_...`, base units, labelled by service (A18).
//
// Bound once for each service, so that the hot path does no label look-up.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface ServiceMetrics {
  received(): void
  completed(seconds: number, ok: boolean): void
  /** Commands that waited for their entity or action, all in all so many seconds. */
  waited(seconds: number): void
  /** A call of the function, for so many commands (or inputs of a stream). */
  decided(commands: number, seconds: number): void
  /** A commit, from what was decided to the disk. */
  committed(seconds: number): void
  persisted(events: number, bytes: number): void
  /** A change of a value or replica. */
  changed(bytes: number): void
  replayed(events: number, bytes: number): void
  snapshot(bytes: number): void
  snapshotLoaded(bytes: number): void
  activated(): void
  /** An entity is ready, after so many seconds of loading. */
  recovered(seconds: number): void
  /** It left the memory after so many seconds. */
  passivated(seconds: number): void
  /** It was given up: a commit or a replay failed. */
  failed(): void
  fault(): void
  /** A side effect that it caused arrived, or was parked. */
  effectDelivered(): void
  effectParked(): void
  streamOpened(): void
  streamClosed(): void
  /** One element of a streamed answer. */
  streamed(): void
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** A function takes microseconds. */
const functionBuckets = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
/** An entity lives for as long as it is used. */
const activeBuckets = [1, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400]

export class Metrics {
  readonly registry = new Registry()
  private readonly services = new Map<string, ServiceMetrics>()
  private readonly counters: Record<string, Counter<'service'>>
  private readonly histograms: Record<string, Histogram<'service'>>
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
      changes: counter('changes_persisted_total', 'Changes of values and replicas written to the journal.'),
      changesBytes: counter('changes_persisted_bytes_total', 'Bytes of changes of values and replicas.'),
      snapshotBytes: counter('snapshots_persisted_bytes_total', 'Bytes of snapshots written.'),
      snapshotsLoaded: counter('snapshots_loaded_total', 'Snapshots that entities were loaded from.'),
      snapshotsLoadedBytes: counter(
        'snapshots_loaded_bytes_total',
        'Bytes of snapshots that entities were loaded from.',
      ),
      commits: counter('commits_total', 'Commits that a service had a part in.'),
      failedEntities: counter('entities_failed_total', 'Entities given up, since a commit or their replay failed.'),
      failed: counter('commands_failed_total', 'Commands answered with a refusal or an error.'),
      effectsDelivered: counter('effects_delivered_total', 'Side effects of a service that arrived.'),
      effectsParked: counter(
        'effects_parked_total',
        'Side effects of a service that are no longer tried by themselves.',
      ),
      activated: counter('entities_activated_total', 'Entities loaded into memory.'),
      passivated: counter('entities_passivated_total', 'Entities dropped from memory.'),
      faults: counter('guest_faults_total', 'Traps, endless loops and malformed answers of functions.'),
    }
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `innkeeper_${name}`, help, labelNames: [...labelNames], buckets, registers })
    this.histograms = {
      total: histogram(
        'command_seconds',
        'From a command reaching its service to its answer, waiting and commit included.',
        secondsBuckets,
      ),
      queue: histogram(
        'command_queue_seconds',
        'From a command arriving to its being given to the function.',
        secondsBuckets,
      ),
      function: histogram('function_seconds', 'One call of a function, for all commands of a batch.', functionBuckets),
      commit: histogram('commit_seconds', 'From a decision to its being on disk.', secondsBuckets),
      recovery: histogram(
        'entity_recovery_seconds',
        'From the first command to an entity being ready.',
        secondsBuckets,
      ),
      active: histogram('entity_active_seconds', 'How long entities stay in memory.', activeBuckets),
      batch: histogram('batch_commands', 'Commands given to a function at once.', [1, 2, 4, 8, 16, 32, 64]),
    }
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
    const h = Object.fromEntries(
      Object.entries(this.histograms).map(([name, item]) => [name, item.labels(labels)]),
    ) as Record<string, Histogram.Internal<'service'>>
    const openStreams = this.openStreams.labels(labels)
    const { streamed } = this
    return {
      received: () => c['received']!.inc(),
      completed: (seconds, ok) => {
        c['completed']!.inc()
        if (!ok) c['failed']!.inc()
        h['total']!.observe(seconds)
      },
      waited: (seconds) => h['queue']!.observe(seconds),
      decided: (commands, seconds) => {
        h['batch']!.observe(commands)
        h['function']!.observe(seconds)
      },
      committed: (seconds) => {
        c['commits']!.inc()
        h['commit']!.observe(seconds)
      },
      persisted: (events, bytes) => {
        c['persisted']!.inc(events)
        c['persistedBytes']!.inc(bytes)
      },
      changed: (bytes) => {
        c['changes']!.inc()
        c['changesBytes']!.inc(bytes)
      },
      replayed: (events, bytes) => {
        c['loaded']!.inc(events)
        c['loadedBytes']!.inc(bytes)
      },
      snapshot: (bytes) => {
        c['snapshots']!.inc()
        c['snapshotBytes']!.inc(bytes)
      },
      snapshotLoaded: (bytes) => {
        c['snapshotsLoaded']!.inc()
        c['snapshotsLoadedBytes']!.inc(bytes)
      },
      activated: () => c['activated']!.inc(),
      recovered: (seconds) => h['recovery']!.observe(seconds),
      passivated: (seconds) => {
        c['passivated']!.inc()
        h['active']!.observe(seconds)
      },
      failed: () => c['failedEntities']!.inc(),
      effectDelivered: () => c['effectsDelivered']!.inc(),
      effectParked: () => c['effectsParked']!.inc(),
      fault: () => c['faults']!.inc(),
      streamOpened: () => openStreams.inc(),
      streamClosed: () => openStreams.dec(),
      streamed: () => streamed.set(service, (streamed.get(service) ?? 0) + 1),
    }
  }
}
