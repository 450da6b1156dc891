// Stored: what all partitions have stored, as one: for operators and deployments, which ask for a service and not for a partition.
//
// S1. What is of an entity is asked of its partition; lists are those of all, in the order of one.
//
// Owns: putting answers together.   Each partition's journal owns: the answer.

import { Placement } from '../placement.ts'
import type { StoredType } from './census.ts'
import type { Sized } from './counts.ts'
import type { EntityRef, EntitySummary, Journal, MetDamage, StorageId } from './journal.ts'

type OfOneEntity = Pick<
  Journal,
  | 'base'
  | 'events'
  | 'head'
  | 'history'
  | 'opening'
  | 'putSnapshot'
  | 'record'
  | 'records'
  | 'snapshot'
  | 'subscriptions'
>

/** What a deployment looks at (census.ts). */
interface Counts {
  complete(): Promise<void>
  readonly progress: number
  types(storage: StorageId): readonly StoredType[]
  largest(storage: StorageId): readonly Sized[]
  oldest(storage: StorageId): readonly string[]
  newest(storage: StorageId): readonly string[]
  entities(storage: StorageId): number
}

/** What the quota of the disk looks at (usage.ts). */
export interface Bytes {
  of(storage: StorageId): number
  keysOf(storage: StorageId): number
  readonly all: number
  readonly allKeys: number
}

export interface Stored extends OfOneEntity, Pick<Journal, 'entities' | 'met' | 'purge' | 'snapshotVersions'> {
  readonly census: Counts
  readonly usage: Bytes
}

/** @param journals by partition */
export function storedIn(journals: readonly Journal[]): Stored {
  return journals.length === 1 ? journals[0]! : new AllStored(journals)
}

class AllStored implements Stored {
  readonly census: Counts
  readonly usage: Bytes
  private readonly journals: readonly Journal[]
  private readonly placement: Placement

  constructor(journals: readonly Journal[]) {
    this.journals = journals
    this.placement = new Placement(journals.length)
    this.census = countsOf(journals)
    this.usage = bytesOf(journals)
  }

  readonly head: Journal['head'] = (entity) => this.of(entity).head(entity)
  readonly opening: Journal['opening'] = (entity, asked) => this.of(entity).opening(entity, asked)
  readonly base: Journal['base'] = (entity) => this.of(entity).base(entity)
  readonly subscriptions: Journal['subscriptions'] = (entity) => this.of(entity).subscriptions(entity)
  readonly records: Journal['records'] = (entity, ...page) => this.of(entity).records(entity, ...page)
  readonly events: Journal['events'] = (entity, ...page) => this.of(entity).events(entity, ...page)
  readonly record: Journal['record'] = (entity, revision) => this.of(entity).record(entity, revision)
  readonly history: Journal['history'] = (entity, ...page) => this.of(entity).history(entity, ...page)
  readonly snapshot: Journal['snapshot'] = (entity, max) => this.of(entity).snapshot(entity, max)
  readonly putSnapshot: Journal['putSnapshot'] = (entity, snapshot) => this.of(entity).putSnapshot(entity, snapshot)

  entities(
    storage: StorageId,
    prefix: string,
    after: string | undefined,
    max: number,
    by?: 'records' | 'base',
  ): readonly EntitySummary[] {
    return inOrder(this.journals.map((journal) => journal.entities(storage, prefix, after, max, by))).slice(0, max)
  }

  snapshotVersions(
    storage: StorageId,
    after: string | undefined,
    max: number,
  ): ReturnType<Journal['snapshotVersions']> {
    return inOrder(this.journals.map((journal) => journal.snapshotVersions(storage, after, max))).slice(0, max)
  }

  async purge(storage: StorageId): Promise<void> {
    for (const journal of this.journals) await journal.purge(storage)
  }

  get met(): readonly MetDamage[] {
    return this.journals.flatMap(({ met }) => met)
  }

  private of({ storage, key }: EntityRef): Journal {
    return this.journals[this.placement.ofEntity(storage, key)]!
  }
}

function countsOf(journals: readonly Journal[]): Counts {
  const all = <T>(of: (census: Counts) => T) => journals.map(({ census }) => of(census))
  return {
    complete: async () => void (await Promise.all(all((census) => census.complete()))),
    get progress() {
      return Math.min(...all(({ progress }) => progress))
    },
    types: (storage) => {
      const types = new Map<string, StoredType>()
      for (const type of all((census) => census.types(storage)).flat()) {
        const known = types.get(type.name)
        types.set(type.name, known === undefined ? type : { ...known, count: known.count + type.count })
      }
      return [...types.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    largest: (storage) =>
      all((census) => census.largest(storage))
        .flat()
        .sort((a, b) => b[1] - a[1]),
    oldest: (storage) => inTurns(all((census) => census.oldest(storage))),
    newest: (storage) => inTurns(all((census) => census.newest(storage))),
    entities: (storage) => sum(all((census) => census.entities(storage))),
  }
}

function bytesOf(journals: readonly Journal[]): Bytes {
  const all = (of: (usage: Bytes) => number) => sum(journals.map(({ usage }) => of(usage)))
  return {
    of: (storage) => all((usage) => usage.of(storage)),
    keysOf: (storage) => all((usage) => usage.keysOf(storage)),
    get all() {
      return all((usage) => usage.all)
    },
    get allKeys() {
      return all((usage) => usage.allKeys)
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Keys sort by their bytes, as one partition has them. */
function inOrder<T extends { readonly key: string }>(lists: readonly (readonly T[])[]): readonly T[] {
  return lists
    .flat()
    .map((item) => ({ item, bytes: Buffer.from(item.key) }))
    .sort((a, b) => a.bytes.compare(b.bytes))
    .map(({ item }) => item)
}

/** The first of each list, then the second of each. */
function inTurns<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat()
}
