// Guards live queries by themselves: one evaluation for all, the newest result, and what a failure means.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Failed, Receiver } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { LiveQueries } from '../../host/projection/live.ts'
import type { ViewService } from '../../host/services.ts'
import { eventually } from '../support/ingress.ts'

const Live = suite('live queries')
const service = { name: 'v.Rows', deployment: 1 } as ViewService

/** Views that answer what they are told to. */
function world() {
  let hear: (view: string) => void = () => {}
  const all = { result: 'a', evaluated: 0, failing: undefined as InnkeeperError | undefined }
  const views = {
    onChange: (given: (view: string) => void) => {
      hear = given
      return () => {}
    },
    reads: () => ['v.Rows', 'v.Others'],
    query: async () => {
      all.evaluated += 1
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (all.failing !== undefined) throw all.failing
      return [Buffer.from(all.result)]
    },
  }
  const live = new LiveQueries(views as unknown as ConstructorParameters<typeof LiveQueries>[0], systemClock)
  const open = (request = '') => {
    const seen: string[] = []
    const receiver = {
      ready: true,
      ended: undefined as Failed | undefined | 'well',
      next: (payload: Uint8Array) => void seen.push(Buffer.from(payload).toString()),
      end: (failed?: Failed) => {
        receiver.ended = failed ?? 'well'
      },
      inputTaken() {},
      owes() {},
    }
    const asked = { service, method: 'Follow', request: Buffer.from(request), after: [] }
    return { seen, receiver, call: live.open(asked, receiver as Receiver) }
  }
  return { all, live, open, changed: (view = 'v.Rows') => hear(view) }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

Live('live.L1: whoever asks the same is told by one evaluation, and a burst of changes makes few', async () => {
  const { all, open, changed } = world()
  const same = Array.from({ length: 20 }, () => open('x'))
  const other = open('y')
  await eventually(() => same.every(({ seen }) => seen.length === 1) && other.seen.length === 1)
  assert.is(all.evaluated, 2)
  all.result = 'b'
  for (let at = 0; at < 1_000; at++) {
    changed()
    if (at % 100 === 0) await pause(1)
  }
  await eventually(() => same.every(({ seen }) => seen.at(-1) === 'b') && other.seen.at(-1) === 'b')
  assert.ok(all.evaluated <= 8, `${all.evaluated}`)
  changed('v.Unread')
  const before = all.evaluated
  await pause(150)
  assert.is(all.evaluated, before)
  for (const { call } of [...same, other]) call.cancel()
})

Live('live.L2: the same bytes are not told again, and who is slow gets the newest', async () => {
  const { all, open, changed } = world()
  const one = open()
  const slow = open()
  await eventually(() => one.seen.length === 1 && slow.seen.length === 1)
  slow.receiver.ready = false
  for (const result of ['b', 'b', 'c', 'd']) {
    all.result = result
    const { evaluated } = all
    changed()
    await eventually(() => all.evaluated > evaluated)
    await pause(20)
  }
  assert.equal(one.seen, ['a', 'b', 'c', 'd'])
  assert.equal(slow.seen, ['a'])
  slow.receiver.ready = true
  slow.call.resume()
  assert.equal(slow.seen, ['a', 'd'])
  one.call.cancel()
  slow.call.cancel()
})

Live(
  'live.L3: a query that takes too long ends its streams; one that cannot be run for the moment is tried again',
  async () => {
    const { all, live, open, changed } = world()
    const one = open()
    await eventually(() => one.seen.length === 1)
    all.failing = new InnkeeperError('unavailable', 'the process ended')
    all.result = 'b'
    changed()
    await pause(150)
    assert.is(one.receiver.ended, undefined)
    all.failing = undefined
    await eventually(() => one.seen.length === 2)
    all.failing = new InnkeeperError('deadline_exceeded', 'too long')
    changed()
    await eventually(() => one.receiver.ended !== undefined)
    assert.match(JSON.stringify(one.receiver.ended), 'deadline_exceeded')
    assert.is(live.size, 0)
  },
)

Live.run()
