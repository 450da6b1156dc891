// Guards that whoever waits hears once, and not before its deadline.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../host/clock.ts'
import type { Answer } from '../../host/command.ts'
import { Deadlines } from '../../host/router/deadlines.ts'

const Waiting = suite('deadlines')

function deadlines() {
  let nowMs = 1_000
  let timers = 0
  let tick = () => {}
  const timer = { unref: () => timer, cancel: () => {} }
  const every = (_ms: number, work: () => void) => {
    timers++
    tick = work
    return timer
  }
  const of = new Deadlines({ now: () => nowMs, every } as unknown as Clock)
  return {
    of,
    timers: () => timers,
    at(ms: number) {
      nowMs = ms
      tick()
    },
  }
}

const codeOf = (answer: Answer) => (answer.kind === 'error' ? answer.error.code : answer.kind)
const answered = { kind: 'completed' } as unknown as Answer

Waiting('deadlines.D1: a reply is called once, by what comes first', () => {
  const { of, at } = deadlines()
  const heard: string[] = []
  const early = of.watch(1_100, (answer) => heard.push(`early ${codeOf(answer)}`))
  const late = of.watch(1_100, (answer) => heard.push(`late ${codeOf(answer)}`))
  early.answer(answered)
  early.answer(answered)
  at(1_200)
  late.answer(answered)
  at(1_300)
  assert.equal(heard, ['early completed', 'late deadline_exceeded'])
})

Waiting('deadlines.D2: one timer for all, and nobody waits shorter than its deadline', () => {
  const { of, at, timers } = deadlines()
  const heard = new Map<number, number>()
  for (let deadline = 1_001; deadline < 1_200; deadline++) of.watch(deadline, () => heard.set(deadline, now))
  let now = 1_000
  for (; now < 1_300; now += 5) at(now)
  assert.is(heard.size, 199)
  for (const [deadline, ms] of heard) assert.ok(ms >= deadline && ms <= deadline + 20, `${deadline} at ${ms}`)
  assert.is(timers(), 1)
})

Waiting.run()
