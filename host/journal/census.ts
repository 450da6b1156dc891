// Census: what is stored, by storage id: types of events with a count and the first example, the largest, the oldest and the last changed
// entities.
// A deployment looks there before it takes a version that could not read it.
//
//   default   type/<storage>/<type name>   -> {"count":9,"entity":"a","sequence":1}     count as of `through`
//             census/<storage>             -> {"entities":2,"largest":[["a",120]],"oldest":["a","b"],"newest":["b"]}  as of `through`
//             census                       -> {"through":1234,"purged":{"7":99}}         number of the last commit counted in; commits
//                                             up to which a storage id counts for nothing
//
// C1. A type is known from the commit of its first event on: its row is in that commit.
// C2. Counts are kept in memory and noted now and then, unsynced, with the commit they reach. A start counts the rest in slices;
//     a directory without a census, all of it. So commits are not trimmed before they are counted and noted (`noted`).
// C3. Counting goes by commits, each once: what is committed meanwhile is counted apart.
//
// Owns: counting.   The journal owns: commits.   deploy/ owns: what follows from it.

import { type Clock, pause, systemClock } from '../clock.ts'
import type { Typed } from '../outcome.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue, isDamaged } from '../storage/damage.ts'
import type { Kv, Write } from '../storage/kv.ts'
import { walk } from '../storage/walk.ts'
import type { Counted, Sized, TypeCount } from './counts.ts'
import { Tally } from './counts.ts'
import type { StorageId } from './journal.ts'
import { commitKey, entityPrefix, numbered, numberOf } from './keys.ts'
import { decodeBase, decodeCommit, decodeEvents, frame, unframe } from './record.ts'

export interface StoredType {
  readonly name: string
  readonly count: number
  /** The first event of this type. */
  readonly entity: string
  readonly sequence: number
}

/** Of counting, before the loop gets its turn. In milliseconds. */
const sliceMs = 4
const restMs = 16
const pageCommits = 256

export class Census {
  private readonly kv: Kv
  private readonly clock: Clock
  /** Commits up to `through`. */
  private readonly counted = new Tally()
  private through = 0
  /** What is on disk of that. */
  private notedThrough = 0
  /** Those after the last one that was there at the start. */
  private readonly live = new Tally()
  private readonly until: number
  /** By storage id: the commit of its last purge. What went before it, later records may have the revisions of. */
  private readonly purged = new Map<StorageId, number>()
  private readonly known = new Map<StorageId, Set<string>>()
  private done: Promise<void> | undefined
  private stopped = false

  /** @param last number of the last commit. Counts nothing yet. */
  constructor(kv: Kv, last: number, clock: Clock = systemClock) {
    this.kv = kv
    this.clock = clock
    this.until = last
    this.load()
  }

  /** Resolves when everything that was there at the start is counted in. Starts the counting when it is first asked. */
  complete(): Promise<void> {
    this.done ??= this.count()
    return this.done
  }

  /** Part of the counting that is done, 0 to 1. */
  get progress(): number {
    return this.until === 0 ? 1 : this.through / this.until
  }

  types(storage: StorageId): readonly StoredType[] {
    const types = [...(this.all(storage).types.get(storage) ?? [])].map(([name, type]) => ({ name, ...type }))
    return types.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  largest(storage: StorageId): readonly Sized[] {
    return this.all(storage).largest.get(storage)?.list() ?? []
  }

  oldest(storage: StorageId): readonly string[] {
    return this.all(storage).oldest.get(storage) ?? []
  }

  /** The last changed first. */
  newest(storage: StorageId): readonly string[] {
    return [...(this.all(storage).newest.get(storage)?.list() ?? [])].reverse()
  }

  /** Commits up to this one are counted, and noted: the census needs them no more. */
  get noted(): number {
    return this.notedThrough
  }

  /** The last purge of a storage id, or 0: what a commit before it named is gone, and may have come again under the same revision. */
  purgedAt(storage: StorageId): number {
    return this.purged.get(storage) ?? 0
  }

  /** Entities that ever were. */
  entities(storage: StorageId): number {
    return (this.counted.entities.get(storage) ?? 0) + (this.live.entities.get(storage) ?? 0)
  }

  private all(only?: StorageId): Tally {
    return new Tally().merge(this.counted, only).merge(this.live, only)
  }

  /** The row of a type that has none yet, for the commit of its first event (C1). */
  firstOf(storage: StorageId, name: string, entity: string, sequence: number): Write | undefined {
    let names = this.known.get(storage)
    if (names?.has(name) === true || this.counted.types.get(storage)?.has(name) === true) return undefined
    names ??= new Set()
    this.known.set(storage, names)
    names.add(name)
    return put(typeKey(storage, name), { count: 0, entity, sequence })
  }

  /** A commit is on disk. */
  committed(brought: readonly Counted[]): void {
    for (const one of brought) this.live.add(one)
  }

  /** A commit failed: its first rows may not be there. */
  failed(): void {
    this.known.clear()
    for (const tally of [this.counted, this.live])
      for (const [storage, types] of tally.types) this.known.set(storage, new Set(types.keys()))
  }

  /** What is to be written so that the next start counts less. `last`: number of the last commit. */
  notes(last: number): readonly Write[] {
    // Half counted, what came meanwhile is left for the next start, which begins where this one has come to.
    const complete = this.through === this.until
    const all = complete ? this.all() : this.counted
    this.notedThrough = complete ? last : this.through
    const writes: Write[] = [this.note(this.notedThrough)]
    for (const [storage, types] of all.types)
      for (const [name, type] of types) writes.push(put(typeKey(storage, name), type))
    for (const storage of new Set([...all.largest.keys(), ...all.oldest.keys()])) {
      const [largest, oldest] = [all.largest.get(storage)?.list() ?? [], all.oldest.get(storage) ?? []]
      const newest = all.newest.get(storage)?.list() ?? []
      writes.push(put(`census/${storage}`, { entities: all.entities.get(storage) ?? 0, largest, oldest, newest }))
    }
    return writes
  }

  private note(through: number): Write {
    return put('census', { through, purged: Object.fromEntries(this.purged) })
  }

  /** Everything of a storage id is purged by this commit; the rows that go with it. */
  forget(storage: StorageId, commit: number): readonly Write[] {
    const names = new Set([...(this.known.get(storage) ?? []), ...this.types(storage).map(({ name }) => name)])
    for (const tally of [this.counted, this.live]) tally.forget(storage)
    this.known.delete(storage)
    this.purged.set(storage, commit)
    const keys = [`census/${storage}`, ...[...names].map((name) => typeKey(storage, name))]
    return [...keys.map((key): Write => ['default', Buffer.from(key), undefined]), this.note(this.notedThrough)]
  }

  stop(): void {
    this.stopped = true
  }

  private async count(): Promise<void> {
    const range = { from: commitKey(this.through + 1), to: commitKey(this.until + 1) }
    let slice = this.clock.steady() + sliceMs
    for (const step of walk(this.kv, { column: 'commits', ...range, rowsMax: pageCommits })) {
      if (step.kind === 'gap') continue
      for (let at = 0; at < step.rows.length; at += 2) {
        if (this.stopped) return
        const number = numberOf(step.rows[at]!)
        this.countCommit(number, step.rows[at + 1]!)
        this.through = number
        if (this.clock.steady() < slice) continue
        await pause(this.clock, restMs)
        slice = this.clock.steady() + sliceMs
      }
    }
    this.through = this.until
  }

  private countCommit(number: number, value: Buffer): void {
    const wrote = intact(() => decodeCommit(number, value).wrote) ?? []
    for (const { entity, revision } of wrote) {
      const { storage, key } = entity
      if (number < this.purgedAt(storage)) continue
      const prefix = entityPrefix(entity)
      const events: Typed[] = []
      const size = intact(() => {
        const record = this.kv.get('journal', numbered(prefix, revision))
        if (record !== undefined) return decodeEvents(record, events)
        const base = this.kv.get('bases', prefix)
        // One that was deleted has none, and is still known.
        return base && (decodeBase(base).state?.length ?? 0)
      })
      if (size !== undefined) this.counted.add({ storage, key, born: revision === 1, size, events })
    }
  }

  private load(): void {
    const rows = (prefix: string) => {
      const from = Buffer.from(prefix)
      return this.kv.range('default', { from, to: after(from), limit: Number.MAX_SAFE_INTEGER })
    }
    const noted = intact(() => this.kv.get('default', Buffer.from('census')))
    const { through = 0, purged = {} } =
      (noted && json<{ through: number; purged: Record<string, number> }>(noted)) || {}
    for (const [storage, commit] of Object.entries(purged)) this.purged.set(Number(storage), commit)
    // A journal that was restored ends before what was counted: then all of it is counted anew.
    const usable = through <= this.until
    this.through = usable ? through : 0
    this.notedThrough = this.through
    const types = intact(() => rows('type/')) ?? []
    for (let at = 0; at < types.length; at += 2) {
      const [, storage, ...name] = types[at]!.toString().split('/')
      const type = json<TypeCount>(types[at + 1]!)
      if (type === undefined) continue
      this.firstOf(Number(storage), name.join('/'), '', 0)
      if (usable) this.counted.addType(Number(storage), name.join('/'), type)
    }
    const entities = intact(() => rows('census/')) ?? []
    for (let at = 0; usable && at < entities.length; at += 2) {
      const storage = Number(entities[at]!.toString().slice('census/'.length))
      const known = json<{ entities: number; largest: Sized[]; oldest: string[]; newest: string[] }>(entities[at + 1]!)
      const { entities: count = 0, largest = [], oldest = [], newest = [] } = known ?? {}
      this.counted.addEntities(storage, count)
      for (const [key, size] of largest) this.counted.addLargest(storage, key, size)
      for (const key of oldest) this.counted.addOldest(storage, key)
      for (const key of newest) this.counted.addNewest(storage, key)
    }
  }
}

function typeKey(storage: StorageId, name: string): string {
  return `type/${storage}/${name}`
}

function put(key: string, value: unknown): Write {
  return ['default', Buffer.from(key), frame(Buffer.from(JSON.stringify(value)))]
}

function json<T>(value: Buffer): T | undefined {
  return intact(() => JSON.parse(unframe(value).toString('utf8')) as T)
}

/** What is damaged counts as not there: a census is only a help. */
function intact<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DamagedValue || error instanceof SyntaxError || isDamaged(error)) return undefined
    throw error
  }
}
