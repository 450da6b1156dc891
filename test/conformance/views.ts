// Views: what every language's model views answer, byte by byte. conformance.proto says what comes of each change.

import type { Artefact } from '../../host/guest/artefact.ts'
import type { RowPut, ViewChange, ViewGuest } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { hex, text } from './bytes.ts'
import { packageName } from './suite.ts'

/** The others do not have them yet (sdk/README.md). */
export const languagesWithViews: readonly string[] = ['typescript', 'assemblyscript', 'rust', 'go', 'swift', 'c']

const notes = `${packageName}.Notes`
const board = `${packageName}.Board`

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
]
