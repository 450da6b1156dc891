// Model: what a replicated value is, said a second time and naively. A log of operations, each with the set of those that its
// replica had seen; no dots, no contexts, no merging. A replica is the set of operations that it knows of.

import type { Kind } from '../../host/crdt/kind.ts'
import { kind } from '../../host/crdt/kind.ts'
import type { Change, Operation } from '../../host/crdt/operations.ts'
import { clock } from '../../host/crdt/operations.ts'

type Effect =
  | { readonly kind: 'create' }
  | { readonly kind: 'share'; readonly sum: bigint }
  | { readonly kind: 'insert'; readonly element: string }
  | { readonly kind: 'remove'; readonly element: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'write'; readonly timestamp: bigint; readonly value: string }
  | { readonly kind: 'enable' }
  | { readonly kind: 'vote'; readonly for: boolean }

interface Logged {
  readonly by: string
  /** Of the value that was changed. */
  readonly path: readonly string[]
  /** Kind of that value. */
  readonly of: Kind
  readonly effect: Effect
  readonly observed: ReadonlySet<Logged>
}

export class Model {
  readonly name: string
  known = new Set<Logged>()

  constructor(name: string) {
    this.name = name
  }

  sync(other: Model): void {
    this.known = this.known.union(other.known)
    other.known = new Set(this.known)
  }

  /** What became of it. */
  apply({ path: bytes, change }: Operation, nowMs: number): 'refused' | 'nothing' | 'done' {
    const path = bytes.map((key) => Buffer.from(key).toString())
    for (let depth = 0; depth < path.length; depth++) {
      if (this.kindAt(path.slice(0, depth)) !== kind.orMap) return 'refused'
    }
    const there = this.kindAt(path)
    const of = there ?? implied(change)
    if (of === undefined || !fits(change, of)) return 'refused'
    const effects = this.effects(path, of, change, nowMs)
    if (effects === 'refused') return 'refused'
    const all: readonly Effect[] = there === undefined && effects.length === 0 ? [{ kind: 'create' }] : effects
    for (const effect of all) {
      this.known.add({ by: this.name, path, of, effect, observed: new Set(this.known) })
    }
    return all.length === 0 ? 'nothing' : 'done'
  }

  /** As Replica.json. */
  json(self: string, members: readonly string[]): unknown {
    return this.known.size === 0 ? null : this.value([], self, members)
  }

  private effects(path: readonly string[], of: Kind, change: Change, nowMs: number): readonly Effect[] | 'refused' {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
    switch (change.kind) {
      case 'create':
        if (of !== kind.lwwRegister || this.kindAt(path) !== undefined) return []
        return [{ kind: 'write', timestamp: BigInt(nowMs), value: '' }]
      case 'increment':
      case 'add':
        if (change.by === 0n) return []
        return [{ kind: 'share', sum: (this.shares(path, of).get(this.name) ?? 0n) + change.by }]
      case 'insert': {
        const element = text(change.element)
        return this.elements(path, of).has(element) ? [] : [{ kind: 'insert', element }]
      }
      case 'remove': {
        const element = text(change.element)
        const there = of === kind.orMap ? this.keys(path) : this.elements(path, of)
        return there.has(element) ? [{ kind: 'remove', element }] : []
      }
      case 'clear': {
        const there = of === kind.orMap ? this.keys(path) : this.elements(path, of)
        return there.size > 0 ? [{ kind: 'clear' }] : []
      }
      case 'assign': {
        const value = text(change.value)
        const before = this.winner(path)
        if (change.clock === clock.default && before?.value === value) return []
        const timestamp = timestampOf(change.clock, change.customClock, BigInt(nowMs), before?.timestamp)
        if (before !== undefined && timestamp < before.timestamp) return []
        if (before !== undefined && timestamp === before.timestamp && before.by < this.name) return []
        return [{ kind: 'write', timestamp, value }]
      }
      case 'enable': {
        const on = this.at(path, kind.flag).some(({ effect }) => effect.kind === 'enable')
        if (on && !change.on) return 'refused'
        return on || !change.on ? [] : [{ kind: 'enable' }]
      }
      case 'vote':
        return (this.votes(path).get(this.name) ?? false) === change.for ? [] : [{ kind: 'vote', for: change.for }]
    }
  }

  /** Operations at or below a path that no removal of a key on their path had seen. */
  private below(path: readonly string[]): Logged[] {
    return [...this.known].filter((logged) => {
      if (!startsWith(logged.path, path)) return false
      for (const other of this.known) {
        if (other.of !== kind.orMap || !other.observed.has(logged)) continue
        if (other.path.length >= logged.path.length || !startsWith(logged.path, other.path)) continue
        if (other.effect.kind === 'clear') return false
        if (other.effect.kind === 'remove' && other.effect.element === logged.path[other.path.length]) return false
      }
      return true
    })
  }

  private at(path: readonly string[], of: Kind): Logged[] {
    return this.below(path).filter((logged) => logged.path.length === path.length && logged.of === of)
  }

  /** The kind that is seen there; undefined: nothing is there. */
  private kindAt(path: readonly string[]): Kind | undefined {
    const kinds = this.below(path).map((logged) => (logged.path.length === path.length ? logged.of : kind.orMap))
    return kinds.sort((a, b) => a - b)[0]
  }

  private keys(path: readonly string[]): Set<string> {
    const deeper = this.below(path).filter((logged) => logged.path.length > path.length)
    return new Set(deeper.map((logged) => logged.path[path.length]!))
  }

  private shares(path: readonly string[], of: Kind): Map<string, bigint> {
    const shares = new Map<string, bigint>()
    for (const { by, effect } of this.latest(path, of)) if (effect.kind === 'share') shares.set(by, effect.sum)
    return shares
  }

  private votes(path: readonly string[]): Map<string, boolean> {
    const votes = new Map<string, boolean>()
    for (const { by, effect } of this.latest(path, kind.vote)) if (effect.kind === 'vote') votes.set(by, effect.for)
    return votes
  }

  /** Earlier ones of a replica first: each had seen the ones before. */
  private latest(path: readonly string[], of: Kind): Logged[] {
    return this.at(path, of).sort((a, b) => a.observed.size - b.observed.size)
  }

  private elements(path: readonly string[], of: Kind): Set<string> {
    const removals = [...this.known].filter(
      ({ effect, path: at }) => (effect.kind === 'remove' || effect.kind === 'clear') && same(at, path),
    )
    const elements = new Set<string>()
    for (const logged of this.at(path, of)) {
      const { effect } = logged
      if (effect.kind !== 'insert') continue
      const removed = removals.some(
        ({ effect: other, observed, of: kindOfOther }) =>
          kindOfOther === of &&
          observed.has(logged) &&
          (other.kind === 'clear' || (other.kind === 'remove' && other.element === effect.element)),
      )
      if (!removed) elements.add(effect.element)
    }
    return elements
  }

  private winner(path: readonly string[]): { by: string; timestamp: bigint; value: string } | undefined {
    const writes = this.at(path, kind.lwwRegister).flatMap((logged) => {
      const { effect, by } = logged
      if (effect.kind !== 'write') return []
      const overwritten = [...this.known].some(
        ({ effect: other, path: at, observed }) => other.kind === 'write' && same(at, path) && observed.has(logged),
      )
      return overwritten ? [] : [{ by, timestamp: effect.timestamp, value: effect.value }]
    })
    writes.sort((a, b) => (a.timestamp !== b.timestamp ? (a.timestamp > b.timestamp ? -1 : 1) : a.by < b.by ? -1 : 1))
    return writes[0]
  }

  private value(path: readonly string[], self: string, members: readonly string[]): unknown {
    const of = this.kindAt(path)!
    if (of === kind.gCounter || of === kind.pnCounter) {
      const sum = [...this.shares(path, of).values()].reduce((a, b) => a + b, 0n)
      return { [of === kind.gCounter ? 'gCounter' : 'pnCounter']: { value: String(sum) } }
    }
    if (of === kind.gSet || of === kind.orSet) {
      const elements = [...this.elements(path, of)].sort()
      return { [of === kind.gSet ? 'gSet' : 'orSet']: { elements, size: String(elements.length) } }
    }
    if (of === kind.lwwRegister) return { lwwRegister: { value: this.winner(path)?.value ?? '' } }
    if (of === kind.flag) return { flag: { enabled: this.at(path, of).some(({ effect }) => effect.kind === 'enable') } }
    if (of === kind.vote) {
      const votes = this.votes(path)
      const votesFor = members.filter((member) => votes.get(member) === true).length
      return { vote: { self: votes.get(self) ?? false, votesFor, voters: members.length } }
    }
    const entries = [...this.keys(path)].sort().map((key) => {
      return { key, value: this.value([...path, key], self, members) }
    })
    return { orMap: { entries, size: String(entries.length) } }
  }
}

function timestampOf(by: number, custom: bigint, now: bigint, previous: bigint | undefined): bigint {
  if (by === clock.custom) return custom
  if (by === clock.customAutoIncrement) return previous !== undefined && custom <= previous ? previous + 1n : custom
  if (by === clock.reverse) return previous !== undefined && previous - 1n < -now ? previous - 1n : -now
  return previous !== undefined && previous + 1n > now ? previous + 1n : now
}

function implied(change: Change): Kind | undefined {
  if (change.kind === 'create') return change.of
  return {
    increment: 1,
    add: 2,
    assign: 5,
    enable: 6,
    vote: 8,
    insert: undefined,
    remove: undefined,
    clear: undefined,
  }[change.kind] as Kind | undefined
}

function fits(change: Change, of: Kind): boolean {
  if (change.kind === 'create') return change.of === of
  const kinds = {
    increment: [1],
    add: [2],
    insert: [3, 4],
    remove: [4, 7],
    clear: [4, 7],
    assign: [5],
    enable: [6],
    vote: [8],
  }
  return kinds[change.kind].includes(of)
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((key, at) => path[at] === key)
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && startsWith(a, b)
}
