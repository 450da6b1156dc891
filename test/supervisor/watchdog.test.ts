// Guards what the watchdog takes for stuck, on a clock of the test's.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type InHand, InHandMemory } from '../../host/in-hand.ts'
import { threadId, threadRanMs } from '../../host/supervisor/thread-time.ts'
import { Watchdog } from '../../host/supervisor/watchdog.ts'

const Dog = suite('watchdog')

function dog(turnMsMax = 1_000) {
  const memory = new InHandMemory()
  const barks: (InHand | undefined)[] = []
  const time: { now: number; ran: number | undefined } = { now: 0, ran: undefined }
  const watchdog = new Watchdog({
    ...{ memory, turnMsMax },
    nowMs: () => time.now,
    ranMs: () => time.ran,
    stuck: (guilty) => barks.push(guilty),
  })
  watchdog.stop()
  const seen = new InHandMemory(memory.buffer)
  return {
    memory,
    barks,
    seen,
    time,
    /** Time passes in looks of a tenth of the bound; `each` is what the loop does meanwhile. */
    pass(ms: number, each = () => {}) {
      for (const end = time.now + ms; time.now < end; ) {
        time.now += turnMsMax / 10
        each()
        watchdog.look()
      }
    },
    jump(ms: number) {
      time.now += ms
      watchdog.look()
    },
  }
}

Dog('in-hand.H1: what is in hand is read by another, and nothing between turns', () => {
  const { memory, seen } = dog()
  assert.is(seen.read(), undefined)
  memory.begin('shop.v1.Orders', 'Add', 'ünï "x"', 2 ** 33 + 5)
  const { turn, ...what } = seen.read()!
  assert.is(turn, 1)
  assert.equal(what, { service: 'shop.v1.Orders', method: 'Add', entity: 'ünï "x"', effect: 2 ** 33 + 5 })
  memory.end()
  assert.is(seen.read(), undefined)
  memory.begin('shop.v1.Orders', '', 'y'.repeat(5_000), 0)
  assert.equal([seen.read()!.method, seen.read()!.entity], ['', 'y'.repeat(1_024)])
})

Dog('in-hand.H2: a text that has not changed is not written again', () => {
  const { memory } = dog()
  memory.begin('service', 'method', 'entity', 0)
  memory.end()
  const texts = new Uint8Array(memory.buffer, 32)
  texts.fill(0)
  memory.begin('service', 'method', 'other', 0)
  assert.is(Buffer.from(texts.filter((byte) => byte !== 0)).toString(), 'other')
})

Dog('watchdog.D1: one turn in hand for the whole time is guilty, and told once', () => {
  const { memory, barks, pass } = dog()
  pass(500, () => memory.beat())
  memory.begin('a.B', 'Do', 'x', 7)
  pass(900)
  assert.equal(barks, [])
  pass(3_000)
  assert.is(barks.length, 1)
  assert.equal({ ...barks[0]!, turn: 0 }, { turn: 0, service: 'a.B', method: 'Do', entity: 'x', effect: 7 })
})

Dog('watchdog.D1: many short turns are not, however busy', () => {
  const { memory, barks, pass } = dog()
  pass(60_000, () => {
    memory.beat()
    memory.end()
    memory.begin('a.B', 'Do', 'x', 0)
    memory.end()
    memory.begin('a.B', 'Do', 'x', 0)
  })
  assert.equal(barks, [])
})

Dog(
  'watchdog.D2: a loop without beats and without a turn is given up after thirty times as long, and nobody is blamed',
  () => {
    const { barks, pass } = dog()
    pass(29_000)
    assert.equal(barks, [])
    pass(2_000)
    assert.equal(barks, [undefined])
  },
)

Dog('watchdog.D1: a turn that gets no processor is not guilty until it has run for so long', () => {
  const { memory, barks, pass, time } = dog()
  time.ran = 0
  pass(500, () => memory.beat())
  memory.begin('a.B', 'Do', 'x', 0)
  // A quarter of the processor.
  const quarter = () => {
    time.ran! += 25
  }
  pass(3_900, quarter)
  assert.equal(barks, [])
  pass(300, quarter)
  assert.is(barks.length, 1)
})

Dog('watchdog.D1: a turn that stands still is guilty after ten times as long', () => {
  const { memory, barks, pass, time } = dog()
  time.ran = 0
  memory.begin('a.B', 'Do', 'x', 0)
  pass(9_900)
  assert.equal(barks, [])
  pass(300)
  assert.is(barks.length, 1)
})

Dog('watchdog.D3: a machine that slept in the middle of a turn does not make it guilty', () => {
  const { memory, barks, pass, jump } = dog()
  memory.begin('a.B', 'Do', 'x', 0)
  pass(500)
  jump(3_600_000)
  assert.equal(barks, [])
  pass(200)
  assert.equal(barks, [])
  pass(300)
  assert.is(barks.length, 1)
})

Dog('the processor time of a thread grows as it works', () => {
  const id = threadId()
  const before = threadRanMs(id)
  if (before === undefined) return
  for (const end = performance.now() + 500; performance.now() < end; ) Math.random()
  const ran = threadRanMs(id)! - before
  assert.ok(ran > 0, `${ran} ms of 500`)
})

Dog.run()
