// Watch group: watchers of one entity who ask the same thing, what they were shown last, and when that is read anew.
//
// W1. However many watch, one reading is under way at most; what changes meanwhile makes one more, after it.
// W2. A reading has the revision that it was decided at: a change that it saw makes no further one.
// W3. At most `readsMax` readings stand in one entity's line, so commands wait for no more, however many different things are watched.
// W4. A group has one answer, the newest. A watcher that is not ready for it is passed over, and gets what is the newest once it is. Many are
//     told in several turns of the loop.
// W5. The bytes of a group count among those of one of its watchers (`Receiver.owes`), and of the next one when that leaves.
//
// Owns: one group, and the order of an entity's groups.   watching.ts owns: which groups there are.   Models own: reading.

import { hash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Command, Failed, Receiver, StreamCall } from '../command.ts'
import type { EntityRef } from '../journal/journal.ts'
import { metadataBytes } from '../metadata.ts'
import type { EntityService, Method, Services } from '../services.ts'
import { isEntityService } from '../services.ts'
import { inPortions } from '../slices.ts'
import type { Shown, Waiting } from './mailbox.ts'
import { tellMax } from './open-stream.ts'

/** Readings in one entity's line (W3). */
export const readsMax = 16

export interface GroupParts {
  readonly clock: Clock
  /** Puts a reading into its entity's line; what the host itself has to do always gets in. */
  readonly put: (service: EntityService, key: string, reading: Waiting) => void
}

/** What is watched: a method of a service that is served now. */
export interface Wanted {
  readonly service: EntityService
  readonly method: Method
  readonly key: string
  readonly command: Command
}

/** An entity that somebody watches: its groups, and which of them are to read. */
export class Watched {
  readonly entity: EntityRef
  readonly groups = new Map<string, Group>()
  private readonly due = new Set<Group>()
  private reading = 0

  constructor(entity: EntityRef) {
    this.entity = entity
  }

  /** It reads when its turn comes. */
  wants(group: Group): void {
    this.due.add(group)
    this.go()
  }

  unwants(group: Group): void {
    this.due.delete(group)
  }

  /** A reading is over. */
  done(): void {
    this.reading -= 1
    this.go()
  }

  private go(): void {
    for (const group of this.due) {
      if (this.reading >= readsMax) return
      this.due.delete(group)
      this.reading += 1
      group.read()
    }
  }
}

/** Watchers of one entity who ask the same thing. */
export class Group {
  service: EntityService
  private method: Method
  private readonly parts: GroupParts
  private readonly watched: Watched
  private readonly command: Command
  private readonly id: string
  private readonly counted: (count: number) => void
  private readonly watchers = new Set<Watcher>()
  /** The one whose stream the group's bytes count for (W5). */
  private bearer: Watcher | undefined
  private bytes: number
  private shown: Shown | undefined
  /** Of the bytes of `shown`: those that come back have the same. */
  private version = ''
  /** Asked for: in the entity's line, or to come there. */
  private asked = false
  private reading: Waiting | undefined
  /** What a reading that is under way has to have seen. */
  private revision = 0
  private again = false
  private telling = false
  private tellMore = false

  constructor(parts: GroupParts, watched: Watched, wanted: Wanted, id: string, counted: (count: number) => void) {
    this.parts = parts
    this.watched = watched
    this.id = id
    this.counted = counted
    // Not what else it holds: another version takes over.
    this.service = wanted.service
    this.method = wanted.method
    const { payload, metadata } = wanted.command
    // What came with it is let go.
    this.command = { ...wanted.command, payload: new Uint8Array(payload) }
    this.bytes = payload.length + metadataBytes(metadata)
    watched.groups.set(id, this)
  }

  join(receiver: Receiver): StreamCall {
    const watcher = new Watcher(this, receiver)
    this.watchers.add(watcher)
    this.counted(1)
    if (this.bearer === undefined) this.bear(watcher)
    if (!this.asked && this.shown === undefined) this.ask()
    // One that reads now would hear of an older state otherwise, and of the newer one at once after it.
    else if (!this.asked) watcher.offer(this.version, this.shown!)
    return watcher
  }

  leave(watcher: Watcher): void {
    if (!this.watchers.delete(watcher)) return
    if (watcher === this.bearer) {
      watcher.receiver.owes(-this.bytes)
      this.bearer = undefined
      const [next] = this.watchers
      if (next !== undefined) this.bear(next)
    }
    if (this.watchers.size === 0) this.close()
    this.counted(-1)
  }

  resume(watcher: Watcher): void {
    if (this.shown !== undefined) watcher.offer(this.version, this.shown)
  }

  changed(revision: number): void {
    if (!this.asked) this.ask()
    else this.revision = Math.max(this.revision, revision)
  }

  /** Goes on with another version of its service; false where that answers something else, or in other words. */
  adopt(now: ReturnType<Services['get']>): boolean {
    const { type } = this.method
    if (now === undefined || !isEntityService(now) || now.storage !== this.service.storage) return false
    const method = now.methods.get(type.name)
    if (method?.type.watch !== type.watch || !sameWords(now.schema, this.service.schema)) return false
    this.service = now
    this.method = method!
    return true
  }

  /** Whatever was read belongs to the version before. */
  readAnew(): void {
    if (this.watchers.size === 0) return
    if (this.asked) this.again = true
    else this.ask()
  }

  end(failed: Failed): void {
    const left = [...this.watchers]
    this.watchers.clear()
    this.bearer?.receiver.owes(-this.bytes)
    this.bearer = undefined
    this.close()
    this.counted(-left.length)
    void inPortions(left, tellMax, (watcher) => watcher.end(failed), this.parts.clock)
  }

  private ask(): void {
    this.asked = true
    this.again = false
    this.watched.wants(this)
  }

  /** For `Watched`. */
  read(): void {
    const { service, method } = this
    const { payload, metadata, requestId } = this.command
    this.revision = 0
    const over = (): boolean => {
      if (this.reading !== reading) return false
      this.reading = undefined
      this.asked = false
      return true
    }
    const reading: Waiting = {
      kind: 'command',
      command: {
        ...{ service: service.name, method: method.type.watch!, payload, metadata, requestId },
        ...{ idempotencyKey: undefined, deadlineMs: Number.POSITIVE_INFINITY, hops: 0, effect: undefined },
      },
      stream: undefined,
      client: undefined,
      arrivedMs: this.parts.clock.steady(),
      abandoned: false,
      read: (shown, revision) => {
        if (!over()) return
        this.show(shown)
        if (this.watchers.size > 0 && (this.again || revision < this.revision)) this.ask()
        this.watched.done()
      },
      reply: (answer) => {
        if (answer.kind === 'reply' || !over()) return
        this.end(answer)
        this.watched.done()
      },
    }
    this.reading = reading
    this.parts.put(service, this.watched.entity.key, reading)
  }

  private show(shown: Shown): void {
    if (this.shown !== undefined && Buffer.compare(this.shown.payload, shown.payload) === 0) return
    this.weigh(weightOf(shown) - (this.shown === undefined ? 0 : weightOf(this.shown)))
    this.shown = shown
    this.version = hash('sha256', shown.payload, 'base64')
    void this.tell()
  }

  /** Many are told in several turns of the loop; each gets what is the newest then. */
  private async tell(): Promise<void> {
    const offer = (watcher: Watcher) => watcher.offer(this.version, this.shown!)
    this.tellMore = true
    if (this.telling) return
    this.telling = true
    while (this.tellMore) {
      this.tellMore = false
      if (this.watchers.size <= tellMax) for (const watcher of this.watchers) offer(watcher)
      else await inPortions([...this.watchers], tellMax, offer, this.parts.clock)
    }
    this.telling = false
  }

  private bear(watcher: Watcher): void {
    this.bearer = watcher
    watcher.receiver.owes(this.bytes)
  }

  private weigh(bytes: number): void {
    this.bytes += bytes
    this.bearer?.receiver.owes(bytes)
  }

  /** Nobody watches any more. */
  private close(): void {
    this.watched.groups.delete(this.id)
    this.watched.unwants(this)
    const { reading } = this
    if (reading === undefined) return
    // Not worth giving to the function.
    reading.abandoned = true
    this.reading = undefined
    this.watched.done()
  }
}

/** One client that watches. */
class Watcher implements StreamCall {
  readonly receiver: Receiver
  private readonly group: Group
  /** Of the answer that it was given last. */
  private version = ''
  private over = false

  constructor(group: Group, receiver: Receiver) {
    this.group = group
    this.receiver = receiver
  }

  offer(version: string, { payload, metadata, commits }: Shown): void {
    if (this.over || this.version === version || !this.receiver.ready) return
    this.version = version
    this.receiver.next(payload, metadata, commits)
  }

  end(failed: Failed): void {
    if (this.over) return
    this.over = true
    this.receiver.end(failed)
  }

  item(): boolean {
    return true
  }

  halfClose(): void {}

  cancel(): void {
    this.over = true
    this.group.leave(this)
  }

  resume(): void {
    this.group.resume(this)
  }
}

function weightOf({ payload, metadata }: Shown): number {
  return payload.length + metadataBytes(metadata)
}

/** The descriptors of both are the same: what a client was promised holds. */
function sameWords(one: EntityService['schema'], other: EntityService['schema']): boolean {
  if (one === other) return true
  if (one.files.size !== other.files.size) return false
  for (const [name, { bytes }] of one.files) {
    const others = other.files.get(name)
    if (others === undefined || Buffer.compare(others.bytes, bytes) !== 0) return false
  }
  return true
}
