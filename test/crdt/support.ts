// What a guest does with a replica: operations by name, their bytes, and the view read back. For the tests and bench/crdt.ts.

import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import type { Kind } from '../../host/crdt/kind.ts'
import type { Change, Clock, Operation } from '../../host/crdt/operations.ts'
import { clock } from '../../host/crdt/operations.ts'
import type { Applied, ViewScope } from '../../host/crdt/replica.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { Sink } from '../../host/transcode/sink.ts'

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const at = (path: readonly string[], change: Change): Operation => ({ path: path.map(bytes), change })

/** Each with the path of keys in front, `[]` for the entity's own value. */
export const op = {
  create: (path: readonly string[], of: Kind) => at(path, { kind: 'create', of }),
  increment: (path: readonly string[], by: bigint) => at(path, { kind: 'increment', by }),
  add: (path: readonly string[], by: bigint) => at(path, { kind: 'add', by }),
  insert: (path: readonly string[], element: string) => at(path, { kind: 'insert', element: bytes(element) }),
  remove: (path: readonly string[], element: string) => at(path, { kind: 'remove', element: bytes(element) }),
  clear: (path: readonly string[]) => at(path, { kind: 'clear' }),
  assign: (path: readonly string[], value: string, by: Clock = clock.default, customClock = 0n) =>
    at(path, { kind: 'assign', value: bytes(value), clock: by, customClock }),
  enable: (path: readonly string[], on = true) => at(path, { kind: 'enable', on }),
  vote: (path: readonly string[], vote: boolean) => at(path, { kind: 'vote', for: vote }),
}

const source = readFileSync(new URL('../../wit/proto/innkeeper/crdt/v1/crdt.proto', import.meta.url), 'utf8')

/** The package as a reader that is not ours has it. */
export const proto = protobuf.parse(source, { keepCase: false }).root

/** Bytes of innkeeper.crdt.v1.Operations. */
export function encodeOperations(operations: readonly Operation[]): Uint8Array {
  const sink = new Sink()
  const field = (number: number, value: Uint8Array) => {
    sink.varint((number << 3) | 2)
    sink.view(value)
  }
  const varint = (number: number, value: bigint) => {
    sink.varint(number << 3)
    sink.varint64(value)
  }
  for (const { path, change } of operations) {
    sink.varint(10)
    const start = sink.open()
    for (const key of path) field(1, key)
    if (change.kind === 'create') varint(2, BigInt(change.of))
    else if (change.kind === 'increment') varint(3, change.by)
    else if (change.kind === 'add') varint(4, change.by < 0n ? -change.by * 2n - 1n : change.by * 2n)
    else if (change.kind === 'insert') field(5, change.element)
    else if (change.kind === 'remove') field(6, change.element)
    else if (change.kind === 'clear') varint(7, 1n)
    else if (change.kind === 'assign') {
      sink.varint(66)
      const assign = sink.open()
      field(1, change.value)
      varint(2, BigInt(change.clock))
      varint(3, change.customClock)
      sink.close(assign)
    } else if (change.kind === 'enable') varint(9, change.on ? 1n : 0n)
    else varint(10, change.for ? 1n : 0n)
    sink.close(start)
  }
  return sink.finish()
}

/** The view as protobufjs reads it, 64-bit numbers as strings and bytes as latin1. */
export function seen(
  replica: Replica,
  scope: ViewScope = { kind: 'all' },
  self = 'a',
  members: readonly string[] = ['a', 'b', 'c'],
): unknown {
  const view = proto.lookupType('innkeeper.crdt.v1.View')
  const read = view.decode(replica.view(scope, self, members))
  return plain(view.toObject(read, { longs: String }))
}

/** Bytes anywhere in it as text, bigints as strings. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

/** A replica after these commands of one writer. */
export function after(self: string, ...commands: readonly (readonly Operation[])[]): Replica {
  const replica = new Replica()
  for (const operations of commands) replica.apply(self, operations, 1_000)
  return replica
}

/** The delta; there must be one. */
export function delta(applied: Applied): Uint8Array {
  if (applied.delta === undefined) throw new Error('there is no delta')
  return applied.delta
}

/** Both learn all that the other knows. */
export function sync(a: Replica, b: Replica): void {
  const fromA = a.encode()
  a.merge(b.encode())
  b.merge(fromA)
}
