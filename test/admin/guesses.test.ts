// Guards the admin port against guesses: each is answered later, what waits and what is remembered is bounded, and who has the token is not
// slowed by those who have not.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Guesses } from '../../host/admin/guesses.ts'
import { http, temporary, testHost } from '../support/host.ts'

const Wrong = suite('wrong tokens')

Wrong(
  'guesses.T1: each wrong one of an address is answered later, up to a bound, and another address begins at the start',
  () => {
    const guesses = new Guesses(() => 0)
    const delays = Array.from({ length: 300 }, () => {
      const guess = guesses.wrong('10.0.0.1')
      guesses.answered(guess)
      return guess.delayMs!
    })
    for (let at = 1; at < delays.length; at++) assert.ok(delays[at]! >= delays[at - 1]!)
    assert.ok(delays[1]! > delays[0]!)
    assert.is(delays.at(-1), 5_000)
    assert.is(guesses.wrong('10.0.0.2').delayMs, delays[0])
    assert.is(guesses.total, 301)
  },
)

Wrong('guesses.T1: who was quiet for ten minutes begins anew', () => {
  let nowMs = 0
  const guesses = new Guesses(() => nowMs)
  const first = guesses.wrong('10.0.0.1').delayMs
  nowMs = 599_999
  assert.ok(guesses.wrong('10.0.0.1').delayMs! > first!)
  nowMs += 600_000
  assert.is(guesses.wrong('10.0.0.1').delayMs, first)
})

Wrong('guesses.T3: of one address sixteen wait, and 256 in all; more are not answered', () => {
  const guesses = new Guesses(() => 0)
  const waiting = Array.from({ length: 17 }, () => guesses.wrong('10.0.0.1'))
  assert.is(waiting.filter(({ delayMs }) => delayMs === undefined).length, 1)
  guesses.answered(waiting[0]!)
  assert.is.not(guesses.wrong('10.0.0.1').delayMs, undefined)
  const others = Array.from({ length: 300 }, (_, at) => guesses.wrong(`10.1.${at}.1`))
  assert.is(others.filter(({ delayMs }) => delayMs !== undefined).length, 240)
})

Wrong('guesses.T3: the address that was quiet longest is forgotten first', () => {
  const guesses = new Guesses(() => 0)
  const address = (at: number) => `10.${at >> 8}.${at & 255}.1`
  for (let at = 0; at < 1_000; at++) guesses.wrong(address(at))
  assert.is(guesses.wrong(address(0)).count, 2)
  guesses.wrong(address(1_000))
  assert.is(guesses.wrong(address(0)).count, 3)
  assert.is(guesses.wrong(address(1)).count, 1)
})

Wrong(
  '§admin-4, guesses.T2: wrong ones are refused, logged and counted, and a right one of the same address is answered',
  async () => {
    const own = temporary()
    const log: { msg: string; address: string; count: number }[] = []
    const logger = pino({ level: 'warn' }, { write: (line: string) => log.push(JSON.parse(line)) })
    const host = await testHost(own.path, { token: 'hush' }, { log: logger })
    const call = (authorization: string) => http(host.admin, 'GET', '/metrics', undefined, { authorization })
    try {
      const wrong = Array.from({ length: 10 }, () => call('Bearer nothing'))
      // They have all come once they are counted.
      let counted = 0
      while (counted < 10) {
        const { text } = await call('Bearer hush')
        counted = Number(/^innkeeper_admin_wrong_tokens_total (\d+)$/m.exec(text)![1])
      }
      for (const { status } of await Promise.all(wrong)) assert.is(status, 401)
      const lines = log.filter(({ msg }) => msg === 'a request to the admin port had a wrong token')
      assert.equal(
        lines.map(({ address, count }) => [address, count]),
        [1, 2, 4, 8].map((count) => ['127.0.0.1', count]),
      )
      assert.is((await http(host.admin, 'GET', '/metrics')).status, 401)
    } finally {
      await host.stop()
      own.remove()
    }
  },
)

Wrong.run()
