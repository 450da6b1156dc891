// Operations: what a guest asks to change, decoded. The guest's door: innkeeper.crdt.v1.Operations in, or OperationError.
//
// P1. Whatever is malformed, has no change, or is beyond the bounds throws OperationError and nothing else.
// P2. Unknown fields are skipped; an unknown clock is the default one (§register-4); an unknown kind and an unknown consistency are refused. The last change of
//     a oneof counts.
// P3. Views, not copies: bytes share memory with the input until they are applied.
//
// Owns: the form.   plan.ts owns: whether the replica can do it.

import { WireCursor, WireError } from '../schema/wire.ts'
import type { Kind } from './kind.ts'
import { isKind } from './kind.ts'
import { unzigzag } from './zigzag.ts'

export const clock = { default: 0, reverse: 1, custom: 2, customAutoIncrement: 3 } as const

export type Clock = (typeof clock)[keyof typeof clock]

export type Change =
  | { readonly kind: 'create'; readonly of: Kind }
  | { readonly kind: 'increment'; readonly by: bigint }
  | { readonly kind: 'add'; readonly by: bigint }
  | { readonly kind: 'insert'; readonly element: Uint8Array }
  /** An element of a set, or a key of a map. */
  | { readonly kind: 'remove'; readonly element: Uint8Array }
  | { readonly kind: 'clear' }
  | { readonly kind: 'assign'; readonly value: Uint8Array; readonly clock: Clock; readonly customClock: bigint }
  | { readonly kind: 'enable'; readonly on: boolean }
  | { readonly kind: 'vote'; readonly for: boolean }

export interface Operation {
  /** Keys of nested maps, outermost first; empty: the entity's own value. At most `pathMax`. */
  readonly path: readonly Uint8Array[]
  readonly change: Change
}

/** How deep maps nest. */
export const pathMax = 32

/** CONSISTENCY_ALL. */
const consistencyMax = 2

/** What a guest asked for cannot be done; nothing was. */
export class OperationError extends Error {
  override readonly name = 'OperationError'
}

/** @throws OperationError */
export function decodeOperations(bytes: Uint8Array, operationsMax: number): readonly Operation[] {
  const operations: Operation[] = []
  try {
    const cursor = new WireCursor(bytes)
    while (!cursor.done) {
      const tag = cursor.tag()
      if (tag === 16) checkConsistency(cursor.varint32())
      else if (tag !== 10) cursor.skip(tag & 7)
      if (tag !== 10) continue
      if (operations.length === operationsMax) throw new OperationError(`more than ${operationsMax} operations`)
      operations.push(readOperation(inner(cursor)))
    }
  } catch (error) {
    if (error instanceof WireError) throw new OperationError(`operations: ${error.message}`)
    throw error
  }
  return operations
}

/** There is one replica: its commit meets each of them (§replica-12). */
function checkConsistency(number: number): void {
  if (number > consistencyMax) throw new OperationError(`consistency ${number} is none`)
}

/** A cursor over the embedded message that starts here; the outer one moves past it. */
function inner(cursor: WireCursor): WireCursor {
  const end = cursor.length()
  const result = new WireCursor(cursor.bytes, cursor.at, end)
  cursor.at = end
  return result
}

function readOperation(cursor: WireCursor): Operation {
  const path: Uint8Array[] = []
  let change: Change | undefined
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) {
      if (path.length === pathMax) throw new OperationError(`a path of more than ${pathMax} keys`)
      path.push(cursor.view())
      continue
    }
    const read = readChange(cursor, tag)
    if (read === undefined) cursor.skip(tag & 7)
    else change = read
  }
  if (change === undefined) throw new OperationError('an operation without a change')
  return { path, change }
}

/** Undefined: a field that is not known, and not read. */
function readChange(cursor: WireCursor, tag: number): Change | undefined {
  switch (tag) {
    case 16: {
      const of = cursor.varint32()
      if (!isKind(of)) throw new OperationError(`kind ${of} is none`)
      return { kind: 'create', of }
    }
    case 24:
      return { kind: 'increment', by: cursor.varint64() }
    case 32:
      return { kind: 'add', by: unzigzag(cursor.varint64()) }
    case 42:
      return { kind: 'insert', element: cursor.view() }
    case 50:
      return { kind: 'remove', element: cursor.view() }
    case 56:
      if (cursor.varint64() === 0n) throw new OperationError('clear: false is no change')
      return { kind: 'clear' }
    case 66:
      return readAssign(inner(cursor))
    case 72:
      return { kind: 'enable', on: cursor.varint64() !== 0n }
    case 80:
      return { kind: 'vote', for: cursor.varint64() !== 0n }
    default:
      return undefined
  }
}

function readAssign(cursor: WireCursor): Change {
  let value: Uint8Array = new Uint8Array()
  let by: Clock = clock.default
  let customClock = 0n
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) value = cursor.view()
    else if (tag === 16) by = clockOf(cursor.varint32())
    else if (tag === 24) customClock = BigInt.asIntN(64, cursor.varint64())
    else cursor.skip(tag & 7)
  }
  return { kind: 'assign', value, clock: by, customClock }
}

function clockOf(number: number): Clock {
  return number === clock.reverse || number === clock.custom || number === clock.customAutoIncrement
    ? number
    : clock.default
}
