// Views: what every language's model views answer, byte by byte. conformance.proto says what comes of each change.

import type { Artefact } from '../../host/guest/artefact.ts'
import type { RowPut, ViewChange, ViewGuest } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { hex, sized, text, varint } from './bytes.ts'
import { packageName } from './suite.ts'

/** The others do not have them yet (sdk/README.md). */
export const languagesWithViews: readonly string[] = ['typescript', 'assemblyscript', 'rust', 'go', 'swift', 'c']

const notes = `${packageName}.Notes`
const board = `${packageName}.Board`
const crowd = `${packageName}.Crowd`

/** What is written of a row: fields with their defaults are left out. */
type Cell = readonly [key: string, text: string, count: number]

interface Asked {
  readonly keys: readonly (readonly string[])[]
  readonly puts: readonly (readonly RowPut[])[]
}

interface ViewCase {
  readonly name: string
  readonly view: string
  readonly changes: readonly ViewChange[]
  readonly rows?: readonly Cell[]
  readonly keys: readonly (readonly string[])[]
  /** A key alone: it is deleted. */
  readonly puts: readonly (readonly (Cell | string)[])[]
}

let sequence = 0

function change(service: string, entity: string, what: ViewChange['what'], keys: readonly string[]): ViewChange {
  return { service: `${packageName}.${service}`, entity, sequence: ++sequence, atMs: 1_700_000_000_123, what, keys }
}

function noted(entity: string, words: string, ...keys: readonly string[]): ViewChange {
  const data = words === '' ? new Uint8Array() : hex(text(1, words))
  return change('Events', entity, { kind: 'event', typeName: `${packageName}.Noted`, data }, keys)
}

function cleared(entity: string, ...keys: readonly string[]): ViewChange {
  const what = { kind: 'event', typeName: `${packageName}.Cleared`, data: new Uint8Array() } as const
  return change('Events', entity, what, keys)
}

function boxed(entity: string, words: string, at: number, ...keys: readonly string[]): ViewChange {
  const what = { kind: 'updated', typeName: `${packageName}.Box`, data: hex(text(1, words)) } as const
  return { ...change('Values', entity, what, keys), sequence: at }
}

/** `value` is an innkeeper.crdt.v1.Value. */
function replica(service: string, entity: string, value: string, ...keys: readonly string[]): ViewChange {
  const data = hex(varint(1, '01'), sized(2, value))
  return change(service, entity, { kind: 'updated', typeName: 'innkeeper.crdt.v1.View', data }, keys)
}

const setOf = (kind: number, ...elements: readonly string[]): string =>
  sized(kind, elements.map((one) => sized(1, text(1, one))).join('') + varint(2, varintHex(elements.length)))

const mapOf = (entries: Readonly<Record<string, string>>): string => {
  const list = Object.entries(entries).map(([key, value]) => sized(1, sized(1, text(1, key)) + sized(2, value)))
  return sized(7, list.join('') + varint(2, varintHex(list.length)))
}

/** Something of each kind. */
const everyKind = mapOf({
  f: sized(6, varint(1, '01')),
  g: sized(1, varint(1, 'ac 02')),
  m: mapOf({ x: sized(2, varint(1, '05')), ü: sized(2, varint(1, '04')) }),
  n: mapOf({ k: setOf(4, 'a', 'b') }),
  p: sized(2, varint(1, '01')),
  r: sized(5, sized(1, text(1, 'w'))),
  v: sized(8, varint(1, '01') + varint(2, '02') + varint(3, '03')),
  gs: setOf(3, 'q'),
  os: setOf(4, 'y', '日'),
})

function deleted(service: string, entity: string, ...keys: readonly string[]): ViewChange {
  return change(service, entity, { kind: 'deleted' }, keys)
}

function row([key, words, count]: Cell): RowPut {
  const counted = count === 0 ? '' : `18${varintHex(count)}`
  return { key, row: hex(text(1, key) + (words === '' ? '' : text(2, words)) + counted) }
}

function varintHex(value: number): string {
  let rest = value
  let bytes = ''
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes += ((rest % 128) + 128).toString(16)
  return bytes + rest.toString(16).padStart(2, '0')
}

export const viewCases: readonly ViewCase[] = [
  {
    name: 'views: without keys it is the row of the entity, put and deleted',
    view: notes,
    changes: [noted('a', 'ü'), noted('b', '日本'), cleared('c')],
    rows: [['b', 'x', 1]],
    keys: [['a'], ['b'], ['c']],
    puts: [[['a', 'ü', 1]], [['b', 'x日本', 2]], ['c']],
  },
  {
    name: 'views: several changes of an entity are one after another',
    view: notes,
    changes: [noted('a', '1'), noted('a', '2'), cleared('a'), noted('a', '3')],
    keys: [['a'], ['a'], ['a'], ['a']],
    puts: [[['a', '1', 1]], [['a', '12', 2]], ['a'], [['a', '3', 1]]],
  },
  {
    name: 'views: former keys come after the own ones, each once',
    view: notes,
    changes: [noted('a', 'x', 'other', 'a')],
    keys: [['a', 'other']],
    puts: [[['a', 'x', 1]]],
  },
  {
    name: 'views: own keys, and of a change that is not taken none',
    view: board,
    changes: [noted('a', 'x'), noted('b', 'x'), cleared('a', 'w:x'), noted('a', '')],
    rows: [['w:x', 'x', 200]],
    keys: [['w:x'], ['w:x'], ['w:x'], ['w:', 'w:x']],
    puts: [[['w:x', 'x', 201]], [['w:x', 'x', 202]], [], [['w:', '', 1]]],
  },
  {
    name: 'views: a value that moves takes its former row along, in one call and over two',
    view: board,
    changes: [boxed('a', 'y', 7, 'v:x:a'), boxed('a', 'z', 8, 'v:x:a'), boxed('a', 'z', 300, 'v:x:a')],
    rows: [['v:x:a', 'x', 6]],
    keys: [
      ['v:y:a', 'v:x:a'],
      ['v:z:a', 'v:x:a', 'v:y:a'],
      ['v:z:a', 'v:x:a', 'v:y:a'],
    ],
    puts: [[['v:y:a', 'y', 7], 'v:x:a'], [['v:z:a', 'z', 8], 'v:y:a'], [['v:z:a', 'z', 300]]],
  },
  {
    name: 'views: what an entity has put goes with it',
    view: board,
    changes: [deleted('Values', 'a', 'v:x:a', 'gone'), deleted('Values', 'b'), deleted('Events', 'a', 'w:x')],
    rows: [
      ['v:x:a', 'x', 6],
      ['w:x', 'x', 1],
    ],
    keys: [['v:x:a', 'gone'], [], ['w:x']],
    puts: [['v:x:a', 'gone'], [], ['w:x']],
  },
  {
    name: 'views: several sources in one call',
    view: board,
    changes: [noted('a', 'x'), boxed('a', 'x', 1), noted('a', 'x')],
    keys: [['w:x'], ['v:x:a'], ['w:x']],
    puts: [[['w:x', 'x', 1]], [['v:x:a', 'x', 1]], [['w:x', 'x', 2]]],
  },
  {
    name: 'views: a replicated value, of every kind',
    view: crowd,
    changes: [replica('Replicas', 'a', mapOf({})), replica('Replicas', 'b', everyKind), deleted('Replicas', 'c', 'c')],
    rows: [['c', 'x', 1]],
    keys: [['a'], ['b'], ['c']],
    puts: [
      [['a', 'g=0 p=0 gs= os= r= f=false m= v=0/1/false n=', 0]],
      [['b', 'g=300 p=-1 gs=q os=y,日 r=w f=true m=x:-3,ü:2 v=2/3/true n=k:a+b', 2]],
      ['c'],
    ],
  },
  {
    name: 'views: a row for each element of a replicated set, and none for one that has left it',
    view: crowd,
    changes: [
      replica('Members', 'a', setOf(4, 'x', 'y'), 'm:z:a'),
      replica('Members', 'a', setOf(4, 'y'), 'm:z:a'),
      replica('Members', 'a', setOf(4)),
      deleted('Members', 'b', 'm:x:b'),
    ],
    rows: [
      ['m:z:a', 'z', 1],
      ['m:x:b', 'x', 1],
    ],
    keys: [['m:x:a', 'm:y:a', 'm:z:a'], ['m:y:a', 'm:z:a', 'm:x:a'], ['m:y:a', 'm:z:a', 'm:x:a'], ['m:x:b']],
    puts: [[['m:x:a', 'x', 2], ['m:y:a', 'y', 2], 'm:z:a'], [['m:y:a', 'y', 1], 'm:x:a'], ['m:y:a'], ['m:x:b']],
  },
  { name: 'views: no change at all', view: board, changes: [], keys: [], puts: [] },
]

export function expectedOf({ keys, puts }: ViewCase): Asked {
  const put = (one: Cell | string): RowPut => (typeof one === 'string' ? { key: one, row: undefined } : row(one))
  return { keys, puts: puts.map((list) => list.map(put)) }
}

export function viewsOf(artefact: Artefact): ViewGuest | undefined {
  return load(artefact, defaultLimits).view
}

export function askedOf(guest: ViewGuest, { view, changes, rows = [] }: ViewCase): Asked {
  const keys = guest.keys(view, changes)
  return { keys, puts: guest.project(view, changes, keys, rows.map(row)) }
}

export const describedViews = [
  {
    name: notes,
    rowType: `${packageName}.Cell`,
    sources: [
      {
        service: `${packageName}.Events`,
        kind: 'event-sourced',
        types: [`${packageName}.Cleared`, `${packageName}.Noted`],
      },
    ],
  },
  {
    name: board,
    rowType: `${packageName}.Cell`,
    sources: [
      { service: `${packageName}.Events`, kind: 'event-sourced', types: [`${packageName}.Noted`] },
      { service: `${packageName}.Values`, kind: 'value', types: [`${packageName}.Box`] },
    ],
  },
  {
    name: crowd,
    rowType: `${packageName}.Cell`,
    sources: [
      { service: `${packageName}.Replicas`, kind: 'replicated', types: ['innkeeper.crdt.v1.View'] },
      { service: `${packageName}.Members`, kind: 'replicated', types: ['innkeeper.crdt.v1.View'] },
    ],
  },
]
