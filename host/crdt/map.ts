// Map: ORMap. A key holds a value of any kind, maps included.
//
//     entries   key ─▶ Entry ─▶ Child GCounter { presence dots, Counter }
//                           └─▶ Child ORSet    { presence dots, ElementSet }    only after concurrent creations
//
// O1. A key is there as long as any dot lives below it: a presence dot, or one of its value.
// O2. Every update below a key puts a fresh presence dot in place of those it saw, at each level of its path. So an update wins
//     over a concurrent removal, also one that leaves the value at its default.
// O3. A removal covers every dot that it saw below the key. All dots are the entity's, so a key that was removed and added
//     again starts from scratch on every replica (§map-3).
// O4. Replicas that create different kinds under one key keep them all. The one with the lowest number (kind.ts) is seen and
//     worked on; the others stay as they are until the key is removed.
// O5. Removing a key that the same command added leaves nothing. Removing an old one and adding it again is a new key, and
//     counts as a change whatever its value.
// O6. A command, or a delta, about one key costs one key.

import { Counter } from './counter.ts'
import type { Dot, Dots } from './dot.ts'
import { countOf, listOf } from './dot.ts'
import { DotIndex, walkedMax } from './dot-index.ts'
import type { Edit } from './edit.ts'
import { Flag } from './flag.ts'
import type { Kind } from './kind.ts'
import { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import { Register } from './register.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import { Table } from './table.ts'
import { Vote } from './vote.ts'

export class Child {
  presence: Dots | undefined
  readonly store: Store

  constructor(presence: Dots | undefined, store: Store) {
    this.presence = presence
    this.store = store
  }

  get empty(): boolean {
    return this.presence === undefined && this.store.empty
  }

  eachDot(visit: (dot: Dot) => void): void {
    listOf(this.presence).forEach(visit)
    this.store.eachDot(visit)
  }

  weigh(): number {
    return childWeight[this.store.kind] + countOf(this.presence) * 16 + this.store.weigh()
  }
}

/** By kind, ascending; the first is seen (O4). Never without any, but for one that is being built. */
export type Entry = Child[]

const keyWeight = 96

/** A child and its empty store. Measured: 100,000 keys with counters hold 412 bytes each, with empty sets 436. */
const childWeight = {
  [kind.gCounter]: 256,
  [kind.pnCounter]: 256,
  [kind.gSet]: 320,
  [kind.orSet]: 320,
  [kind.lwwRegister]: 256,
  [kind.flag]: 96,
  [kind.orMap]: 320,
  [kind.vote]: 96,
} as const satisfies Record<Kind, number>

interface Plan {
  cleared: boolean
  /** Keys that the command removed (undefined) or added, as they are to be in the end. */
  readonly says: Map<string, Child | undefined>
  /** Keys below which it may have done something. */
  readonly visited: Set<string>
}

export class OrMap implements Store {
  readonly kind = kind.orMap
  entries = new Table<Entry>()
  private index: DotIndex | undefined

  get empty(): boolean {
    return this.entries.size === 0
  }

  /** The value under a key, as the command has it, for an operation on it. */
  visit(edit: Edit, key: string): Store | undefined {
    const plan = this.plan(edit)
    if (plan.says.has(key)) return plan.says.get(key)?.store
    if (plan.cleared) return undefined
    const store = this.entries.get(key)?.[0]?.store
    if (store !== undefined) plan.visited.add(key)
    return store
  }

  /** Add a key that is not there. */
  create(edit: Edit, key: string, of: Kind): Store {
    const store = newStore(of)
    this.plan(edit).says.set(key, new Child(undefined, store))
    return store
  }

  remove(edit: Edit, key: string): void {
    this.plan(edit).says.set(key, undefined)
  }

  clear(edit: Edit): void {
    const plan = this.plan(edit)
    plan.cleared = true
    plan.says.clear()
  }

  eachDot(visit: (dot: Dot) => void): void {
    this.entries.each((_key, entry) => {
      for (const child of entry) child.eachDot(visit)
    })
  }

  weigh(): number {
    let weight = 0
    this.entries.each((key, entry) => {
      weight += weightOf(key, entry)
    })
    return weight
  }

  join(theirs: OrMap, meeting: Meeting, candidates: Candidates): boolean {
    const walked = candidates === undefined || this.entries.size <= Math.max(walkedMax, candidates.length)
    const groups = walked || candidates.length === 0 ? undefined : this.indexed().group(candidates)
    const below = (key: string): Candidates => (walked ? candidates : (groups?.get(key) ?? []))
    let changed = false
    const meetMissing = (key: string) => {
      if (!theirs.entries.has(key)) changed = this.meet(key, [], meeting, below(key)) || changed
    }
    // What is here and not there comes first: after the rest it would be looked at again.
    if (candidates?.length !== 0) {
      if (groups === undefined) this.entries.each(meetMissing)
      else for (const key of groups.keys()) meetMissing(key)
    }
    theirs.entries.each((key, entry) => {
      changed = this.meet(key, entry, meeting, below(key)) || changed
    })
    return changed
  }

  commit(edit: Edit): OrMap | undefined {
    const plan = edit.planned<Plan>(this)
    if (plan === undefined) return undefined
    const touched = edit.added.length + edit.dropped.length
    const part = new OrMap()
    if (plan.cleared) this.commitClear(edit)
    for (const [key, child] of plan.says) {
      this.commitRemove(edit, key)
      if (child !== undefined) part.entries.add(key, [this.commitCreate(edit, key, child)])
    }
    for (const key of plan.visited) {
      if (plan.cleared || plan.says.has(key)) continue
      const child = this.commitUpdate(edit, key)
      if (child !== undefined) part.entries.add(key, [child])
    }
    return edit.added.length + edit.dropped.length === touched ? undefined : part
  }

  private plan(edit: Edit): Plan {
    return edit.plan<Plan>(this, () => ({ cleared: false, says: new Map(), visited: new Set() }))
  }

  private commitClear(edit: Edit): void {
    const before = this.entries
    if (before.size === 0) return
    edit.weight -= this.weigh()
    this.eachDot((dot) => edit.drop(dot))
    this.entries = new Table()
    edit.changed = true
    edit.undo.push(() => {
      this.entries = before
    })
  }

  private commitRemove(edit: Edit, key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    for (const child of entry) child.eachDot((dot) => edit.drop(dot))
    edit.weight -= weightOf(key, entry)
    this.entries.remove(key)
    edit.changed = true
    edit.undo.push(() => this.entries.add(key, entry))
  }

  private commitCreate(edit: Edit, key: string, child: Child): Child {
    const from = edit.added.length
    const part = child.store.commit(edit) ?? newStore(child.store.kind)
    child.presence = edit.dot()
    this.entries.add(key, [child])
    this.indexDots(edit.added, from, key)
    // What is in the store was weighed by its own commit.
    edit.weight += keyWeight + key.length + childWeight[child.store.kind] + 16
    edit.changed = true
    edit.undo.push(() => this.entries.remove(key))
    return new Child(child.presence, part)
  }

  private commitUpdate(edit: Edit, key: string): Child | undefined {
    const child = this.entries.get(key)![0]!
    const from = edit.added.length
    const part = child.store.commit(edit)
    if (part === undefined) return undefined
    const before = child.presence
    edit.drop(before)
    child.presence = edit.dot()
    this.indexDots(edit.added, from, key)
    edit.weight += 16 - countOf(before) * 16
    edit.undo.push(() => {
      child.presence = before
    })
    return new Child(child.presence, part)
  }

  /** One key of the other side; no children in `theirs`: they do not have it. */
  private meet(key: string, theirs: readonly Child[], meeting: Meeting, candidates: Candidates): boolean {
    const known = this.entries.get(key)
    const entry: Entry = known ?? []
    const seenBefore = entry[0]?.store.kind
    const from = meeting.added.length
    let changed = false
    for (const each of kindsOf(entry, theirs)) {
      const changedChild = meetChild(entry, each, childOf(theirs, each), meeting, candidates)
      if (each === seenBefore) changed = changedChild
    }
    this.indexDots(meeting.added, from, key)
    if (known === undefined && entry.length > 0) {
      this.entries.add(key, entry)
      meeting.weight += keyWeight + key.length
    } else if (known !== undefined && entry.length === 0) {
      this.entries.remove(key)
      meeting.weight -= keyWeight + key.length
    }
    return changed || entry[0]?.store.kind !== seenBefore
  }

  private indexDots(dots: readonly Dot[], from: number, key: string): void {
    if (this.index === undefined) return
    for (let at = from; at < dots.length; at++) this.index.add(dots[at]!, key)
    if (this.index.full) this.index = undefined
  }

  private indexed(): DotIndex {
    if (this.index !== undefined) return this.index
    const keys = new Map<Dot, string>()
    this.entries.each((key, entry) => {
      for (const child of entry) child.eachDot((dot) => keys.set(dot, key))
    })
    this.index = new DotIndex(keys)
    return this.index
  }
}

export function newStore(of: Kind): Store {
  switch (of) {
    case kind.gCounter:
    case kind.pnCounter:
      return new Counter(of)
    case kind.gSet:
    case kind.orSet:
      return new ElementSet(of)
    case kind.lwwRegister:
      return new Register()
    case kind.flag:
      return new Flag()
    case kind.orMap:
      return new OrMap()
    case kind.vote:
      return new Vote()
  }
}

/** Stands for the other side's value where it has none; never written to. */
const nothing = new Map<Kind, Store>()

export function emptyStore(of: Kind): Store {
  let store = nothing.get(of)
  if (store === undefined) nothing.set(of, (store = newStore(of)))
  return store
}

function meetChild(
  entry: Entry,
  of: Kind,
  theirs: Child | undefined,
  meeting: Meeting,
  candidates: Candidates,
): boolean {
  let child = childOf(entry, of)
  if (child === undefined) {
    child = new Child(undefined, newStore(of))
    entry.push(child)
    entry.sort((a, b) => a.store.kind - b.store.kind)
    meeting.weight += childWeight[of]
  }
  const before = child.presence
  child.presence = meeting.dots(before, theirs?.presence)
  meeting.weight += (countOf(child.presence) - countOf(before)) * 16
  const changed = child.store.join(theirs?.store ?? emptyStore(of), meeting, candidates)
  if (child.empty) {
    entry.splice(entry.indexOf(child), 1)
    meeting.weight -= childWeight[of]
  }
  return changed
}

function childOf(entry: readonly Child[], of: Kind): Child | undefined {
  return entry.find((child) => child.store.kind === of)
}

function kindsOf(a: readonly Child[], b: readonly Child[]): readonly Kind[] {
  const [first = b[0]] = a
  // Nearly always there is one kind.
  if (first !== undefined && a.length <= 1 && b.every(({ store }) => store.kind === first.store.kind)) {
    return [first.store.kind]
  }
  return [...new Set([...a, ...b].map((child) => child.store.kind))]
}

function weightOf(key: string, entry: Entry): number {
  let weight = keyWeight + key.length
  for (const child of entry) weight += child.weigh()
  return weight
}
