// Usage: how many bytes each storage id has in the store: records, values and replicas, snapshots, idempotency keys. As they were written, before
// RocksDB packs them.
//
//   default   usage                      -> {"counted":true}                               the rows below say all that there is
//             usage/<storage>/stored     -> {"bytes":1234,"keys":99}                       what commits brought; of that, of keys
//             usage/<storage>/snapshots  -> {"bytes":1234}
//             usage/<storage>/expired    -> {"bytes":99}                                   of keys, and gone
//
// B1. A row is in the batch that changes it, so a crash leaves no difference. Each row has one kind of batch that writes it, and what
//     is here is changed before the write: batches on their way at once bring what the later one says.
// B2. A directory of an older host is counted once, in slices; until that is done nothing is noted, and what is known is what came since. What
//     was written meanwhile may count twice then.
//
// What is replaced or deleted is told by whoever does so. A difference is no harm: the account bounds, it finds nothing.
//
// Owns: the account.   The journal owns: batches.   host/disk.ts owns: what follows from it.

import { type Clock, pause, systemClock } from '../clock.ts'
import type { Column } from '../storage/columns.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Kv, Write } from '../storage/kv.ts'
import { walk } from '../storage/walk.ts'
import type { StorageId } from './journal.ts'
import { expiryKeyTag } from './keys.ts'
import { decodeBase, frame, unframe } from './record.ts'

/** What a batch adds to an account, or takes. */
export interface Change {
  bytes: number
  /** Of these, those of idempotency keys. */
  keys: number
}

interface Account {
  /** Of its row that each commit writes. */
  readonly storedKey: Buffer
  stored: number
  storedKeys: number
  snapshots: number
  expired: number
}

/** Of counting, before the loop gets its turn. In milliseconds. */
const sliceMs = 4
const restMs = 16
const page = { rowsMax: 256, bytesMax: 1024 * 1024 }
/** Before the storage id in keys of `idempotency`. */
const entryTag = 0

export class Usage {
  private readonly kv: Kv
  private readonly clock: Clock
  private readonly accounts = new Map<StorageId, Account>()
  private total = 0
  private totalKeys = 0
  private counted: boolean
  /** That it is counted is on disk. */
  private noted: boolean
  private stopped = false

  /** `empty`: nothing was ever committed. */
  constructor(kv: Kv, empty: boolean, clock: Clock = systemClock) {
    this.kv = kv
    this.clock = clock
    this.noted = this.load()
    this.counted = this.noted || empty
  }

  /** Bytes of a storage id. */
  of(storage: StorageId): number {
    const account = this.accounts.get(storage)
    return account === undefined ? 0 : Math.max(0, bytesOf(account))
  }

  /** Of these, those of idempotency keys. */
  keysOf(storage: StorageId): number {
    const account = this.accounts.get(storage)
    return account === undefined ? 0 : Math.max(0, account.storedKeys - account.expired)
  }

  get all(): number {
    return Math.max(0, this.total)
  }

  get allKeys(): number {
    return Math.max(0, this.totalKeys)
  }

  /** What a commit brings: the rows that go with it. */
  commit(changes: ReadonlyMap<StorageId, Change>): readonly Write[] {
    const writes: Write[] = []
    for (const [storage, { bytes, keys }] of changes) {
      const account = this.account(storage)
      account.stored += bytes
      account.storedKeys += keys
      this.total += bytes
      this.totalKeys += keys
      if (this.counted)
        writes.push([
          'default',
          account.storedKey,
          framedText(`{"bytes":${account.stored},"keys":${account.storedKeys}}`),
        ])
    }
    return this.rows(writes)
  }

  snapshot(storage: StorageId, bytes: number): readonly Write[] {
    const account = this.account(storage)
    account.snapshots += bytes
    this.total += bytes
    return this.rows([row(storage, 'snapshots', { bytes: account.snapshots })])
  }

  /** Keys are forgotten. */
  expire(bytes: ReadonlyMap<StorageId, number>): readonly Write[] {
    const writes: Write[] = []
    for (const [storage, gone] of bytes) {
      const account = this.account(storage)
      account.expired += gone
      this.total -= gone
      this.totalKeys -= gone
      writes.push(row(storage, 'expired', { bytes: account.expired }))
    }
    return this.rows(writes)
  }

  /** All of a storage id is purged. */
  forget(storage: StorageId): readonly Write[] {
    this.total -= this.of(storage)
    this.totalKeys -= this.keysOf(storage)
    this.accounts.delete(storage)
    return (['stored', 'snapshots', 'expired'] as const).map(
      (part): Write => ['default', key(storage, part), undefined],
    )
  }

  /** Resolves when a directory of an older host is counted. At once for any other. */
  async complete(): Promise<void> {
    if (this.counted) return
    await this.count()
    if (this.stopped) return
    this.counted = true
    const writes: Write[] = []
    for (const [storage, { stored, storedKeys, snapshots, expired }] of this.accounts) {
      writes.push(row(storage, 'stored', { bytes: stored, keys: storedKeys }))
      writes.push(row(storage, 'snapshots', { bytes: snapshots }), row(storage, 'expired', { bytes: expired }))
    }
    this.kv.write(this.rows(writes), false)
  }

  stop(): void {
    this.stopped = true
  }

  private rows(writes: Write[]): readonly Write[] {
    if (!this.counted) return []
    if (!this.noted) {
      this.noted = true
      writes.push(['default', Buffer.from('usage'), framed({ counted: true })])
    }
    return writes
  }

  private account(storage: StorageId): Account {
    let account = this.accounts.get(storage)
    if (account === undefined) {
      account = { storedKey: key(storage, 'stored'), stored: 0, storedKeys: 0, snapshots: 0, expired: 0 }
      this.accounts.set(storage, account)
    }
    return account
  }

  /** False where nothing is known, or what is known is damaged: then it is counted anew. */
  private load(): boolean {
    try {
      if (this.kv.get('default', Buffer.from('usage')) === undefined) return false
      this.loadRows()
      return true
    } catch (error) {
      if (!(error instanceof DamagedValue || error instanceof SyntaxError)) throw error
      this.accounts.clear()
      this.total = 0
      this.totalKeys = 0
      return false
    }
  }

  private loadRows(): void {
    const from = Buffer.from('usage/')
    const rows = this.kv.range('default', { from, to: after(from), limit: Number.MAX_SAFE_INTEGER })
    for (let at = 0; at < rows.length; at += 2) {
      const [, storage, part] = rows[at]!.toString().split('/')
      const { bytes, keys = 0 } = JSON.parse(unframe(rows[at + 1]!).toString('utf8')) as {
        bytes: number
        keys?: number
      }
      const account = this.account(Number(storage))
      if (part === 'snapshots') account.snapshots = bytes
      else if (part === 'expired') account.expired = bytes
      else [account.stored, account.storedKeys] = [bytes, keys]
    }
    for (const account of this.accounts.values()) {
      this.total += bytesOf(account)
      this.totalKeys += account.storedKeys - account.expired
    }
  }

  private async count(): Promise<void> {
    const until = { slice: this.clock.steady() + sliceMs }
    const columns: readonly Column[] = ['journal', 'bases', 'snapshots', 'idempotency']
    for (const column of columns) {
      const tagged = column === 'idempotency'
      const range = tagged
        ? { from: Buffer.from([entryTag]), to: Buffer.from([expiryKeyTag]) }
        : { from: Buffer.alloc(1), to: Buffer.alloc(5, 255) }
      for (const step of walk(this.kv, { column, ...range, ...page })) {
        if (step.kind === 'gap') continue
        if (this.stopped) return
        for (let at = 0; at < step.rows.length; at += 2) this.countRow(column, step.rows[at]!, step.rows[at + 1]!)
        if (this.clock.steady() < until.slice) continue
        await pause(this.clock, restMs)
        until.slice = this.clock.steady() + sliceMs
      }
    }
  }

  private countRow(column: Column, key: Buffer, value: Buffer): void {
    const tagged = column === 'idempotency'
    const account = this.account(key.readUInt32BE(tagged ? 1 : 0))
    const bytes = tagged ? keyBytes(key, value) : key.length + (column === 'bases' ? stateBytes(value) : value.length)
    this.total += bytes
    if (column === 'snapshots') account.snapshots += bytes
    else account.stored += bytes
    if (!tagged) return
    account.storedKeys += bytes
    this.totalKeys += bytes
  }
}

/** An idempotency entry, and the key that it expires by, which has eight bytes more. */
export function keyBytes(key: Buffer, value: Buffer): number {
  return 2 * key.length + 8 + value.length
}

/** Commits know the length of a base's state, and not that of its row. */
function stateBytes(base: Buffer): number {
  try {
    return decodeBase(base).state?.length ?? 0
  } catch (error) {
    if (error instanceof DamagedValue) return base.length
    throw error
  }
}

function bytesOf({ stored, snapshots, expired }: Account): number {
  return stored + snapshots - expired
}

function key(storage: StorageId, part: 'stored' | 'snapshots' | 'expired'): Buffer {
  return Buffer.from(`usage/${storage}/${part}`)
}

function row(storage: StorageId, part: 'stored' | 'snapshots' | 'expired', value: object): Write {
  return ['default', key(storage, part), framed(value)]
}

function framed(value: object): Buffer {
  return framedText(JSON.stringify(value))
}

function framedText(json: string): Buffer {
  return frame(Buffer.from(json, 'latin1'))
}
