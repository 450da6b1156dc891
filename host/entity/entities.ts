// Entities: the activations in memory, at most one for each entity, and their bounds.
//
// N1. At most one activation for each (storage id, key); commands for it go to its mailbox in arrival order.
// N2. A mailbox holds at most `mailboxCommandsMax`; all together what the host's budget admits (waiting-budget.ts).
// N3. Idle activations are dropped after their service's time, and past the caps; neither loses or reorders a command: only an
//     activation with nothing waiting and nothing in flight is dropped.
// N4. Past a cap the service that has most loses its least recently used ones: one that touches keys without end pushes out its
//     own, and no entity of a service that has less.
// N5. An activation that was closed with commands waiting hands them, in order, to a fresh one.
// N6. However many are to be dropped, a turn of the loop drops `dropMax`, and none after `dropMs`: each may have a snapshot to take.
//
// Owns: the set, admission, passivation.   Activation owns: one entity.

import { BatchSize } from '../batch-size.ts'
import type { Command, Receiver, Reply, StreamCall } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef, StorageId } from '../journal/journal.ts'
import type { EntityService, Method, ReplicatedService } from '../services.ts'
import type { Turns } from '../turns.ts'
import { Activation } from './activation.ts'
import type { EntityContext, EntityPartition } from './context.ts'
import type { Waiting, Work } from './mailbox.ts'
import { bytesOf } from './mailbox.ts'
import { makeModel } from './models.ts'
import { OpenStream } from './open-stream.ts'
import { fail } from './perform.ts'
import { Portions } from './portions.ts'
import { ReadingCost } from './reading-cost.ts'
import { idle, Space } from './space.ts'
import { Watching } from './watching.ts'

/** How often idle activations are looked for. In milliseconds. */
export const sweepEveryMs = 1_000
/** The partitions of this host. */
interface EntityPartitions {
  readonly all: readonly EntityPartition[]
  ofEntity(storage: StorageId, key: string): EntityPartition
}

/** What all activations are given, whatever their partition. */
type SharedContext = Omit<EntityContext, keyof EntityPartition>

export class Entities {
  private readonly context: SharedContext
  /** By partition. */
  private readonly contexts: ReadonlyMap<EntityPartition, EntityContext>
  private readonly partitions: EntityPartitions
  private readonly turns: Turns
  private readonly watching: Watching
  private readonly spaces = new Map<StorageId, Space>()
  private count = 0
  private passivating = false

  private readonly costs = new WeakMap<EntityService, ReadingCost>()
  private readonly batches = new WeakMap<EntityService, BatchSize>()

  constructor(
    context: Omit<SharedContext, 'again' | 'batchOf' | 'changed' | 'close' | 'costOf'>,
    partitions: EntityPartitions,
    turns: Turns,
  ) {
    this.turns = turns
    this.partitions = partitions
    this.context = {
      ...context,
      again: this.turns.again,
      close: (activation) => this.close(activation),
      costOf: (service) => this.costOf(service),
      batchOf: (service) => this.batchOf(service),
      changed: (entity, revision) => this.watching.changed(entity, revision),
    }
    const { clock, services } = context
    this.watching = new Watching({
      ...{ clock, services },
      put: (service, key, reading) => this.line(this.activation(this.space(service), service, key), reading),
    })
    const contextIn = ({ journal, commits, keeper }: EntityPartition) => ({ ...this.context, journal, commits, keeper })
    this.contexts = new Map(partitions.all.map((partition) => [partition, contextIn(partition)]))
  }

  /** What states of this version of a service cost to read, as measured since it was deployed or the host started. */
  costOf(service: EntityService): ReadingCost {
    let cost = this.costs.get(service)
    if (cost === undefined) {
      cost = new ReadingCost(this.context.limits)
      this.costs.set(service, cost)
    }
    return cost
  }

  private batchOf(service: EntityService): BatchSize {
    let batch = this.batches.get(service)
    if (batch === undefined) {
      batch = new BatchSize(this.context.limits)
      this.batches.set(service, batch)
    }
    return batch
  }

  get activations(): number {
    return this.count
  }

  /** Streams of clients that watch an entity. */
  get watchers(): number {
    return this.watching.size
  }

  /** Streams that clients keep open on replicated entities. */
  get openStreams(): number {
    let count = 0
    for (const activation of this.inMemory()) count += activation.openStreams
    return count
  }

  /** Hand a command to its entity. @throws InnkeeperError `overloaded` */
  put(service: EntityService, key: string, command: Command, reply: Reply): Waiting {
    const arrivedMs = this.context.clock.steady()
    const client = this.context.waiting.client(command.client)
    const waiting: Waiting = { kind: 'command', command, reply, stream: undefined, client, arrivedMs, abandoned: false }
    this.admit(service, key, waiting)
    return waiting
  }

  /** Hand a command to a replicated entity whose answer is a stream. @throws InnkeeperError `overloaded` */
  open(service: ReplicatedService, key: string, command: Command, receiver: Receiver): StreamCall {
    const stream = new OpenStream(this.context, command, receiver)
    this.admit(service, key, {
      kind: 'command',
      command,
      reply: () => {},
      stream,
      client: this.context.waiting.client(command.client),
      arrivedMs: this.context.clock.steady(),
      abandoned: false,
    })
    return stream
  }

  /** Follow what a method answers that this one watches. @throws InnkeeperError `overloaded` */
  watch(service: EntityService, method: Method, key: string, command: Command, receiver: Receiver): StreamCall {
    const { waiting } = this.context
    const admit = () => {
      const space = this.space(service)
      waiting.admit(space.waiting, waiting.client(command.client), command.payload.length)
      this.checkLine(this.activation(space, service, key))
    }
    return this.watching.open({ service, method, key, command }, receiver, admit)
  }

  /** Hand a peer's delta to a replicated entity. `done` is called once it is on disk. @throws InnkeeperError `overloaded` */
  learn(service: ReplicatedService, key: string, delta: Uint8Array, done: (error: Error | undefined) => void): void {
    this.admit(service, key, { kind: 'news', delta, done })
  }

  /** Load an entity, if it is not: so it hears of streams whose clients are gone, which the last process left behind. */
  wake(service: ReplicatedService, { key }: EntityRef): void {
    this.admit(service, key, { kind: 'left', subscription: '' })
  }

  private admit(service: EntityService, key: string, work: Work): void {
    const { waiting } = this.context
    const space = this.space(service)
    // What the host itself has to tell always gets in.
    if (work.kind !== 'left')
      waiting.admit(space.waiting, work.kind === 'command' ? work.client : undefined, bytesOf(work))
    const activation = this.activation(space, service, key)
    if (work.kind !== 'left') this.checkLine(activation)
    this.line(activation, work)
  }

  private checkLine({ mailbox }: Activation): void {
    const { mailboxCommandsMax } = this.context.limits
    if (mailbox.size < mailboxCommandsMax) return
    throw new InnkeeperError(
      'overloaded',
      `${mailboxCommandsMax} commands are waiting for this entity; try again later`,
    )
  }

  /** To the end of its entity's line. */
  private line(activation: Activation, work: Work): void {
    activation.mailbox.put(work)
    if (activation.runnable) this.turns.again(activation)
  }

  /** Services changed: entities with open streams look at once whether theirs is served by another version. */
  switched(): void {
    this.watching.switched()
    for (const activation of this.inMemory()) if (activation.openStreams > 0) activation.look()
  }

  /** End every open stream well: the host stops. Their entities hear of it at the next start. */
  endStreams(): void {
    // Who comes again is told everything anew.
    this.watching.end(new InnkeeperError('stopping', 'the host is stopping; open the stream again'))
    for (const activation of this.inMemory()) activation.endStreams(undefined)
  }

  private *inMemory(): Iterable<Activation> {
    for (const { activations } of this.spaces.values()) yield* activations.values()
  }

  /** Entities of a service that cannot be replayed now. */
  stuck(service: EntityService): readonly Activation[] {
    const space = this.spaces.get(service.storage)
    return space === undefined
      ? []
      : [...space.activations.values()].filter((activation) => activation.stuck !== undefined)
  }

  /** A stuck entity can be read again, by a snapshot that was made elsewhere: its next command finds it. */
  free({ storage, key }: EntityRef): void {
    const activation = this.spaces.get(storage)?.activations.get(key)
    if (activation?.stuck !== undefined) this.close(activation)
  }

  /** Drop what has been idle for too long, then what is past the caps, some a turn of the loop (N6). Called every `sweepEveryMs`; `stopped`: no
   *  more. */
  async passivate(stopped: () => boolean): Promise<void> {
    if (this.passivating) return
    this.passivating = true
    try {
      await this.passivateAll(stopped)
    } finally {
      this.passivating = false
    }
  }

  /** Entities in memory, by service. */
  *byService(): Iterable<readonly [service: string, activations: number]> {
    for (const { waiting, activations } of this.spaces.values()) yield [waiting.name, activations.size]
  }

  /** Bytes of their states, by service, as of the last look. */
  *stateBytesByService(): Iterable<readonly [service: string, bytes: number]> {
    for (const { waiting, stateBytes } of this.spaces.values()) yield [waiting.name, stateBytes]
  }

  private async passivateAll(stopped: () => boolean): Promise<void> {
    const { activationsMax, activationStateBytesMax } = this.context.limits
    const portions = new Portions(this.context.clock)
    for (const [space, activation, usedAtMs] of this.expired()) {
      await portions.next()
      if (stopped()) return
      if (activation.closed || !activation.idle || activation.usedAtMs !== usedAtMs) continue
      this.drop(space, activation)
    }
    for (const [storage, space] of this.spaces) if (space.activations.size === 0) this.spaces.delete(storage)
    const caps = [
      { over: () => this.count > activationsMax, held: ({ activations }: Space) => activations.size },
      { over: () => this.stateBytes > activationStateBytesMax, held: ({ stateBytes }: Space) => stateBytes },
    ]
    for (const { over, held } of caps) {
      if (!over()) continue
      for (const [space, activation] of this.ofThoseWithMost(held)) {
        if (!over()) break
        await portions.next()
        if (stopped()) return
        if (!activation.closed && activation.idle) this.drop(space, activation)
      }
    }
  }

  /** As of the last look, less what was dropped since. */
  private get stateBytes(): number {
    let bytes = 0
    for (const space of this.spaces.values()) bytes += space.stateBytes
    return bytes
  }

  /** What has been idle for too long, and when it was last used. Adds up the bytes of all. */
  private expired(): readonly (readonly [Space, Activation, number])[] {
    const { clock, services, settings } = this.context
    const now = clock.now()
    const expired: (readonly [Space, Activation, number])[] = []
    for (const space of this.spaces.values()) {
      space.stateBytes = 0
      for (const activation of space.activations.values()) {
        const { usedAtMs, serviceName } = activation
        const own = services.get(serviceName)?.description.passivateAfterMs ?? 0
        const idleMs = own === 0 ? settings.passivateAfterMs : own
        space.stateBytes += activation.stateSize
        // A clock that jumped back must not keep everything for ever, hence the absolute distance.
        if (activation.idle && Math.abs(now - usedAtMs) >= idleMs) expired.push([space, activation, usedAtMs])
      }
    }
    return expired
  }

  /** Drop every activation; what waits goes on in fresh ones. After the store was reopened. */
  restart(): void {
    this.watching.end(new InnkeeperError('storage_unavailable', 'the stream ended since storage failed; open it again'))
    for (const { activations } of [...this.spaces.values()])
      for (const activation of [...activations.values()]) this.close(activation)
  }

  /** Answer and drop everything of one storage id: its data is about to be purged. */
  forget(storage: StorageId): void {
    const space = this.spaces.get(storage)
    if (space === undefined) return
    for (const activation of [...space.activations.values()]) this.close(activation)
  }

  private space(service: EntityService): Space {
    let space = this.spaces.get(service.storage)
    if (space === undefined) {
      space = new Space(this.context.waiting.service(service.name))
      this.spaces.set(service.storage, space)
    } else if (space.waiting.name !== service.name) space.waiting = this.context.waiting.service(service.name)
    return space
  }

  private activation(space: Space, service: EntityService, key: string): Activation {
    let activation = space.activations.get(key)
    if (activation === undefined) {
      if (this.count >= this.context.limits.activationsMax) this.makeRoom()
      const context = this.contexts.get(this.partitions.ofEntity(service.storage, key))!
      activation = new Activation(context, service, key, makeModel)
      this.count += 1
      space.activations.set(key, activation)
      space.byUse.add(activation)
    } else space.byUse.use(activation)
    activation.usedAtMs = this.context.clock.now()
    return activation
  }

  private close(activation: Activation): void {
    if (activation.closed) return
    activation.end()
    this.context.metrics.of(activation.serviceName).passivated(activation.ageSeconds)
    const { storage, key } = activation.entity
    const space = this.spaces.get(storage)
    if (space?.activations.get(key) === activation) {
      space.activations.delete(key)
      space.byUse.remove(activation)
      this.count -= 1
    }
    const service = this.context.services.keeper(storage)
    for (let work = activation.mailbox.take(); work !== undefined; work = activation.mailbox.take()) {
      // What is no command is only for a replicated entity.
      if (service !== undefined && (work.kind === 'command' || service.kind === 'replicated')) {
        const fresh = this.activation(this.space(service), service, key)
        fresh.mailbox.put(work)
        this.turns.again(fresh)
        continue
      }
      const message = `${activation.serviceName} is no longer served; deploy it again`
      fail(work, new InnkeeperError('service_replaced', message))
    }
  }

  /** For one more. */
  private makeRoom(): void {
    for (const [space, activation] of this.ofThoseWithMost(({ activations }) => activations.size)) {
      if (this.count < this.context.limits.activationsMax) return
      this.drop(space, activation)
    }
  }

  /** Those that may be dropped: again and again the least recently used one of the space that holds most. */
  private *ofThoseWithMost(held: (space: Space) => number): Generator<readonly [Space, Activation], undefined> {
    const holders = [...this.spaces.values()].map((space) => ({ space, idle: idle(space) }))
    try {
      for (;;) {
        let most = 0
        for (let at = 1; at < holders.length; at++) if (held(holders[at]!.space) > held(holders[most]!.space)) most = at
        const holder = holders[most]
        if (holder === undefined) return undefined
        const activation = holder.idle.next().value
        // Where there is none, all that it has is at work.
        if (activation === undefined) holders.splice(most, 1)
        else yield [holder.space, activation]
      }
    } finally {
      // Mostly left before their ends (by-use.U3).
      for (const { idle } of holders) idle.return(undefined)
    }
  }

  private drop(space: Space, activation: Activation): void {
    space.stateBytes = Math.max(0, space.stateBytes - activation.stateSize)
    this.turns.during(activation, () => activation.passivate())
    this.context.metrics.of(activation.serviceName).passivated(activation.ageSeconds)
    space.activations.delete(activation.entity.key)
    space.byUse.remove(activation)
    this.count -= 1
  }
}
