// View guests: keys and project (wit/view.wit).
//
// V1. As many lists as changes, or it is a fault. In a list no key comes twice, and the keys that a change has are among those of `keys`.
// V2. A change touches no rows but those that `keys` named for it: else the host would not know what to bring it.
//
// Owns: the two calls.   warm.ts owns: the instance and its fuel.   lower.ts, lift.ts own: values.   Whoever follows changes owns: rows, and which
// of them an entity has put.

import type { Limits } from '../limits.ts'
import { type CallFuel, GuestFault, type RowPut, type ViewChange, type ViewGuest } from './guest.ts'
import type { CompiledArtefact } from './instance.ts'
import { sizes } from './layout.ts'
import type { Lift } from './lift.ts'
import { answered, Warm } from './warm.ts'

/** Of one change. */
const rowsMax = 10_000

export class View implements ViewGuest {
  readonly #warm: Warm<'keys' | 'project'>

  constructor(compiled: CompiledArtefact, limits: Limits) {
    this.#warm = new Warm(compiled, limits, 'view', ['keys', 'project'])
  }

  get generation(): number {
    return this.#warm.generation
  }

  get lastCall(): CallFuel {
    return this.#warm.lastCall
  }

  keys(view: string, changes: readonly ViewChange[]): readonly (readonly string[])[] {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.viewChanges(changes)
      const [viewPointer, viewLength] = lower.text(view)
      const pointer = instance.call(functions.keys.run, viewPointer, viewLength, list, changes.length)
      return answered(ready, functions.keys, pointer, sizes.list, (lift, at) =>
        liftEach(lift, at, changes, 'lists of keys', (listAt, change) => liftKeys(lift, listAt, change)),
      )
    })
  }

  project(
    view: string,
    changes: readonly ViewChange[],
    keys: readonly (readonly string[])[],
    rows: readonly RowPut[],
  ): readonly (readonly RowPut[])[] {
    return this.#warm.call((ready) => {
      const { instance, lower, functions } = ready
      const list = lower.viewChanges(changes)
      const rowList = lower.rows(rows)
      const [viewPointer, viewLength] = lower.text(view)
      const pointer = instance.call(
        functions.project.run,
        viewPointer,
        viewLength,
        list,
        changes.length,
        rowList,
        rows.length,
      )
      return answered(ready, functions.project, pointer, sizes.list, (lift, at) =>
        liftEach(lift, at, changes, 'lists of rows', (listAt, _, index) => liftPuts(lift, listAt, keys[index]!)),
      )
    })
  }

  drop(): void {
    this.#warm.drop()
  }
}

function liftEach<Answer>(
  lift: Lift,
  at: number,
  changes: readonly ViewChange[],
  what: string,
  read: (at: number, change: ViewChange, index: number) => Answer,
): readonly Answer[] {
  const list = lift.list(at, sizes.list, lift.limits.guestResultElementsMax, what)
  if (list.count !== changes.length)
    throw new GuestFault('malformed', `${list.count} ${what} for ${changes.length} changes`)
  return changes.map((change, index) => read(list.at + index * sizes.list, change, index))
}

function liftKeys(lift: Lift, at: number, change: ViewChange): readonly string[] {
  const list = lift.list(at, sizes.list, rowsMax, 'keys of a change')
  const keys: string[] = []
  for (let i = 0; i < list.count; i++) keys.push(lift.name(list.at + i * sizes.list, 'the key of a row'))
  const known = distinct(keys)
  const missing = change.keys.find((key) => !known.has(key))
  if (missing !== undefined)
    throw new GuestFault('malformed', 'the keys of a change lack one of those that its entity has put')
  return keys
}

function liftPuts(lift: Lift, at: number, keys: readonly string[]): readonly RowPut[] {
  const list = lift.list(at, sizes.put, rowsMax, 'rows of a change')
  const puts: RowPut[] = []
  for (let i = 0; i < list.count; i++) {
    const putAt = list.at + i * sizes.put
    const key = lift.name(putAt, 'the key of a row')
    const row = lift.case(putAt + 8, 2, 'a row') === 1 ? lift.state(putAt + 12, 'a row') : undefined
    puts.push({ key, row })
  }
  const allowed = new Set(keys)
  for (const key of distinct(puts.map((put) => put.key)))
    if (!allowed.has(key)) throw new GuestFault('malformed', 'a change puts a row whose key it did not name before')
  return puts
}

function distinct(keys: readonly string[]): ReadonlySet<string> {
  const set = new Set(keys)
  if (set.size !== keys.length) throw new GuestFault('malformed', 'the key of a row comes twice in one change')
  return set
}
