// Guards what either side of a stream may hear: whoever is careless, the other side hears of an end once, and of nothing after it.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../host/clock.ts'
import type { Receiver, StreamCall } from '../host/command.ts'
import { Lifeline } from '../host/lifeline.ts'
import { noMetadata } from '../host/metadata.ts'

const Life = suite('lifeline')

/** Both sides, which write down what they hear. `onHeard` and `onTold` may answer with an act of their own. */
function ends(onHeard: (what: string) => void = () => {}, onTold: (what: string) => void = () => {}) {
  const heard: string[] = []
  const told: string[] = []
  const hear = (what: string) => {
    heard.push(what)
    onHeard(what)
  }
  const tell = (what: string) => {
    told.push(what)
    onTold(what)
  }
  let owed = 0
  const receiver: Receiver = {
    ready: true,
    next: (payload) => hear(`next ${Buffer.from(payload)}`),
    end: (failed) => hear(failed === undefined ? 'end' : failed.kind === 'error' ? failed.error.code : 'refused'),
    inputTaken: () => hear('taken'),
    owes: (bytes) => {
      owed += bytes
    },
  }
  const call: StreamCall = {
    item: () => {
      tell('item')
      return false
    },
    halfClose: () => tell('halfClose'),
    cancel: () => tell('cancel'),
    resume: () => tell('resume'),
  }
  return { heard, receiver, told, call, owed: () => owed }
}

const acts = ['next', 'end', 'taken', 'item', 'halfClose', 'cancel', 'resume'] as const
type Act = (typeof acts)[number] | 'run'

function perform(life: Lifeline, call: StreamCall, act: Act): void {
  if (act === 'next') life.next(Buffer.from('x'), noMetadata)
  else if (act === 'end') life.end()
  else if (act === 'taken') life.inputTaken()
  else if (act === 'item') life.item(new Uint8Array())
  else if (act === 'run') life.run(call)
  else life[act]()
}

/** What both sides are to hear of acts in that order, worked out from the rules alone. */
function expected(sequence: readonly Act[]): { heard: string[]; told: string[] } {
  const last = sequence.findIndex((act) => act === 'end' || act === 'cancel')
  const until = last === -1 ? sequence : sequence.slice(0, last)
  const heard = until.flatMap((act) => (act === 'next' ? ['next x'] : act === 'taken' ? ['taken'] : []))
  if (sequence[last] === 'end') heard.push('end')
  const run = sequence.indexOf('run')
  const closed = until.indexOf('halfClose')
  const told = until.flatMap((act, at) => {
    if (act === 'run') return closed !== -1 && closed < run ? ['halfClose'] : []
    if (run === -1 || at < run) return []
    if (act === 'item') return closed === -1 || at < closed ? ['item'] : []
    if (act === 'halfClose') return at === closed ? ['halfClose'] : []
    return act === 'resume' ? ['resume'] : []
  })
  if (sequence[last] === 'cancel' && run !== -1) told.push('cancel')
  return { heard, told }
}

Life(
  '§stream-1, lifeline.S1, lifeline.S2: in any order of careless calls, whenever the call comes, each side hears what it may and no more',
  () => {
    const orders = fc
      .tuple(fc.array(fc.constantFrom(...acts), { maxLength: 20 }), fc.nat(20))
      .map(([sequence, at]): readonly Act[] => [...sequence.slice(0, at), 'run', ...sequence.slice(at)])
    fc.assert(
      fc.property(orders, (sequence) => {
        const { heard, receiver, told, call } = ends()
        const life = new Lifeline(receiver)
        for (const act of sequence) perform(life, call, act)
        assert.equal({ heard, told }, expected(sequence))
        const over = sequence.includes('end') || sequence.includes('cancel')
        assert.equal([life.over, life.ready], [over, !over])
      }),
      { numRuns: 1_000 },
    )
  },
)

Life('§stream-1, lifeline.S1: sides that answer at once, from within, change nothing of that', () => {
  const replies = fc.dictionary(
    fc.constantFrom('next x', 'taken', 'end', 'item', 'halfClose', 'cancel', 'resume'),
    fc.constantFrom(...acts),
  )
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...acts), { maxLength: 20 }), replies, (sequence, given) => {
      let left = 30
      const react = (what: string) => {
        const act = Object.hasOwn(given, what) ? given[what] : undefined
        if (act !== undefined && left-- > 0) perform(life, call, act)
      }
      const { heard, receiver, told, call } = ends(react, react)
      const life: Lifeline = new Lifeline(receiver)
      life.run(call)
      for (const act of sequence) perform(life, call, act)
      const count = (list: readonly string[], what: string) => list.filter((item) => item === what).length
      const [end, cancel] = [count(heard, 'end'), count(told, 'cancel')]
      assert.ok(end + cancel <= 1, 'one end of one kind')
      assert.is(end + cancel === 1, life.over)
      if (end === 1) assert.is(heard.at(-1), 'end')
      if (cancel === 1) assert.is(told.at(-1), 'cancel')
      assert.ok(count(told, 'halfClose') <= 1)
      if (told.includes('halfClose')) assert.ok(told.lastIndexOf('item') < told.indexOf('halfClose'))
    }),
    { numRuns: 1_000 },
  )
})

Life('lifeline.S1: only the one who ends it is told so, and what is owed is given back also then', () => {
  const { receiver, owed, call } = ends()
  const life = new Lifeline(receiver)
  life.run(call)
  life.owes(5)
  assert.equal([life.cancel(), life.cancel()], [true, false])
  life.owes(-5)
  assert.is(owed(), 0)
})

Life('§deadline-3, lifeline.S3: at its deadline the client is told so, and the other side that it left', async () => {
  const { heard, receiver, told, call } = ends()
  const life = new Lifeline(receiver)
  life.run(call, { ms: 10, clock: systemClock })
  while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal([heard, told], [['deadline_exceeded'], ['cancel']])
  life.next(Buffer.from('late'), noMetadata)
  life.cancel()
  assert.equal([heard, told], [['deadline_exceeded'], ['cancel']])
})

Life('lifeline.S2: a call that ended before it could be run is not run', () => {
  const { receiver, told, call } = ends()
  const life = new Lifeline(receiver)
  life.end()
  life.run(call, { ms: 1_000, clock: systemClock })
  life.item(new Uint8Array())
  assert.equal(told, [])
})

Life('lifeline.S4: who is handed a lifeline goes on with it, and it is run once', () => {
  const { receiver, told, call } = ends()
  const life = new Lifeline(receiver)
  const inner = Lifeline.of(life)
  assert.is(inner, life)
  inner.run(call)
  life.run(inner)
  life.cancel()
  assert.equal(told, ['cancel'])
  assert.is.not(Lifeline.of(receiver), Lifeline.of(receiver))
})

Life.run()
