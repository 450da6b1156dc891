// Scrub: reads every block, frame, component and artefact of a store, and tells what is damaged. `inn doctor` runs it through,
// `inn up --scrub` a little at a time.
//
// S1. Nothing is changed. What cannot be read is told with the keys before and behind it; what can be, with what is wrong in it.
// S2. A step reads one page, so that a running host decides how much of its loop goes there. What takes long is left to the
//     thread pool (the hash of a component) or to `deep` (the inside of replicas).
//
// Owns: what a right value is.   storage/walk.ts owns: getting past a damaged block.   doctor.ts and scrubbing.ts own: when.

import { webcrypto } from 'node:crypto'
import { hasLong } from '../catalog/pieces.ts'
import { DamagedReplica } from '../crdt/decode.ts'
import { Replica } from '../crdt/replica.ts'
import { entityOf, entityOfPrefix, expiryKeyTag, numberOf, subscriptionParts } from '../journal/keys.ts'
import {
  decodeBase,
  decodeCommit,
  decodeIdempotency,
  decodeOutbox,
  decodeRecord,
  decodeSnapshot,
  decodeSubscription,
  unframe,
} from '../journal/record.ts'
import type { Row } from '../journal/what.ts'
import { whatIs } from '../journal/what.ts'
import type { Column } from '../storage/columns.ts'
import { columns } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Kv } from '../storage/kv.ts'
import type { Step } from '../storage/walk.ts'
import { walk } from '../storage/walk.ts'

export interface Finding {
  readonly column: Column
  /** Of an entity: its storage id and key. */
  readonly storage?: number
  readonly entity?: string
  /** What it is, in words: "record 7", "component 3f2a…". */
  readonly what: string
  readonly reason: string
  /** Nothing between these keys can be read. */
  readonly gap?: { readonly after: Buffer; readonly to: Buffer }
}

/** What is read. */
export interface Scrubbed {
  readonly kv: Pick<Kv, 'range' | 'get'>
  /** What each partition sees of it; where there is one, that is all. */
  readonly parts: readonly Pick<Kv, 'range' | 'get'>[]
}

interface ScrubParts {
  readonly store: Scrubbed
  /** Storage ids whose bases and deltas are read through as replicas; without it none are. */
  readonly deep?: (storage: number) => boolean
  readonly found: (finding: Finding) => void
}

const rowsMax = 256
const pageBytes = 64 * 1024
const first = Buffer.alloc(1)
/** Where the catalog's rows begin. */
const firstLetter = Buffer.from('A')
/** Rows of `default` that are no framed JSON. */
const unframed = /^(cleared|receipt)\//
const hostColumns: ReadonlySet<Column> = new Set(['default', 'components'])
/** Behind every key of the store: none begins with two bytes 255. */
const end = Buffer.from([255, 255])

export class Scrub {
  /** Values read, and their bytes, since it was made. */
  values = 0
  bytes = 0
  private readonly parts: ScrubParts
  private hashing: Promise<void> = Promise.resolve()
  private steps: Generator<[Column, Step], undefined>

  constructor(parts: ScrubParts) {
    this.parts = parts
    this.steps = this.all()
  }

  /** Read a page. False once the whole store was read; the next call begins anew. */
  step(): boolean {
    const { done, value } = this.steps.next()
    if (done === true) {
      this.steps = this.all()
      return false
    }
    const [column, step] = value
    if (step.kind === 'gap') this.gap(column, step.after, step.to, step.reason.message)
    else for (let at = 0; at < step.rows.length; at += 2) this.row(column, step.rows[at]!, step.rows[at + 1]!)
    return true
  }

  /** Resolves when all that was read is checked. */
  settled(): Promise<void> {
    return this.hashing
  }

  private *all(): Generator<[Column, Step], undefined> {
    const { kv, parts } = this.parts.store
    const page = { rowsMax, bytesMax: pageBytes }
    for (const part of parts)
      for (const column of columns) {
        // Those of the host begin with a letter, and lie behind those of all partitions (partitioned.P3).
        const shared = parts.length > 1 && part === parts[0] && hostColumns.has(column)
        if (shared) for (const step of walk(kv, { column, from: firstLetter, to: end, ...page })) yield [column, step]
        for (const step of walk(part, { column, from: first, to: end, ...page })) yield [column, step]
      }
    return undefined
  }

  private row(column: Column, key: Buffer, value: Buffer): void {
    this.values += 1
    this.bytes += key.length + value.length
    try {
      this.check(column, key, value)
    } catch (error) {
      if (!(error instanceof DamagedValue || error instanceof DamagedReplica || error instanceof SyntaxError))
        throw error
      this.parts.found({ column, ...whatIs(column, key), reason: error.message })
    }
  }

  /** @throws DamagedValue, DamagedReplica, SyntaxError */
  private check(column: Column, key: Buffer, value: Buffer): void {
    switch (column) {
      case 'journal': {
        const { change } = decodeRecord(numberOf(key), value)
        if (change?.kind === 'delta' && this.parts.deep?.(entityOf(key).storage)) Replica.decode(change.delta)
        return
      }
      case 'commits':
        decodeCommit(numberOf(key), value)
        return
      case 'snapshots':
        decodeSnapshot(value)
        return
      case 'idempotency':
        if (key[0] !== expiryKeyTag) decodeIdempotency(value)
        return
      case 'outbox':
        decodeOutbox(numberOf(key), value)
        return
      case 'bases': {
        const { state } = decodeBase(value)
        if (state !== undefined && this.parts.deep?.(entityOfPrefix(key).storage)) Replica.decode(state)
        return
      }
      case 'subscriptions':
        decodeSubscription(subscriptionParts(key).id, value)
        return
      case 'components':
        this.component(key, value)
        return
      case 'default':
        if (!unframed.test(key.toString())) JSON.parse(unframe(value).toString('utf8'))
    }
  }

  private component(key: Buffer, value: Buffer): void {
    const [kind, contentHash, engine] = key.toString().split('/')
    if (kind === 'component') {
      this.hashing = Promise.all([this.hashing, webcrypto.subtle.digest('SHA-256', new Uint8Array(value))]).then(
        ([, digest]) => {
          if (Buffer.from(digest).toString('hex') === contentHash) return
          const reason = 'its bytes are not those that were uploaded'
          this.parts.found({ column: 'components', ...whatIs('components', key), reason })
        },
      )
      return
    }
    const body = unframe(value)
    if (kind !== 'artefact') return
    const { modules } = JSON.parse(body.toString('utf8')) as { modules: number }
    for (let index = 0; index < modules; index++) {
      if (!hasLong(this.parts.store.kv, `module/${contentHash}/${engine}/${index}`))
        throw new DamagedValue(`its module ${index} is missing`)
    }
  }

  private gap(column: Column, after: Buffer, to: Buffer, reason: string): void {
    const [from, until] = [after, to].map((key) =>
      key.equals(first) || key.equals(end) ? undefined : whatIs(column, key),
    )
    const place = (described: Row | undefined, otherwise: string) =>
      described === undefined
        ? otherwise
        : described.entity === undefined
          ? described.what
          : `${described.what} of ${JSON.stringify(described.entity)}`
    const what = `everything between ${place(from, 'the beginning')} and ${place(until, 'the end')}`
    const owner =
      from?.entity !== undefined && from.entity === until?.entity ? { storage: from.storage!, entity: from.entity } : {}
    this.parts.found({ column, ...owner, what, reason, gap: { after, to } })
  }
}
