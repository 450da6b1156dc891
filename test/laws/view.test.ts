// Guards law L7 as `inn check` tries it on views: an honest view holds it, and each way to break it is named, with few changes.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ViewDescription } from '../../host/guest/about.ts'
import { GuestFault, type RowPut, type ViewChange, type ViewGuest } from '../../host/guest/guest.ts'
import type { LoadedGuest } from '../../host/guest/load.ts'
import { checkViewLaws } from '../../host/laws/laws.ts'
import { protos } from '../support/protos.ts'

const { schema } = await protos({
  'v.proto': `syntax = "proto3"; package v.v1;
    message Row { string key = 1; string text = 2; int32 count = 3; }
    message Noted { string text = 1; }
    message Box { string text = 1; }`,
})
const events = { service: 'v.v1.Events', kind: 'event-sourced', types: ['v.v1.Noted'] } as const
const values = { service: 'v.v1.Values', kind: 'value', types: ['v.v1.Box'] } as const

type Project = (change: ViewChange, table: Map<string, Uint8Array>, index: number) => readonly RowPut[]

/** A view whose changes may touch the rows "a", "b" and "one", and those that their entity has put. */
function guestOf(project: Project): ViewGuest {
  const all = ['a', 'b', 'c', 'one']
  return {
    lastCall: { used: 0, given: 0 },
    generation: 0,
    drop() {},
    keys: (_, changes) => changes.map(({ keys }) => [...new Set([...all, ...keys])]),
    project: (_, changes, _keys, rows) => {
      const table = new Map(rows.flatMap(({ key, row }) => (row === undefined ? [] : [[key, row] as const])))
      return changes.map((change, index) => {
        const puts = project(change, table, index)
        for (const { key, row } of puts) {
          if (row === undefined) table.delete(key)
          else table.set(key, row)
        }
        return puts
      })
    },
  }
}

function said(project: Project, sources: ViewDescription['sources'] = [events, values], seed = 7): string {
  const view = { name: 'v.v1.Rows', rowType: 'v.v1.Row', sources }
  const guest = guestOf(project)
  const { broken, kind, commands } = checkViewLaws(
    view,
    schema,
    () => ({ view: guest, artefact: { description: { services: [] } } }) as unknown as LoadedGuest,
    seed,
    40,
  )
  assert.is(kind, 'view')
  assert.ok(broken.length > 0 || commands > 40)
  return broken.join()
}

/** Field 3 of a row. */
const counted = (count: number): Uint8Array => (count === 0 ? new Uint8Array() : Uint8Array.of(24, count))
const countOf = (row: Uint8Array | undefined): number => row?.[1] ?? 0

const Law = suite('law L7')

Law('an honest view: its own row, and a count of events', () => {
  const honest: Project = ({ entity, what }, table) => {
    if (what.kind === 'event') return [{ key: 'one', row: counted(countOf(table.get('one')) + 1) }]
    if (what.kind === 'updated') return [{ key: entity, row: what.data }]
    return [{ key: entity, row: undefined }]
  }
  for (const seed of [1, 2, 3]) assert.is(said(honest, [events, values], seed), '')
})

Law('a batch that is projected otherwise than one by one is named', () => {
  const sentence = said(({ entity }, _, index) => [{ key: entity, row: counted(index) }])
  assert.match(
    sentence,
    /^v\.v1\.Rows: L7: a batch is projected differently than its changes one by one: the row "\w" is once /,
  )
  assert.match(sentence, /, on (Events|Values) "[abc]" .*, (Events|Values) "[abc]" .* \(seed 7, round \d+\)$/)
  assert.is(sentence.match(/(Events|Values) "/g)!.length, 2)
})

Law('a row that the last event of any entity writes is named', () => {
  const last: Project = ({ what }) => (what.kind === 'event' ? [{ key: 'one', row: what.data }] : [])
  assert.match(
    said(last, [events]),
    /L7: rows depend on the order of changes of different entities: the row "one" is once \{.*\}, and once \{.*\}, on Events "\w" Noted \{.*\}, Events "\w" Noted/,
  )
})

Law('a row that counts values is named', () => {
  const counting: Project = ({ entity, what }, table) => [
    { key: entity, row: what.kind === 'deleted' ? undefined : counted(countOf(table.get(entity)) + 1) },
  ]
  assert.match(
    said(counting, [values]),
    /L7: rows depend on values that are not their entity's newest: the row "\w" is once \{.*"count":2\}, and once \{.*"count":1\}, on Values "(\w)" Box \{.*\}, Values "\1" Box/,
  )
})

Law('a row that stays when its value is gone is named', () => {
  const staying: Project = ({ entity, what }) => (what.kind === 'updated' ? [{ key: entity, row: what.data }] : [])
  assert.match(said(staying, [values]), /newest: the row "\w" is once \{.*\}, and once not there, on .* deleted \(seed/)
})

Law('a fault is named with its changes', () => {
  const sentence = said(() => {
    throw new GuestFault('trap', 'it failed')
  })
  assert.match(sentence, /^v\.v1\.Rows: a fault \(trap: it failed\), on (Events|Values) "/)
})

Law('a row under another key than its key column has is told, as a host would refuse it', async () => {
  const { schema: keyed } = await protos({
    'k.proto': `syntax = "proto3"; package v.v1; import "innkeeper/options.proto";
      message Row { string key = 1 [(innkeeper.column) = { key: true }]; string text = 2; int32 count = 3; }
      message Noted { string text = 1; } message Box { string text = 1; }
      service Rows { option (innkeeper.view) = { row: "Row", from: ["v.v1.Events"] };
        rpc All(Row) returns (stream Row) { option (innkeeper.query) = { sql: "SELECT * FROM rows" }; } }`,
  })
  const check = (name: string) => {
    const row = Uint8Array.from([10, name.length, ...Buffer.from(name)])
    const guest = guestOf(() => [{ key: 'one', row }])
    const view = { name: 'v.v1.Rows', rowType: 'v.v1.Row', sources: [events] }
    const loaded = { view: guest, artefact: { description: { services: [] } } } as unknown as LoadedGuest
    return checkViewLaws(view, keyed, () => loaded, 7, 40).broken.join()
  }
  assert.is(check('one'), '')
  assert.match(check('another'), 'put under the key "one", and its key column is "another"')
})

Law.run()
