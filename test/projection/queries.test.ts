// Guards queries as calls: what may call them, which commits they are to reflect, and the bytes of rows that nobody has read.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Command, Receiver } from '../../host/command.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { Queries } from '../../host/projection/queries.ts'
import type { Method, ViewService } from '../../host/services.ts'
import { eventually } from '../support/ingress.ts'

const Asked = suite('queries of views')
const service = { name: 'v.Rows' } as ViewService
const method = (live = false) => ({ type: { name: 'Of', query: { sql: '', live } } }) as unknown as Method

function world(rows: readonly string[]) {
  const seen: unknown[] = []
  const views = {
    query: async (...asked: readonly unknown[]) => {
      seen.push((asked[4] as { commits: unknown }).commits)
      return rows.map((row) => Buffer.from(row))
    },
  }
  const queries = new Queries(views as never, { open: () => assert.unreachable('no live query') } as never)
  return { queries, seen }
}

const command = (more: Partial<Command> = {}) =>
  ({ payload: new Uint8Array(), metadata: [], deadlineMs: 1, effect: undefined, ...more }) as Command

Asked('projection/queries.Q1: effects and asks do not go to a view, and a live query answers streams only', () => {
  const { queries } = world([])
  const ask = (live: boolean, given: Command) => () => queries.ask(service, method(live), given, () => {})
  assert.throws(ask(false, command({ effect: { id: 1 } as EffectEntry })), /is a view: effects and asks/)
  assert.throws(ask(true, command()), /live, for streams only/)
})

Asked('projection/queries.Q2: commits are named in a list, also over several headers', async () => {
  const { queries, seen } = world(['x'])
  const answers: Answer[] = []
  const name = 'x-innkeeper-after'
  const ask = (...values: readonly string[]) =>
    queries.ask(service, method(), command({ metadata: values.map((value) => [name, value]) }), (answer) =>
      answers.push(answer),
    )
  ask()
  ask('0:12, 3:4', '1:9007199254740991')
  await eventually(() => answers.length === 2)
  assert.equal(seen, [
    [],
    [
      { partition: 0, commit: 12 },
      { partition: 3, commit: 4 },
      { partition: 1, commit: 9007199254740991 },
    ],
  ])
  for (const wrong of ['', '0', '0:', ':1', '0:1,', '-1:2', '0:1;1:2', 'a:b']) {
    const { length } = answers
    ask(wrong)
    await eventually(() => answers.length > length)
    const answer = answers.at(-1)!
    assert.ok(answer.kind === 'error', wrong)
    assert.is(answer.error.code, 'bad_request')
    assert.match(answer.error.message, 'PARTITION:COMMIT')
  }
})

Asked('projection/queries.Q3: rows that are not read are counted until they are, or their stream ends', async () => {
  const { queries } = world(['aaaa', 'bb', 'c'])
  const stream = () => {
    const all = { owed: 0, most: 0, seen: [] as string[], ended: false }
    const receiver = {
      ready: false,
      next: (payload: Uint8Array) => {
        all.seen.push(Buffer.from(payload).toString())
        receiver.ready = false
      },
      end: () => {
        all.ended = true
      },
      inputTaken() {},
      owes: (bytes: number) => {
        all.owed += bytes
        all.most = Math.max(all.most, all.owed)
      },
    }
    return { all, receiver, call: queries.open(service, method(), command(), receiver as Receiver) }
  }
  const one = stream()
  await eventually(() => one.all.owed === 7)
  for (const left of [3, 1, 0]) {
    one.receiver.ready = true
    one.call.resume()
    assert.is(one.all.owed, left)
  }
  assert.equal([one.all.seen, one.all.ended], [['aaaa', 'bb', 'c'], true])
  const other = stream()
  await eventually(() => other.all.owed === 7)
  other.call.cancel()
  assert.is(other.all.owed, 0)
})

Asked.run()
