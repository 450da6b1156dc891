// Law of views: L7. Rows are the same however changes are cut into batches, in whatever order different entities come, and without values that
// are not their entity's newest.
//
// The host's part is played here as it is in a host: it keeps the rows, and which of them each entity has put.
//
// What breaks the law is told with as few changes as still break it.

import { decodeOperations, OperationError } from '../crdt/operations.ts'
import { Replica } from '../crdt/replica.ts'
import type { ViewDescription } from '../guest/about.ts'
import type { ReplicatedGuest, RowPut, ViewChange, ViewGuest } from '../guest/guest.ts'
import { GuestFault } from '../guest/guest.ts'
import { defaultLimits } from '../limits.ts'
import type { Schema } from '../schema/schema.ts'
import { WireError } from '../schema/wire.ts'
import { toJson } from '../transcode/to-json.ts'
import { planViews } from '../views/plan.ts'
import { keyOfRow } from '../views/values.ts'
import { below, type Input, oneOf, randomBytesOf, randomCommand, timeOf } from './random.ts'
import { guarded, LawBroken, type Round, same } from './trial.ts'

const entities = ['a', 'b', 'c']
const changesMax = 10
/** How often a value is deleted. */
const deleting = 0.2

interface ViewTrial extends Input {
  readonly view: ViewDescription
  readonly warm: ViewGuest
  readonly cold: ViewGuest
  /** Of replicated services of the same component: what theirs come to. Views of others are not tried on them. */
  readonly replicated: ReplicatedGuest | undefined
  readonly own: ReadonlySet<string>
}

export function viewRound(trial: ViewTrial): Round {
  return (round) => {
    trial.cold.drop()
    const changes = randomChanges(trial, round)
    const broken = brokenBy(trial, changes)
    if (broken === undefined) return changes.length
    const fewest = shrunk(trial, changes)
    throw new LawBroken(`${brokenBy(trial, fewest) ?? broken}, on ${described(trial, fewest)}`)
  }
}

/** A change, without what the host remembers of its entity. */
type Given = Omit<ViewChange, 'keys'>

function randomChanges(trial: ViewTrial, round: number): readonly Given[] {
  const { view, schema, random, own } = trial
  const tried = ({ service, kind, types }: ViewDescription['sources'][number]) =>
    types.length > 0 && (kind !== 'replicated' || own.has(service))
  const sources = view.sources.filter(tried)
  if (sources.length === 0) return []
  const sequences = new Map<string, number>()
  return Array.from({ length: 1 + below(changesMax, random) }, (_, index) => {
    const { service, kind, types } = oneOf(sources, random)
    const entity = oneOf(entities, random)
    const id = idOf({ service, entity })
    const sequence = (sequences.get(id) ?? 0) + 1
    sequences.set(id, sequence)
    const typeName = oneOf(types, random)
    const data =
      kind === 'replicated'
        ? randomReplica(trial, service, round)
        : randomBytesOf(schema.messages.get(typeName)!, { schema, random })
    const deletes = kind !== 'event-sourced' && random() < deleting
    const what = { kind: kind === 'event-sourced' ? ('event' as const) : ('updated' as const), typeName, data }
    const at = { service, entity, sequence, atMs: timeOf(round) + index }
    return deletes ? { ...at, what: { kind: 'deleted' as const } } : { ...at, what }
  })
}

const self = 'law'
const commandsMax = 4

/** A value that a few commands lead to. */
function randomReplica(trial: ViewTrial, service: string, round: number): Uint8Array {
  const replica = new Replica()
  const view = () => replica.view({ kind: 'all' }, self, [self])
  const methods = [...trial.schema.services.get(service)!.methods.values()]
  for (let left = 1 + below(commandsMax, trial.random); left > 0 && !replica.deleted; left--) {
    try {
      const { operations } = trial.replicated!.decide(service, self, view(), randomCommand(methods, trial, round))
      if (operations.length > 0)
        replica.apply(self, decodeOperations(operations, defaultLimits.decisionOperationsMax), timeOf(round))
    } catch (error) {
      // The service's own laws tell.
      if (!(error instanceof GuestFault || error instanceof OperationError)) throw error
    }
  }
  return view()
}

/** What is broken, if something is. @throws LawBroken for a fault */
function brokenBy(trial: ViewTrial, changes: readonly Given[]): string | undefined {
  const on = () => described(trial, changes)
  const rowsAfter = (guest: ViewGuest, batches: readonly (readonly Given[])[]): Table =>
    guarded(on, () => {
      const table = new Table(trial.view.name, guest)
      for (const batch of batches) table.take(batch)
      return table
    })
  const { cold, warm } = trial
  const together = rowsAfter(cold, [changes])
  const differs = (sentence: string, other: Table): string | undefined => {
    const difference = together.differenceTo(trial, other)
    return difference && `${sentence}: ${difference}`
  }
  const misplaced = together.misplaced(trial)
  if (misplaced !== undefined) return misplaced
  const one = (order: readonly Given[]): readonly (readonly Given[])[] => order.map((change) => [change])
  return (
    differs('L4, L6: a warm and a fresh instance project differently', rowsAfter(warm, [changes])) ??
    differs('L7: a batch is projected differently than its changes one by one', rowsAfter(cold, one(changes))) ??
    orders(changes)
      .map((order) => differs(ordersMatter, rowsAfter(cold, one(order))))
      .find((difference) => difference !== undefined) ??
    differs("L7: rows depend on values that are not their entity's newest", rowsAfter(cold, one(newest(changes))))
  )
}

const ordersMatter = 'L7: rows depend on the order of changes of different entities'

/** Entity by entity, as a rebuild brings them; and the last entity first. */
function orders(changes: readonly Given[]): readonly (readonly Given[])[] {
  const groups = [...Map.groupBy(changes, idOf).values()]
  return [groups.flat(), groups.toReversed().flat()]
}

/** All events, and of each value the last; of one that is gone in the end nothing, as a rebuild does not meet it. */
function newest(changes: readonly Given[]): readonly Given[] {
  const last = new Map(changes.map((change) => [idOf(change), change]))
  return changes.filter(
    (change) => change.what.kind === 'event' || (last.get(idOf(change)) === change && change.what.kind === 'updated'),
  )
}

/** As few of the changes as still break the law. */
function shrunk(trial: ViewTrial, changes: readonly Given[]): readonly Given[] {
  let left = changes
  for (let index = 0; index < left.length; ) {
    const without = left.toSpliced(index, 1)
    if (brokenBy(trial, without) === undefined) index++
    else left = without
  }
  return left
}

function idOf({ service, entity }: Pick<ViewChange, 'service' | 'entity'>): string {
  return `${service}/${entity}`
}

/** The rows of a view, and which of them each entity has put: what a host keeps. */
class Table {
  private readonly name: string
  private readonly guest: ViewGuest
  private readonly rows = new Map<string, Uint8Array>()
  private readonly put = new Map<string, ReadonlySet<string>>()

  constructor(name: string, guest: ViewGuest) {
    this.name = name
    this.guest = guest
  }

  /** @throws GuestFault */
  take(batch: readonly Given[]): void {
    if (batch.length === 0) return
    const changes = batch.map((change) => ({ ...change, keys: [...(this.put.get(idOf(change)) ?? [])] }))
    const keys = this.guest.keys(this.name, changes)
    const there = [...new Set(keys.flat())].flatMap((key): RowPut[] => {
      const row = this.rows.get(key)
      return row === undefined ? [] : [{ key, row }]
    })
    const answer = this.guest.project(this.name, changes, keys, there)
    for (const [index, puts] of answer.entries()) this.apply(idOf(changes[index]!), puts)
  }

  private apply(id: string, puts: readonly RowPut[]): void {
    const own = new Set(this.put.get(id))
    for (const { key, row } of puts) {
      if (row === undefined) {
        own.delete(key)
        this.rows.delete(key)
      } else {
        own.add(key)
        this.rows.set(key, row)
      }
    }
    this.put.set(id, own)
  }

  /** A row under another key than its key column has, as a host refuses it. */
  misplaced({ schema, view }: ViewTrial): string | undefined {
    const service = schema.services.get(view.name)
    const plan = service && planViews(schema, [service], () => {})[0]
    const type = schema.messages.get(view.rowType)
    if (plan === undefined || type === undefined) return undefined
    for (const [key, row] of this.rows) {
      const own = keyOfRow(schema, type, plan.key, row)
      if (own !== key)
        return `a row is put under the key ${JSON.stringify(key)}, and its key column is ${JSON.stringify(own)}`
    }
    return undefined
  }

  /** The first row, by key, that is not the same in both. */
  differenceTo(trial: ViewTrial, other: Table): string | undefined {
    const keys = [...new Set([...this.rows.keys(), ...other.rows.keys()])].sort()
    const key = keys.find((one) => !same(this.rows.get(one), other.rows.get(one)))
    if (key === undefined) return undefined
    const shown = ({ rows }: Table): string => {
      const row = rows.get(key)
      return row === undefined ? 'not there' : messageText(trial.schema, trial.view.rowType, row)
    }
    return `the row ${JSON.stringify(key)} is once ${shown(this)}, and once ${shown(other)}`
  }
}

function described({ schema }: ViewTrial, changes: readonly Given[]): string {
  return changes
    .map(({ service, entity, what }) => {
      const of = `${shortName(service)} ${JSON.stringify(entity)}`
      if (what.kind === 'deleted') return `${of} deleted`
      return `${of} ${shortName(what.typeName)} ${messageText(schema, what.typeName, what.data)}`
    })
    .join(', ')
}

function shortName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1)
}

function messageText(schema: Schema, typeName: string, bytes: Uint8Array): string {
  const type = schema.messages.get(typeName)
  try {
    if (type !== undefined) return toJson(schema, type, bytes)
  } catch (error) {
    if (!(error instanceof WireError)) throw error
  }
  return `0x${Buffer.from(bytes).toString('hex')}`
}
