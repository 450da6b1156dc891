// The catalog over a Kv: framed JSON in `default`, raw bytes of components and modules in `components`.
//
//   default      directory                     -> {"format":3,"id":"..."}; with several partitions {"format":3,"id":"...","partitions":4}
//                control                       -> {"position":17}: the last entry of the control log, which all rows below but age,
//                                                 incarnation and directory are written by
//                storage/<persistence id>      -> {"id":7}
//                deployment/<number, 10 digits>-> Deployment
//                incarnation                   -> {"replica":"...","place":"..."}
//                active/<service>              -> {"deployment":3}
//                strikes/<service>             -> {"count":1,...}: it held the loop (router/quarantine.ts)
//                age                           -> {"ms":1}: how long it has been at work (age.ts)
//   components   component/<hash>              -> the uploaded bytes
//                artefact/<hash>/<engine>      -> framed JSON: plan, description, number of modules
//                module/<hash>/<engine>/<n>    -> a core module
//                piece/...                     -> a piece of a long one of these (pieces.ts)

import { randomBytes } from 'node:crypto'
import { type Clock, nextTurn, systemClock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { Strikes } from '../in-hand.ts'
import type { StorageId } from '../journal/journal.ts'
import { LocalLog } from '../journal/log/local.ts'
import type { CommitLog } from '../journal/log/log.ts'
import { frame, unframe } from '../journal/record.ts'
import { damagedIn } from '../journal/what.ts'
import type { Column } from '../storage/columns.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue, damagedError, isDamaged } from '../storage/damage.ts'
import { Health } from '../storage/health.ts'
import type { IncarnationStore, StoredIncarnation } from '../storage/incarnation.ts'
import type { Kv, Write } from '../storage/kv.ts'
import type { Catalog, Deployment } from './catalog.ts'
import { longWrites, readLong } from './pieces.ts'

/** Layout of the data directory. A host refuses one that is newer than it knows. 1 had one partition, 2 several; 3 may have either, and effects that are
 *  due later, answers, and tickets, which an older host would lose. */
const newest = 3
const allMax = 1_000_000

interface StoredDirectory {
  readonly format: number
  readonly id: string
  readonly partitions?: number
}

const newDirectoryId = (): string => randomBytes(16).toString('hex')

export class KvCatalog implements Catalog, IncarnationStore {
  readonly directoryId: string
  /** Fixed when the directory was made. */
  readonly partitions: number
  private readonly kv: Kv
  private readonly health: Health
  private readonly clock: Clock
  private log: CommitLog
  /** What damage is told as; whoever has the journals remembers it, too (composed.ts). */
  refused: (error: DamagedValue) => InnkeeperError = (error) => damagedError('a part of the store', error)

  /** A failure here is one of the whole store (journal.J4). `partitions`: how many there are to be; what is there if it says nothing, or 1.
   *  @throws InnkeeperError `storage_unavailable` for a directory of a newer format, or with another number of partitions. */
  constructor(kv: Kv, health = new Health(() => {}), partitions?: number, clock = systemClock, newId = newDirectoryId) {
    this.kv = kv
    this.clock = clock
    this.health = health
    const known = this.read<StoredDirectory>('directory')
    if (known !== undefined) checkDirectory(known, partitions)
    this.partitions = known?.partitions ?? partitions ?? 1
    this.directoryId = known?.id ?? newId()
    // From here on there may be what an older host does not know.
    if (known === undefined || known.format < newest) kv.write([put('directory', this.directory())], true)
    this.log = this.control()
  }

  private directory(): StoredDirectory {
    const { directoryId: id, partitions } = this
    return partitions === 1 ? { format: newest, id } : { format: newest, id, partitions }
  }

  /** The engine was opened again. */
  reread(): void {
    this.log = this.control()
  }

  /** The control log: what is deployed, in an order of its own. Its entries are synced at once. */
  private control(): CommitLog {
    const { position = 0 } = this.read<{ position: number }>('control') ?? {}
    return new LocalLog(synced(this.kv), position)
  }

  deployments(): readonly Deployment[] {
    return this.all<Deployment>('deployment/').map(([, deployment]) => deployment)
  }

  active(): ReadonlyMap<string, number> {
    return new Map(this.all<{ deployment: number }>('active/').map(([name, { deployment }]) => [name, deployment]))
  }

  async keep(component: Uint8Array, artefact: Artefact): Promise<void> {
    for (const write of longWrites(`component/${artefact.hash}`, component)) {
      this.writeBytes(write)
      await nextTurn(this.clock)
    }
    await this.putArtefact(artefact)
  }

  deploy(deployment: Deployment): void {
    this.write([
      put(`deployment/${String(deployment.number).padStart(10, '0')}`, deployment),
      ...deployment.services.map(({ name }) => put(`active/${name}`, { deployment: deployment.number })),
    ])
  }

  undeploy(service: string): void {
    this.write([['default', Buffer.from(`active/${service}`), undefined]])
  }

  storageId(persistenceId: string): StorageId {
    return this.storageIds([persistenceId]).get(persistenceId)!
  }

  storageIds(persistenceIds: readonly string[]): ReadonlyMap<string, StorageId> {
    const ids = new Map<string, StorageId>()
    const writes: Write[] = []
    let last: StorageId | undefined
    for (const persistenceId of new Set(persistenceIds)) {
      const key = `storage/${persistenceId}`
      const known = this.read<{ id: StorageId }>(key)
      if (known !== undefined) {
        ids.set(persistenceId, known.id)
        continue
      }
      last ??= this.all<{ id: StorageId }>('storage/').reduce((most, [, { id }]) => Math.max(most, id), 0)
      last += 1
      ids.set(persistenceId, last)
      writes.push(put(key, { id: last }))
    }
    if (writes.length > 0) this.write(writes)
    return ids
  }

  component(hash: string): Uint8Array | undefined {
    return this.long(`component/${hash}`)
  }

  artefact(hash: string, engine: number): Artefact | undefined {
    try {
      return this.readArtefact(hash, engine)
    } catch (error) {
      // As good as none: it is made again from the component.
      if (isDamage(error)) return undefined
      throw error
    }
  }

  private readArtefact(hash: string, engine: number): Artefact | undefined {
    const head = this.get('components', Buffer.from(`artefact/${hash}/${engine}`))
    if (head === undefined) return undefined
    const { modules: count, descriptors, ...rest } = JSON.parse(unframe(head).toString('utf8')) as ArtefactHead
    const modules: Uint8Array[] = []
    for (let index = 0; index < count; index++) {
      const module = this.long(`module/${hash}/${engine}/${index}`)
      if (module === undefined) return undefined
      modules.push(unframe(module))
    }
    const description = {
      ...rest.description,
      descriptors: Buffer.from(descriptors, 'base64'),
      // Of before there were views.
      viewServices: rest.description.viewServices ?? [],
    }
    return { ...rest, description, modules }
  }

  descriptors(hash: string): Uint8Array | undefined {
    const from = Buffer.from(`artefact/${hash}/`)
    const heads = this.using(() => this.kv.range('components', { from, to: after(from), limit: allMax }))
    for (let at = heads.length - 1; at > 0; at -= 2) {
      try {
        const { descriptors } = JSON.parse(unframe(heads[at]!).toString('utf8')) as ArtefactHead
        return Buffer.from(descriptors, 'base64')
      } catch (error) {
        if (!isDamage(error)) throw error
      }
    }
    return undefined
  }

  async putArtefact(artefact: Artefact): Promise<void> {
    const { hash, engine, modules, description } = artefact
    for (const [index, module] of modules.entries())
      for (const write of longWrites(`module/${hash}/${engine}/${index}`, frame(module))) {
        this.writeBytes(write)
        await nextTurn(this.clock)
      }
    const { descriptors, ...described } = description
    const head: ArtefactHead = {
      ...artefact,
      modules: modules.length,
      description: described as ArtefactHead['description'],
      descriptors: Buffer.from(descriptors).toString('base64'),
    }
    // Last: whoever finds it finds the modules.
    this.writeBytes(['components', Buffer.from(`artefact/${hash}/${engine}`), frame(Buffer.from(JSON.stringify(head)))])
  }

  strikes(): ReadonlyMap<string, Strikes> {
    return new Map(this.all<Strikes>('strikes/'))
  }

  putStrikes(service: string, strikes: Strikes | undefined): void {
    const key = `strikes/${service}`
    this.write([strikes === undefined ? ['default', Buffer.from(key), undefined] : put(key, strikes)])
  }

  age(): number | undefined {
    return this.read<{ ms: number }>('age')?.ms
  }

  putAge(ms: number): void {
    this.using(() => this.kv.write([put('age', { ms })], false))
  }

  incarnation(): StoredIncarnation | undefined {
    return this.read('incarnation')
  }

  putIncarnation(incarnation: StoredIncarnation): void {
    this.using(() => this.kv.write([put('incarnation', incarnation)], true))
  }

  private long(key: string): Buffer | undefined {
    return this.using(() => readLong(this.kv, key))
  }

  private get(column: Column, key: Buffer): Buffer | undefined {
    return this.using(() => this.kv.get(column, key))
  }

  private write(writes: readonly Write[]): void {
    this.using(() => {
      const { last } = this.log
      const position = last + 1
      this.log.append(last, { position, writes: [...writes, put('control', { position })], clears: [] }, (error) => {
        if (error !== undefined) throw error
      })
    })
  }

  /** Components and modules, pieces of files: not of the order. */
  private writeBytes(write: Write): void {
    this.using(() => this.kv.write([write], true))
  }

  /** What lies here fails and is refused together with the journals (journal.J4). */
  private using<T>(run: () => T): T {
    return this.health.using(run, this.refused)
  }

  private read<T>(key: string): T | undefined {
    return this.catalogued(() => {
      const value = this.kv.get('default', Buffer.from(key))
      return value && parsed<T>(Buffer.from(key), value)
    })
  }

  /** Nothing can be served without the catalog, so damage in it is no entity's. @throws InnkeeperError `storage_unavailable` */
  private catalogued<T>(read: () => T): T {
    return this.using(() => {
      try {
        return read()
      } catch (error) {
        if (!(error instanceof DamagedValue)) throw error
        const message = `the catalog of the data directory cannot be read (${error.message}); restore the directory from a backup`
        throw new InnkeeperError('storage_unavailable', message, error)
      }
    })
  }

  /** Entries whose key starts so, by the rest of the key. */
  private all<T>(prefix: string): [string, T][] {
    const from = Buffer.from(prefix)
    return this.catalogued(() => {
      const rows = this.kv.range('default', { from, to: after(from), limit: allMax })
      const entries: [string, T][] = []
      for (let at = 0; at < rows.length; at += 2) {
        entries.push([rows[at]!.toString('utf8', from.length), parsed<T>(rows[at]!, rows[at + 1]!)])
      }
      return entries
    })
  }
}

/** A row of `default`. @throws DamagedValue */
function parsed<T>(key: Buffer, value: Buffer): T {
  try {
    return JSON.parse(unframe(value).toString('utf8')) as T
  } catch (error) {
    if (error instanceof DamagedValue) throw damagedIn('default', key, error)
    throw error
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof DamagedValue || isDamaged(error)
}

type ArtefactHead = Omit<Artefact, 'modules'> & { readonly modules: number; readonly descriptors: string }

function put(key: string, value: unknown): Write {
  return ['default', Buffer.from(key), frame(Buffer.from(JSON.stringify(value)))]
}

/** @throws InnkeeperError `storage_unavailable` */
function checkDirectory({ format, partitions: made = 1 }: StoredDirectory, wanted: number | undefined): void {
  if (format > newest)
    throw new InnkeeperError(
      'storage_unavailable',
      `the data directory has format ${format}, this host reads up to ${newest}; use a newer Innkeeper`,
    )
  if (wanted === undefined || wanted === made) return
  throw new InnkeeperError(
    'storage_unavailable',
    `the data directory was made with ${made} ${made === 1 ? 'partition' : 'partitions'}, and --partitions says ${wanted}; the number is ` +
      'fixed when a directory is made: omit --partitions, or choose another --data',
  )
}

/** A state whose writes are synced when they return, whatever else is under way. */
function synced(kv: Kv): Pick<Kv, 'commit' | 'erase'> {
  return {
    commit: (writes, done) => {
      kv.write(writes, true)
      done(undefined)
    },
    erase: (writes, clears, done) => kv.erase(writes, clears, done),
  }
}
