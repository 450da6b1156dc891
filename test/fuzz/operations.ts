// Operations: what a replicated function asks to change, most of it possible: a key of a map says of which kind its value is.

import { kind } from '../../host/crdt/kind.ts'
import { leb } from './bytes.ts'
import type { Random } from './random.ts'

/** Bytes of innkeeper.crdt.v1.Operations for an entity of this kind; `fresh`: it has no value yet. */
export function someOperations(random: Random, root: number, fresh: boolean): Buffer {
  const made = fresh && !random.once(9) ? [part(10, create(root))] : []
  for (let left = random.below(4); left > 0; left--) made.push(part(10, operation(random, root)))
  return Buffer.concat(made)
}

function operation(random: Random, root: number): Buffer {
  if (random.once(20)) return strange(random)
  if (root !== kind.orMap) return change(random, root)
  // Maps under `m`, in which each other kind has its key.
  const of = 1 + random.below(8)
  const path = [...new Array<string>(random.below(3)).fill('m'), of === kind.orMap ? 'm' : String(of)]
  const said = path.map((key) => part(10, Buffer.from(key)))
  return Buffer.concat([...said, random.once(3) ? create(of) : change(random, of)])
}

function create(of: number): Buffer {
  return Buffer.concat([leb(16), leb(of)])
}

function change(random: Random, of: number): Buffer {
  switch (of) {
    case kind.gCounter:
      return Buffer.concat([leb(24), number(random)])
    case kind.pnCounter:
      return Buffer.concat([leb(32), number(random)])
    case kind.gSet:
      return part(42, element(random))
    case kind.orSet:
      return random.once(8) ? Buffer.from([56, 1]) : part(random.once(3) ? 50 : 42, element(random))
    case kind.lwwRegister:
      return part(
        66,
        Buffer.concat([part(10, element(random)), leb(16), leb(random.below(5)), leb(24), number(random)]),
      )
    case kind.flag:
      return Buffer.from([72, random.below(2)])
    case kind.orMap:
      return random.once(8) ? Buffer.from([56, 1]) : part(50, Buffer.from(String(1 + random.below(8))))
    default:
      return Buffer.from([80, random.below(2)])
  }
}

/** What is possible for none: no such kind, a path that is too deep or leads nowhere. */
function strange(random: Random): Buffer {
  const path = Array.from({ length: random.below(35) }, () => part(10, Buffer.from('m')))
  return Buffer.concat([...path, random.once(2) ? create(random.edge()) : change(random, 1 + random.below(8))])
}

/** Up to 64 bits, seldom at an edge. */
function number(random: Random): Buffer {
  if (random.once(9)) return Buffer.from([...new Array(9).fill(255), random.below(2)])
  return leb(random.once(3) ? random.edge() : random.below(9))
}

function element(random: Random): Buffer {
  return random.once(3) ? random.bytes(random.below(30)) : Buffer.from(random.pick(['', 'a', 'b', 'c']))
}

function part(tag: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([leb(tag), leb(bytes.length), bytes])
}
