// Guards views in TypeScript: what the kit says of them and of mistakes, and what is a fault.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MessageType, Methods, ServiceType } from '../../sdk/typescript/codec/message.ts'
import type { View } from '../../sdk/typescript/index.ts'
import { eventsOf, orSet, replicasOf, rows, text, valuesOf, view } from '../../sdk/typescript/index.ts'
import { testKit } from '../../sdk/typescript/testing.ts'
import { generated } from '../support/generated.ts'

type Cell = { readonly key: string; readonly text: string; readonly count: bigint }
type Text = { readonly text: string }
type NotedType = MessageType<Text, 'Noted'>
type ClearedType = MessageType<object, 'Cleared'>
type Service = ServiceType<Methods, { readonly Noted: NotedType; readonly Cleared: ClearedType }>

const folder = fileURLToPath(new URL('../conformance/typescript', import.meta.url))
const { Board, Box, Cell, Cleared, Events, Members, Noted, Notes, Values } = await generated<{
  Board: ServiceType
  Notes: ServiceType
  Events: Service
  Values: ServiceType
  Members: ServiceType
  Box: MessageType<Text, 'Box'>
  Cell: MessageType<Cell, 'Cell'>
  Cleared: ClearedType
  Noted: NotedType
}>(folder, 'conformance.ts')
const { notes, board } = (await import(`${folder}/src/views.ts`)) as { notes: View<Cell>; board: View<Cell> }

const noted = (entity: string, text: string) => ({ of: Events, entity, event: Noted({ text }) })
const cleared = (entity: string) => ({ of: Events, entity, event: Cleared() })
const boxed = (entity: string, text: string) => ({ of: Values, entity, updated: Box({ text }) })
const gone = (entity: string) => ({ of: Values, entity, deleted: true as const })
const cell = (key: string, text: string, count: number): Cell => Cell({ key, text, count: BigInt(count) })

const Views = suite('views')

Views('the kit: the row of an entity is put, changed and deleted', () => {
  const { given } = testKit(notes)
  given()
    .when(noted('a', 'x'), noted('b', 'y'), noted('a', 'z'))
    .then({ a: cell('a', 'xz', 2), b: cell('b', 'y', 1) })
    .when(cleared('a'))
    .then({ b: cell('b', 'y', 1) })
  given({ a: cell('a', 'old', 7) })
    .when(noted('a', '!'))
    .then({ a: cell('a', 'old!', 8) })
  assert.equal(given().when(noted('a', 'x')).rows, { a: cell('a', 'x', 1) })
})

Views('the kit: rows with keys of their own, of several sources', () => {
  const { given } = testKit(board)
  given()
    .when(noted('a', 'x'), boxed('v', 'one'), noted('b', 'x'), boxed('v', 'two'))
    .then({ 'w:x': cell('w:x', 'x', 2), 'v:two:v': cell('v:two:v', 'two', 4) })
    .when(gone('v'))
    .then({ 'w:x': cell('w:x', 'x', 2) })
})

Views('the kit: rows of replicated values', () => {
  const members = view<Methods, Cell>(
    Notes,
    Cell,
    replicasOf(Members, orSet(text), {
      updated: (set, _, { entity }) => cell(entity, [...set].join(), set.size),
    }),
  )
  const { given } = testKit(members)
  const changed = (entity: string, ...elements: string[]) => ({ of: Members, entity, replica: elements })
  given()
    .when(changed('a', 'x'), changed('b'), changed('a', 'x', 'y'))
    .then({ a: cell('a', 'x,y', 2), b: cell('b', '', 0) })
    .when({ of: Members, entity: 'a', deleted: true })
    .then({ b: cell('b', '', 0) })
  assert.throws(
    () => given().when({ of: Events, entity: 'a', replica: [] }),
    /Events is no source of replicated values/,
  )
})

Views('the kit: other rows than were said fail the test', () => {
  const came = testKit(notes).given().when(noted('a', 'x'))
  assert.throws(() => came.then({}), /has other rows\n- \{\}\n\+ \{ a: \{/)
  assert.throws(() => came.then({ a: cell('a', 'x', 2) }), /has other rows\n- .*count: 2n/)
  assert.throws(() => came.then({ a: cell('a', 'x', 1), b: cell('b', '', 0) }), /has other rows/)
})

const byWord = (handler: Parameters<typeof rows<Text, Cell>>[1]) =>
  testKit(
    view<Methods, Cell>(Notes, Cell, eventsOf(Events, { Noted: rows<Text, Cell>(() => ['one'], handler) })),
  ).given()

Views('the kit: a row that depends on the order of entities breaks law L7', () => {
  const last = byWord(({ text }, table) => table.put('one', cell('one', text, 0)))
  assert.throws(() => last.when(noted('a', 'x'), noted('b', 'y')), /breaks law L7: rows depend on the order of changes/)
  last.when(noted('a', 'x'), noted('a', 'y')).then({ one: cell('one', 'y', 0) })
})

Views('the kit: a row that counts values breaks law L7', () => {
  const counting = view<Methods, Cell>(
    Board,
    Cell,
    valuesOf(Values, Box, {
      updated: (_, row, { entity }) => cell(entity, '', Number((row as Cell | undefined)?.count ?? 0n) + 1),
    }),
  )
  const { given } = testKit(counting)
  assert.throws(
    () => given().when(boxed('v', 'x'), boxed('v', 'y')),
    /breaks law L7: rows depend on values that are not/,
  )
})

Views('the kit: what is kept between calls breaks law L4', () => {
  let calls = 0
  const counting = byWord((_, table) => table.put('one', cell('one', '', ++calls)))
  assert.throws(() => counting.when(noted('a', 'x')), /breaks law L4/)
})

Views('guest/view.P2: a row whose key was not named is a fault, with its event', () => {
  const other = byWord((_, table) => table.put('two', cell('two', '', 0)))
  assert.throws(
    () => other.when(noted('a', 'x')),
    /Notes, of .*\.Noted: the row "two" is none that the change may touch/,
  )
})

Views('guest/view.P3: messages and rows are frozen', () => {
  const changing = byWord((message, table) => {
    ;(message as { text: string }).text = 'other'
    table.put('one', cell('one', '', 0))
  })
  assert.throws(() => changing.when(noted('a', 'x')), TypeError)
})

Views('a view is refused that has a source twice, or a row that is no message', () => {
  assert.throws(
    () => view(Notes, Cell, eventsOf(Events, {}), eventsOf(Events, {})),
    /Notes has the source .*Events twice/,
  )
  assert.throws(() => view(Notes, {} as typeof Cell), /a row is a message/)
  assert.throws(() => eventsOf(Events, { Missing: () => undefined } as never), /Missing is no message/)
})

Views.run()
