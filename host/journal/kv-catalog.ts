// The catalog over a Kv: framed JSON in `default`, raw bytes of components and modules in `components`.
//
//   default      directory                     -> {"format":1,"id":"..."}
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
import { InnkeeperError } from '../errors.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { Strikes } from '../in-hand.ts'
import { nextTurn } from '../slices.ts'
import type { Catalog, Deployment } from './catalog.ts'
import { DamagedValue, damagedIn, isDamaged } from './damage.ts'
import type { IncarnationStore, StoredIncarnation } from './incarnation.ts'
import type { StorageId } from './journal.ts'
import type { Column } from './keys.ts'
import { after } from './keys.ts'
import type { Kv, Write } from './kv.ts'
import { longWrites, readLong } from './pieces.ts'
import { frame, unframe } from './record.ts'

/** Layout of the data directory. A host refuses one that is newer than it knows. */
const format = 1
const allMax = 1_000_000

/** Runs an access to the store; throws `storage_unavailable` where the store has failed. */
export type Using = <T>(run: () => T) => T

export class KvCatalog implements Catalog, IncarnationStore {
  readonly directoryId: string
  private readonly kv: Kv
  private readonly using: Using

  /** `using` wraps every access, so that a failure here is one of the whole store (journal.J4).
   *  @throws InnkeeperError `storage_unavailable` for a directory of a newer format. */
  constructor(kv: Kv, using: Using = (run) => run()) {
    this.kv = kv
    this.using = using
    const known = this.read<{ format: number; id: string }>('directory')
    if (known !== undefined && known.format > format) {
      const message = `the data directory has format ${known.format}, this host reads up to ${format}; use a newer Innkeeper`
      throw new InnkeeperError('storage_unavailable', message)
    }
    this.directoryId = known?.id ?? randomBytes(16).toString('hex')
    if (known === undefined) kv.write([put('directory', { format, id: this.directoryId })], true)
  }

  deployments(): readonly Deployment[] {
    return this.all<Deployment>('deployment/').map(([, deployment]) => deployment)
  }

  active(): ReadonlyMap<string, number> {
    return new Map(this.all<{ deployment: number }>('active/').map(([name, { deployment }]) => [name, deployment]))
  }

  async keep(component: Uint8Array, artefact: Artefact): Promise<void> {
    for (const write of longWrites(`component/${artefact.hash}`, component)) {
      this.write([write])
      await nextTurn()
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
    const description = { ...rest.description, descriptors: Buffer.from(descriptors, 'base64') }
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
        this.write([write])
        await nextTurn()
      }
    const { descriptors, ...described } = description
    const head: ArtefactHead = {
      ...artefact,
      modules: modules.length,
      description: described as ArtefactHead['description'],
      descriptors: Buffer.from(descriptors).toString('base64'),
    }
    // Last: whoever finds it finds the modules.
    this.write([['components', Buffer.from(`artefact/${hash}/${engine}`), frame(Buffer.from(JSON.stringify(head)))]])
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
    this.write([put('incarnation', incarnation)])
  }

  private long(key: string): Buffer | undefined {
    return this.using(() => readLong(this.kv, key))
  }

  private get(column: Column, key: Buffer): Buffer | undefined {
    return this.using(() => this.kv.get(column, key))
  }

  private write(writes: readonly Write[]): void {
    this.using(() => this.kv.write(writes, true))
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
