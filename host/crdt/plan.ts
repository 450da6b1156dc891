// Plan: one operation, as the stores are to carry it out. Says no to what cannot be; changes nothing (edit.U1).
//
// L1. A path leads through maps that are there. Its last key, or the entity itself, may be missing where the change says
//     which kind to create: `create`, `increment`, `add`, `assign`, `enable`, `vote`. `insert`, `remove` and `clear` do not.
// L2. `create` where the same kind is, is nothing; every change to a value of another kind is refused.

import { Counter } from './counter.ts'
import type { Edit } from './edit.ts'
import { Flag } from './flag.ts'
import type { Kind } from './kind.ts'
import { kind, kindName } from './kind.ts'
import { newStore, OrMap } from './map.ts'
import type { Change, Operation } from './operations.ts'
import { OperationError } from './operations.ts'
import { Register } from './register.ts'
import type { Root } from './root.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import { textOf } from './text.ts'
import { Vote } from './vote.ts'

/** @throws OperationError */
export function plan(edit: Edit, root: Root, { path, change }: Operation): void {
  const store = locate(edit, root, path, change)
  switch (change.kind) {
    case 'create':
      if (store.kind !== change.of) throw ofAnotherKind(store, `create ${kindName[change.of]}`)
      return
    case 'increment':
      if (!(store instanceof Counter) || store.kind !== kind.gCounter) throw ofAnotherKind(store, 'increment')
      if (change.by < 0n || change.by >> 63n !== 0n) throw new OperationError('a GCounter only grows')
      store.add(edit, change.by)
      return
    case 'add':
      if (!(store instanceof Counter) || store.kind !== kind.pnCounter) throw ofAnotherKind(store, 'add')
      store.add(edit, change.by)
      return
    case 'insert':
      if (!(store instanceof ElementSet)) throw ofAnotherKind(store, 'insert')
      store.insert(edit, textOf(change.element))
      return
    case 'remove':
      if (store instanceof OrMap) store.remove(edit, textOf(change.element))
      else if (store instanceof ElementSet && store.kind === kind.orSet) store.remove(edit, textOf(change.element))
      else throw ofAnotherKind(store, 'remove')
      return
    case 'clear':
      if (store instanceof OrMap) store.clear(edit)
      else if (store instanceof ElementSet && store.kind === kind.orSet) store.clear(edit)
      else throw ofAnotherKind(store, 'clear')
      return
    case 'assign':
      if (!(store instanceof Register)) throw ofAnotherKind(store, 'assign')
      store.assign(edit, textOf(change.value), change.clock, change.customClock)
      return
    case 'enable':
      if (!(store instanceof Flag)) throw ofAnotherKind(store, 'enable')
      store.enable(edit, change.on)
      return
    case 'vote':
      if (!(store instanceof Vote)) throw ofAnotherKind(store, 'vote')
      store.cast(edit, change.for)
  }
}

function locate(edit: Edit, root: Root, path: readonly Uint8Array[], change: Change): Store {
  let store = root.seen ?? edit.created
  if (store === undefined) {
    const of = path.length === 0 ? impliedKind(change) : undefined
    if (of === undefined) throw new OperationError(`${change.kind}: there is no value yet; create comes first`)
    edit.created = fresh(edit, newStore(of), change)
    return edit.created
  }
  for (const [at, bytes] of path.entries()) {
    if (!(store instanceof OrMap)) throw ofAnotherKind(store, 'a path')
    const key = textOf(bytes)
    const below = store.visit(edit, key)
    if (below !== undefined) {
      store = below
      continue
    }
    const of = at === path.length - 1 ? impliedKind(change) : undefined
    if (of === undefined) throw new OperationError(`${change.kind}: key ${at + 1} of the path is not there`)
    return fresh(edit, store.create(edit, key, of), change)
  }
  return store
}

/** Creation of a register is a write (§register-1). */
function fresh(edit: Edit, store: Store, change: Change): Store {
  if (change.kind === 'create' && store instanceof Register) store.create(edit)
  return store
}

function impliedKind(change: Change): Kind | undefined {
  switch (change.kind) {
    case 'create':
      return change.of
    case 'increment':
      return kind.gCounter
    case 'add':
      return kind.pnCounter
    case 'assign':
      return kind.lwwRegister
    case 'enable':
      return kind.flag
    case 'vote':
      return kind.vote
    default:
      return undefined
  }
}

function ofAnotherKind(store: Store, what: string): OperationError {
  return new OperationError(`${what}: the value is of kind ${kindName[store.kind]}`)
}
