// Watching: clients that follow what a method of one entity answers (§watch), by entity and by what they ask.
//
//     a change ──▶ group ──reading──▶ the entity's line ──answer──▶ group ──the newest──▶ whoever is ready for it
//
// W1. Who sends the same request for one entity shares a group, whichever way the request came.
// W2. A reading is a command that only reads: one of a turn, like any other, and answered after the turn's commit. So it tells of what is on disk.
// W3. Nothing is on disk of it, and no activation stays in memory for it: a change makes one anyway.
//
// Owns: the groups, and what becomes of them with their services.   watch-group.ts owns: one group.   The ingress owns: the client's side, and its
//   bounds.

import { hash } from 'node:crypto'
import type { Receiver, StreamCall } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef, StorageId } from '../journal/journal.ts'
import type { Metadata, MetadataEntry } from '../metadata.ts'
import type { Services } from '../services.ts'
import { inPortions } from '../slices.ts'
import { tellMax } from './open-stream.ts'
import type { GroupParts, Wanted } from './watch-group.ts'
import { Group, Watched } from './watch-group.ts'

/** Headers that say by which way a request came, or trace it: two that differ in these alone ask the same thing. */
const waysOfRequests =
  /^(traceparent|tracestate|baggage|b3|x-b3-.*|forwarded|x-forwarded-.*|x-real-ip|via|last-event-id)$/

interface WatchingParts extends GroupParts {
  readonly services: Pick<Services, 'get'>
}

export class Watching {
  private readonly parts: WatchingParts
  private readonly storages = new Map<StorageId, Map<string, Watched>>()
  private watchers = 0

  constructor(parts: WatchingParts) {
    this.parts = parts
  }

  /** Streams of watchers. */
  get size(): number {
    return this.watchers
  }

  /** `admit` is asked where this one makes a reading of its own. @throws what `admit` throws */
  open(wanted: Wanted, receiver: Receiver, admit: () => void): StreamCall {
    const { service, method, key, command } = wanted
    const { storage } = service
    const metadata = command.metadata.filter(([name]) => !waysOfRequests.test(name))
    const id = idOf(service.name, method.type.name, command.payload, metadata)
    let watched = this.storages.get(storage)?.get(key)
    let group = watched?.groups.get(id)
    if (group === undefined) {
      admit()
      watched ??= this.watch({ storage, key })
      group = new Group(this.parts, watched, { ...wanted, command: { ...command, metadata } }, id, (count) => {
        this.watchers += count
        if (watched!.groups.size === 0) this.forget(watched!)
      })
    }
    return group.join(receiver)
  }

  /** A commit of an entity is on disk, up to this revision. Before what it answers is told. */
  changed({ storage, key }: EntityRef, revision: number): void {
    const watched = this.storages.get(storage)?.get(key)
    if (watched !== undefined) for (const group of watched.groups.values()) group.changed(revision)
  }

  /** Other versions of services are served: what can be followed on is read anew, all else ends. */
  switched(): void {
    const { services, clock } = this.parts
    const anew: Group[] = []
    for (const group of this.groups()) {
      const now = services.get(group.service.name)
      if (now === group.service) continue
      if (group.adopt(now)) anew.push(group)
      else {
        const message = `${group.service.name} was replaced or undeployed; open the stream again`
        group.end({ kind: 'error', error: new InnkeeperError('service_replaced', message) })
      }
    }
    void inPortions(anew, tellMax, (group) => group.readAnew(), clock)
  }

  end(error: InnkeeperError): void {
    for (const group of this.groups()) group.end({ kind: 'error', error })
  }

  private groups(): readonly Group[] {
    return [...this.storages.values()].flatMap((entities) =>
      [...entities.values()].flatMap(({ groups }) => [...groups.values()]),
    )
  }

  private watch(entity: EntityRef): Watched {
    let entities = this.storages.get(entity.storage)
    if (entities === undefined) {
      entities = new Map()
      this.storages.set(entity.storage, entities)
    }
    const watched = new Watched(entity)
    entities.set(entity.key, watched)
    return watched
  }

  private forget({ entity: { storage, key } }: Watched): void {
    const entities = this.storages.get(storage)
    entities?.delete(key)
    if (entities?.size === 0) this.storages.delete(storage)
  }
}

function idOf(service: string, method: string, payload: Uint8Array, metadata: Metadata): string {
  const names = JSON.stringify([service, method, ...metadata.map(legible)])
  return `${names}${hash('sha256', payload, 'base64')}`
}

function legible([name, value]: MetadataEntry): readonly [string, string] {
  return [name, typeof value === 'string' ? value : Buffer.from(value).toString('base64')]
}
