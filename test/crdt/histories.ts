// Random histories of three replicas for the laws and for the comparison with the model: what each does, and who hears of it.

import fc from 'fast-check'
import type { Kind } from '../../host/crdt/kind.ts'
import { kind, kindName } from '../../host/crdt/kind.ts'
import type { Clock, Operation } from '../../host/crdt/operations.ts'
import { OperationError } from '../../host/crdt/operations.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { delta, op, sync } from './support.ts'

export type Step =
  | { readonly do: 'apply'; readonly at: number; readonly operations: readonly Operation[]; readonly nowMs: number }
  /** Both learn everything of each other. */
  | { readonly do: 'sync'; readonly a: number; readonly b: number }
  /** One delta of the past, whichever, arrives: late, twice, or before those that it follows. */
  | { readonly do: 'deliver'; readonly to: number; readonly delta: number }

export const names = ['a', 'b', 'c'] as const

const element = fc.constantFrom('', 'x', 'y', 'z')

/** Changes of a value of this kind that lies at this path; those below a map come with the maps that they need. */
function changesOf(of: Kind, path: readonly string[]): fc.Arbitrary<readonly Operation[]> {
  return of === kind.orMap ? mapChanges(path) : simpleChange(of, path).map((operation) => [operation])
}

function simpleChange(of: Exclude<Kind, 7>, path: readonly string[]): fc.Arbitrary<Operation> {
  switch (of) {
    case kind.gCounter:
      return fc.bigInt(0n, 5n).map((by) => op.increment(path, by))
    case kind.pnCounter:
      return fc.bigInt(-5n, 5n).map((by) => op.add(path, by))
    case kind.gSet:
      return element.map((it) => op.insert(path, it))
    case kind.orSet:
      return fc.oneof(
        { weight: 5, arbitrary: element.map((it) => op.insert(path, it)) },
        { weight: 4, arbitrary: element.map((it) => op.remove(path, it)) },
        { weight: 1, arbitrary: fc.constant(op.clear(path)) },
      )
    case kind.lwwRegister:
      return fc
        .tuple(element, fc.constantFrom<Clock>(0, 0, 1, 2, 3), fc.bigInt(-3n, 3n))
        .map(([value, by, custom]) => op.assign(path, value, by, custom))
    case kind.flag:
      return fc.boolean().map((on) => op.enable(path, on))
    case kind.vote:
      return fc.boolean().map((vote) => op.vote(path, vote))
  }
}

const kinds = Object.values(kind)

/** A key is named after the kind that it nearly always has: "3" holds a GSet, "7" and "77" hold maps. */
const key = fc.constantFrom(...kinds.map(String), '7', '7', '77', '77')
const kindOfKey = (name: string): Kind => (name === '77' ? kind.orMap : (Number(name) as Kind))

function mapChanges(path: readonly string[]): fc.Arbitrary<readonly Operation[]> {
  const change = fc.oneof(
    { weight: 3, arbitrary: key.map((it) => [op.remove(path, it)]) },
    { weight: 1, arbitrary: fc.constant([op.clear(path)]) },
    { weight: 2, arbitrary: key.map((it) => [op.create([...path, it], kindOfKey(it))]) },
    {
      weight: 1,
      arbitrary: fc.tuple(key, fc.constantFrom(...kinds)).map(([it, of]) => [op.create([...path, it], of)]),
    },
  )
  if (path.length > 2) return change
  const below = key.chain((it) => {
    const create = op.create([...path, it], kindOfKey(it))
    return fc.tuple(fc.nat(3), changesOf(kindOfKey(it), [...path, it])).map(([bare, changes]) => {
      // Now and then it is left to luck whether the key is there.
      return bare === 0 ? changes : [create, ...changes]
    })
  })
  return fc.oneof({ weight: 1, arbitrary: change }, { weight: 2, arbitrary: below })
}

export function history(of: Kind, deliveries: boolean): fc.Arbitrary<readonly Step[]> {
  const replica = fc.nat(2)
  const command = fc.oneof(
    { weight: 12, arbitrary: changesOf(of, []) },
    { weight: 1, arbitrary: fc.constant([op.create([], of)]) },
  )
  const apply = fc.record({
    do: fc.constant('apply' as const),
    at: replica,
    operations: fc.array(command, { minLength: 1, maxLength: 3 }).map((commands) => commands.flat()),
    nowMs: fc.integer({ min: 0, max: 4 }),
  })
  const meet = fc.record({ do: fc.constant('sync' as const), a: replica, b: replica })
  const deliver = fc.record({ do: fc.constant('deliver' as const), to: replica, delta: fc.nat(100) })
  const create = { do: 'apply' as const, operations: [op.create([], of)], nowMs: 0 }
  return fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: apply },
        { weight: 2, arbitrary: meet },
        { weight: deliveries ? 3 : 0, arbitrary: deliver },
      ),
      { maxLength: 40, size: 'max' },
    )
    .map((steps) => [{ ...create, at: 0 }, { ...create, at: 1 }, { ...create, at: 2 }, ...steps])
}

/** Replicas after a history, and every delta that it made. */
export function play(steps: readonly Step[]): { replicas: Replica[]; deltas: Uint8Array[] } {
  const replicas = names.map(() => new Replica())
  const deltas: Uint8Array[] = []
  for (const step of steps) {
    if (step.do === 'sync') sync(replicas[step.a]!, replicas[step.b]!)
    else if (step.do === 'deliver') {
      if (deltas.length > 0) replicas[step.to]!.merge(deltas[step.delta % deltas.length]!)
    } else {
      const applied = attempt(() => replicas[step.at]!.apply(names[step.at]!, step.operations, step.nowMs))
      if (applied?.delta !== undefined) deltas.push(delta(applied))
    }
  }
  return { replicas, deltas }
}

/** Undefined where the operation cannot be. */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof OperationError) return undefined
    throw error
  }
}

/** One test for each kind, ORMaps being those that nest all of them. */
export function eachKind(run: (of: Kind, name: string) => void): void {
  for (const of of kinds) run(of, kindName[of])
}
