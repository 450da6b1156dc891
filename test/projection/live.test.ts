// Guards queries that go on, on virtual time: how often they are asked, who is told what, and what ends them.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Failed, Receiver } from '../../host/command.ts'
import { type ErrorCode, InnkeeperError } from '../../host/errors.ts'
import { LiveQueries } from '../../host/projection/live.ts'
import type { ViewService } from '../../host/services.ts'
import { VirtualTime } from '../support/virtual.ts'

const Live = suite('live queries')

const service = { name: 'shop.v1.Orders', deployment: 1 } as ViewService
const view = service.name

/** A table that answers one number. */
function world() {
  const time = new VirtualTime(() => 0)
  const table = { number: 0, asked: 0, fails: undefined as ErrorCode | undefined }
  const hearers: ((name: string) => void)[] = []
  const live = new LiveQueries(
    {
      onChange: (hear) => {
        hearers.push(hear)
        return () => {}
      },
      reads: () => [view],
      query: async () => {
        table.asked += 1
        if (table.fails !== undefined) throw new InnkeeperError(table.fails, 'it cannot be run')
        return [new Uint8Array([table.number])]
      },
    },
    time.life(),
  )
  const change = (number: number, of = view) => {
    table.number = number
    for (const hear of hearers) hear(of)
  }
  const open = (request = 0) => {
    const told: number[] = []
    const state = { told, ready: true, owed: 0, ended: undefined as Failed | undefined }
    const receiver: Receiver = {
      get ready() {
        return state.ready
      },
      next: (payload) => void told.push(payload[0]!),
      end: (failed) => {
        state.ended = failed
      },
      inputTaken: () => {},
      owes: (bytes) => {
        state.owed += bytes
      },
    }
    const asked = { service, method: 'Sum', request: new Uint8Array([request]), after: { commits: [] } }
    const call = live.open(asked as Parameters<typeof live.open>[0], receiver)
    return { ...{ told, call }, state }
  }
  return { time, table, live, change, open }
}

Live('live.L1: however many ask the same, a change is one evaluation, and ten a second are the most', async () => {
  const { time, table, change, open } = world()
  const all = Array.from({ length: 300 }, () => open())
  await time.run(50)
  assert.is(table.asked, 1)
  for (let at = 1; at <= 100; at++) {
    change(at)
    await time.run(50 + at * 10)
  }
  await time.run(2_000)
  assert.ok(table.asked <= 12, `${table.asked}`)
  for (const { told } of all) assert.is(told.at(-1), 100)
})

Live('live.L1: a change of a view that it does not read asks nothing', async () => {
  const { time, table, change, open } = world()
  open()
  await time.run(500)
  change(1, 'shop.v1.Others')
  await time.run(1_000)
  assert.is(table.asked, 1)
})

Live('live.L2: the same result is told once, and who is slow gets the newest one', async () => {
  const { time, change, open } = world()
  const [fast, slow] = [open(), open()]
  await time.run(500)
  slow.state.ready = false
  for (const [at, number] of [0, 3, 3, 4].entries()) {
    change(number)
    await time.run(1_000 + at * 500)
  }
  assert.equal(fast.told, [0, 3, 4])
  assert.equal(slow.told, [0])
  slow.state.ready = true
  slow.call.resume()
  assert.equal(slow.told, [0, 4])
})

Live('live.L3: one that cannot be run for the moment is tried again; one that takes too much ends', async () => {
  const { time, table, live, change, open } = world()
  table.fails = 'unavailable'
  const one = open()
  await time.run(1_500)
  assert.equal([one.told, one.state.ended], [[], undefined])
  table.fails = undefined
  await time.run(4_000)
  assert.equal(one.told, [0])
  table.fails = 'query_too_large'
  change(1)
  await time.run(6_000)
  assert.is(one.state.ended?.kind === 'error' && one.state.ended.error.code, 'query_too_large')
  assert.is(live.size, 0)
})

Live(
  'live.L4: the result that is kept counts for one of those who wait, and for the next when that leaves',
  async () => {
    const { time, change, open, live } = world()
    const all = [open(), open(), open()]
    await time.run(500)
    const owed = () => all.map(({ state }) => state.owed)
    assert.equal(owed(), [1, 0, 0])
    change(7)
    await time.run(1_000)
    assert.equal(owed(), [1, 0, 0])
    all[0]!.call.cancel()
    assert.equal(owed(), [0, 1, 0])
    all[2]!.call.cancel()
    assert.equal(owed(), [0, 1, 0])
    live.end(new InnkeeperError('stopping', 'the host is stopping'))
    assert.equal(owed(), [0, 0, 0])
  },
)

Live.run()
