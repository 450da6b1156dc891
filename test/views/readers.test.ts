// Guards whose turn it is among queries: one view whose queries are many, or slow, leaves the others theirs.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { ReaderRequest } from '../../host/views/process/protocol.ts'
import { Readers } from '../../host/views/readers.ts'
import type { Standing } from '../../host/views/standing.ts'
import { eventually } from '../support/ingress.ts'

const Turns = suite('readers of views')

/** Processes that answer when they are told to, and what they were asked. */
function world(count: number) {
  const asked: string[] = []
  const all = { answers: false }
  const open: (() => void)[] = []
  const one = {
    isUp: true,
    pid: 1,
    up: async () => {},
    ask: (_: unknown, request: { service: string }) => {
      asked.push(request.service)
      return new Promise<void>((resolve) => (all.answers ? resolve() : open.push(resolve)))
    },
    learned: async () => {},
    taken: () => 0,
    kill() {},
    retire: async () => {},
  }
  const readers = new Readers(
    Array.from({ length: count }, () => ({ ...one })) as unknown as Standing[],
    1e9,
    systemClock,
  )
  const query = (service: string) => readers.run([], { kind: 'query', service } as ReaderRequest, 60_000)
  /** All that waits, and all that comes. */
  const answerAll = () => {
    all.answers = true
    for (const answer of open.splice(0)) answer()
  }
  return { asked, open, query, answerAll }
}

Turns('readers.D4: the view that has fewest running is next, and one view has half of the places to wait', async () => {
  const { asked, open, query, answerAll } = world(2)
  const all: Promise<unknown>[] = []
  for (let at = 0; at < 502; at++) all.push(query('many'))
  await eventually(() => asked.length === 2)
  all.push(query('few'), query('few'))
  assert.match(String(await query('many').catch((error: Error) => error.message)), 'too many queries')
  open.shift()!()
  await eventually(() => asked.length === 3)
  assert.equal(asked, ['many', 'many', 'few'])
  // Now each has one.
  open.shift()!()
  await eventually(() => asked.length === 4)
  assert.is(asked.at(-1), 'many')
  open.shift()!()
  await eventually(() => asked.length === 5)
  assert.is(asked.at(-1), 'few')
  answerAll()
  await Promise.all(all)
  assert.is(asked.length, 504)
})

Turns.run()
