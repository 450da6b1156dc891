// Metrics: what the host counts, in Prometheus' words: `innkeeper_...`, base units, labelled by service (§metric-1).
//
// Bound once for each service, so that the hot path does no label look-up (tally.ts).

import { nextTurn, systemClock } from '../clock.ts'
import { Readings } from './readings.ts'
import type { Count, Register } from './tally.ts'
import { Counters, Gauges, Histograms } from './tally.ts'

export interface ServiceMetrics {
  received(): void
  completed(seconds: number, ok: boolean): void
  /** A command waited for its entity or action. */
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
  /** A batch failed and is decided one by one. */
  split(): void
  /** A state could not be encoded. */
  snapshotFailed(): void
  /** A side effect that it caused arrived, or was parked. */
  effectDelivered(): void
  effectParked(): void
  /** An effect of it that was due later fell due, so long after its time. */
  fellDue(lateSeconds: number): void
  /** A call was refused since the host has no room, so long after its last byte came. */
  refused(seconds: number): void
  streamOpened(): void
  streamClosed(): void
  /** One element of a streamed answer. */
  streamed(): void
}

const secondsBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** A function takes microseconds. */
const functionBounds = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]
const lagBounds = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3_600, 86_400]
/** A refusal leaves in the turn of the loop in which its request came. */
const refusalBounds = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
/** An entity lives for as long as it is used. */
const activeBounds = [1, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400]
const batchBounds = [1, 2, 4, 8, 16, 32, 64]

export class Metrics extends Readings {
  private readonly services = new Map<string, ServiceMetrics>()
  private readonly parts: ReturnType<typeof partsOf>

  constructor() {
    super()
    this.parts = partsOf((metric) => this.add((registry) => registry.registerMetric(metric)))
  }

  /** All of them in Prometheus' text, one a turn of the loop: each has a line for every service, and histograms a dozen. */
  async text(): Promise<string> {
    const registry = await this.registry()
    const parts: string[] = []
    for (const { name } of registry.getMetricsAsArray()) {
      parts.push(await registry.getSingleMetricAsString(name))
      await nextTurn(systemClock)
    }
    return `${parts.join('\n\n')}\n`
  }

  /** Faults of a service's functions until now: the number itself, to be kept at hand. */
  faultsOf(service: string): Readonly<Count> {
    return this.parts.faults.of(service)
  }

  of(service: string): ServiceMetrics {
    let bound = this.services.get(service)
    if (bound === undefined) {
      bound = bind(this.parts, service)
      this.services.set(service, bound)
    }
    return bound
  }
}

function partsOf(register: Register) {
  const counter = (name: string, help: string) => new Counters(register, `innkeeper_${name}`, help)
  const seconds = (name: string, help: string, bounds: readonly number[] = secondsBounds) =>
    new Histograms(register, `innkeeper_${name}`, help, bounds)
  return {
    received: counter('commands_received_total', 'Commands that reached a service.'),
    completed: counter('commands_completed_total', 'Commands answered, whatever the answer.'),
    failed: counter('commands_failed_total', 'Commands answered with a refusal or an error.'),
    persisted: counter('events_persisted_total', 'Events written to the journal.'),
    persistedBytes: counter('events_persisted_bytes_total', 'Bytes of events written to the journal.'),
    changes: counter('changes_persisted_total', 'Changes of values and replicas written to the journal.'),
    changesBytes: counter('changes_persisted_bytes_total', 'Bytes of changes of values and replicas.'),
    commits: counter('commits_total', 'Commits that a service had a part in.'),
    loaded: counter('events_loaded_total', 'Events read back for replay.'),
    loadedBytes: counter('events_loaded_bytes_total', 'Bytes of events read back for replay.'),
    snapshots: counter('snapshots_persisted_total', 'Snapshots written.'),
    snapshotBytes: counter('snapshots_persisted_bytes_total', 'Bytes of snapshots written.'),
    snapshotsLoaded: counter('snapshots_loaded_total', 'Snapshots that entities were loaded from.'),
    snapshotsLoadedBytes: counter('snapshots_loaded_bytes_total', 'Bytes of snapshots that entities were loaded from.'),
    activated: counter('entities_activated_total', 'Entities loaded into memory.'),
    passivated: counter('entities_passivated_total', 'Entities dropped from memory.'),
    failedEntities: counter('entities_failed_total', 'Entities given up, since a commit or their replay failed.'),
    faults: counter(
      'guest_faults_total',
      'Commands that failed by a trap, an endless loop or a malformed answer of a function.',
    ),
    splits: counter('batches_split_total', 'Batches that failed, and were decided again one by one.'),
    snapshotsFailed: counter('snapshots_failed_total', 'States that a function failed to encode.'),
    effectsDelivered: counter('effects_delivered_total', 'Side effects of a service that arrived.'),
    effectsParked: counter(
      'effects_parked_total',
      'Side effects of a service that are parked: the host does not retry them automatically.',
    ),
    streamed: counter('stream_elements_total', 'Elements of streamed answers given to clients.'),
    openStreams: new Gauges(register, 'innkeeper_streams_open', 'Calls whose request or answer is a stream, open now.'),
    total: seconds(
      'command_seconds',
      'From a command reaching its service to its answer, waiting and commit included.',
    ),
    queue: seconds('command_queue_seconds', 'From a command arriving to its being given to the function.'),
    function: seconds('function_seconds', 'One call of a function, for all commands of a batch.', functionBounds),
    commit: seconds('commit_seconds', 'From a decision to its being on disk.'),
    dueLag: seconds(
      'effects_due_lag_seconds',
      'Seconds by which effects that were due later fell due late.',
      lagBounds,
    ),
    refusal: seconds(
      'refusal_seconds',
      'Seconds from the last byte of a request to the first byte of its refusal for lack of room.',
      refusalBounds,
    ),
    recovery: seconds('entity_recovery_seconds', 'From the first command to an entity being ready.'),
    active: seconds('entity_active_seconds', 'How long entities stay in memory.', activeBounds),
    batch: new Histograms(register, 'innkeeper_batch_commands', 'Commands given to a function at once.', batchBounds),
  }
}

function bind(parts: ReturnType<typeof partsOf>, service: string): ServiceMetrics {
  const one = Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.of(service)])) as {
    [Name in keyof typeof parts]: ReturnType<(typeof parts)[Name]['of']>
  }
  return {
    received: () => {
      one.received.value += 1
    },
    completed: (seconds, ok) => {
      one.completed.value += 1
      if (!ok) one.failed.value += 1
      one.total.observe(seconds)
    },
    waited: (seconds) => one.queue.observe(seconds),
    decided: (commands, seconds) => {
      one.batch.observe(commands)
      one.function.observe(seconds)
    },
    committed: (seconds) => {
      one.commits.value += 1
      one.commit.observe(seconds)
    },
    persisted: (events, bytes) => {
      one.persisted.value += events
      one.persistedBytes.value += bytes
    },
    changed: (bytes) => {
      one.changes.value += 1
      one.changesBytes.value += bytes
    },
    replayed: (events, bytes) => {
      one.loaded.value += events
      one.loadedBytes.value += bytes
    },
    snapshot: (bytes) => {
      one.snapshots.value += 1
      one.snapshotBytes.value += bytes
    },
    snapshotLoaded: (bytes) => {
      one.snapshotsLoaded.value += 1
      one.snapshotsLoadedBytes.value += bytes
    },
    activated: () => {
      one.activated.value += 1
    },
    recovered: (seconds) => one.recovery.observe(seconds),
    passivated: (seconds) => {
      one.passivated.value += 1
      one.active.observe(seconds)
    },
    failed: () => {
      one.failedEntities.value += 1
    },
    fault: () => {
      one.faults.value += 1
    },
    split: () => {
      one.splits.value += 1
    },
    snapshotFailed: () => {
      one.snapshotsFailed.value += 1
    },
    effectDelivered: () => {
      one.effectsDelivered.value += 1
    },
    fellDue: (lateSeconds) => one.dueLag.observe(Math.max(0, lateSeconds)),
    effectParked: () => {
      one.effectsParked.value += 1
    },
    refused: (seconds) => one.refusal.observe(seconds),
    streamOpened: () => {
      one.openStreams.value += 1
    },
    streamClosed: () => {
      one.openStreams.value -= 1
    },
    streamed: () => {
      one.streamed.value += 1
    },
  }
}
