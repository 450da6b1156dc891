// Replica: what one host knows of one replicated entity. The state that is kept, and what merges.
//
//     value      one tree of dots, of the entity's kind; ORMaps nest
//     context    which dots were ever seen, of all replicas: what is seen and not in the tree was removed
//     deleted    a mark that beats everything else
//
// R1. merge() is a join: in any order, repeated, in parts or whole, the same knowledge gives the same bytes (encode).
// R2. What apply() and delete() answer as a delta says all that they did; merging the deltas is merging the replicas. Deltas
//     may come late, twice, or before those that they follow.
// R3. apply() and merge() are atomic: what throws has changed nothing.
// R4. A deleted entity stays deleted: its replicas are two bytes, and all the same.
// R5. Costs follow what is touched. Walks over everything are: encode, decode, a view of all, merging a context that has more
//     dots than `listedMax`, and once, when a first removal arrives from elsewhere, the index (dot-index.ts).
//
// Owns: the whole.   Stores own: their kind (§replica-3).   encode.ts, decode.ts, view.ts own: bytes.   The host owns: who applies
// and with which replica id: two that write under one id break R1.

import { Context } from './context.ts'
import { DamagedReplica, decodeReplica } from './decode.ts'
import { counterMax } from './dot.ts'
import { Edit } from './edit.ts'
import { deletedBytes, encodeReplica } from './encode.ts'
import type { ReplicaId } from './ids.ts'
import { Ids } from './ids.ts'
import { toJson } from './json.ts'
import { newStore } from './map.ts'
import type { Candidates } from './meeting.ts'
import { Meeting } from './meeting.ts'
import type { Operation } from './operations.ts'
import { OperationError, pathMax } from './operations.ts'
import { plan } from './plan.ts'
import { Root } from './root.ts'
import type { ViewScope } from './view.ts'
import { encodeView } from './view.ts'

export type { ReplicaId, ViewScope }
export { DamagedReplica }

export interface Applied {
  /** What peers and the journal get; undefined: nothing was done. */
  readonly delta: Uint8Array | undefined
  /**
   * The visible value is another one than before, per kind: the sum, the elements, the bytes of the register, on or off,
   * one's own vote, the keys and what is under them. Creation is a change. A map's key that one command removes and adds
   * again is a change, whatever its value.
   */
  readonly changed: boolean
  /** Back to the state before this application. Valid only as long as nothing else was applied or merged since. */
  undo(): void
}

/** Contexts with more dots than this are met by a walk over the tree. */
const listedMax = 4096

/** Bytes in memory of a replica that holds nothing. */
const baseWeight = 512

const nothingDone: Applied = { delta: undefined, changed: false, undo: () => {} }

export class Replica {
  private ids = new Ids()
  private context = new Context()
  private root = new Root()
  private weight = 0
  private gone = false

  /** @throws DamagedReplica */
  static decode(bytes: Uint8Array): Replica {
    const replica = new Replica()
    replica.adopt(decodeReplica(bytes, replica.ids))
    return replica
  }

  /** Canonical: replicas that know the same are byte-equal. */
  encode(): Uint8Array {
    return this.gone ? deletedBytes.slice() : encodeReplica(this.ids, this.context, this.root.stores)
  }

  /** Was created, and not deleted. */
  get exists(): boolean {
    return this.root.seen !== undefined
  }

  get deleted(): boolean {
    return this.gone
  }

  /** Bytes in memory, roughly. O(1). */
  get size(): number {
    return baseWeight + this.context.weight + this.weight
  }

  /**
   * Carry out the operations of one command, in order, as replica `self`. Increments add up, and what cancels out within the
   * command is nothing. `nowMs`: for the clocks of registers.
   * @throws OperationError if one of them cannot be; then nothing changed
   */
  apply(self: ReplicaId, operations: readonly Operation[], nowMs: number): Applied {
    if (this.gone) throw new OperationError('Entity deleted')
    const replica = this.ids.intern(self)
    if (replica === undefined) throw new OperationError('the entity has too many replicas')
    const last = this.context.last(replica)
    // One dot for each level of a path and one for the value, at most.
    if (last + operations.length * (pathMax + 2) > counterMax) throw new OperationError('the replica has no dots left')
    const edit = new Edit(this.ids, replica, last, nowMs)
    for (const operation of operations) plan(edit, this.root, operation)
    return this.commit(edit)
  }

  /** For good, on every replica that hears of it. */
  delete(): Applied {
    if (this.gone) return nothingDone
    const { ids, context, root, weight } = this
    this.adopt('deleted')
    return {
      delta: deletedBytes.slice(),
      changed: true,
      undo: () => {
        Object.assign(this, { ids, context, root, weight, gone: false })
      },
    }
  }

  /** The value as it is now, to be viewed once this one is deleted: deletion lets it go, and does not change it. */
  frozen(): Replica {
    const { ids, context, root, weight, gone } = this
    return Object.assign(new Replica(), { ids, context, root, weight, gone })
  }

  /**
   * Take in a whole replica or a delta. `changed`: the visible value is another one (deletion is a change); `news`: anything
   * at all was learnt.
   * @throws DamagedReplica, then nothing changed
   */
  merge(bytes: Uint8Array): { readonly changed: boolean; readonly news: boolean } {
    // What is deleted reads what comes, to refuse what is damaged, and keeps nothing of it, names included.
    const theirs = decodeReplica(bytes, this.gone ? new Ids() : this.ids)
    if (this.gone) return { changed: false, news: false }
    if (theirs === 'deleted' || (this.context.empty && !this.exists)) {
      this.adopt(theirs)
      const news = this.gone || this.exists
      return { changed: news, news }
    }
    const meeting = new Meeting(this.ids, this.context, theirs.context)
    const changed = this.root.join(new Root(theirs.stores), meeting, this.candidates(theirs))
    this.weight += meeting.weight
    const grown = this.context.union(theirs.context)
    return { changed, news: meeting.news || grown }
  }

  /** Bytes of innkeeper.crdt.v1.View. `members`: the replicas whose votes count. */
  view(scope: ViewScope, self: ReplicaId, members: readonly ReplicaId[]): Uint8Array {
    return encodeView(this.root.seen, scope, { ids: this.ids, self, members })
  }

  /** The value as plain JSON, for tools; null if there is none. See json.ts. */
  json(self: ReplicaId, members: readonly ReplicaId[]): unknown {
    return this.root.seen === undefined ? null : toJson(this.root.seen, { ids: this.ids, self, members })
  }

  private commit(edit: Edit): Applied {
    const { root, context, weight } = this
    const { created } = edit
    const store = created ?? root.seen
    const committed = store?.commit(edit)
    if (store === undefined || (committed === undefined && created === undefined)) return nothingDone
    const before = context.ranges[edit.self]?.slice()
    const last = context.last(edit.self)
    if (created !== undefined) root.add(created)
    if (edit.added.length > 0) context.insert(edit.self, last + 1, last + edit.added.length)
    this.weight += edit.weight
    const part = committed ?? newStore(store.kind)
    return {
      delta: encodeReplica(this.ids, Context.of([...edit.dropped, ...edit.added]), [part]),
      changed: edit.changed || created !== undefined,
      undo: () => {
        for (const back of edit.undo.reverse()) back()
        if (created !== undefined) root.take(created)
        context.set(edit.self, before)
        this.weight = weight
      },
    }
  }

  /** Become what was decoded with these ids; the state before is let go, not changed. */
  private adopt(decoded: ReturnType<typeof decodeReplica>): void {
    this.gone = decoded === 'deleted'
    if (decoded === 'deleted') {
      this.ids = new Ids()
      this.context = new Context()
      this.root = new Root()
    } else {
      this.context = decoded.context
      this.root = new Root(decoded.stores)
    }
    this.weight = this.root.weigh()
  }

  /** meeting.M2 */
  private candidates(theirs: { readonly context: Context; readonly stores: Root['stores'] }): Candidates {
    const seen = theirs.context.list(listedMax)
    if (seen === undefined) return undefined
    const held = new Set<number>()
    for (const store of theirs.stores) store.eachDot((dot) => held.add(dot))
    return seen.filter((dot) => this.context.has(dot) && !held.has(dot))
  }
}
