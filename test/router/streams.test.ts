// Guards both ends of a stream: whoever is careless, the other side hears of an end once, and of nothing after it.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Receiver, StreamCall } from '../../host/command.ts'
import { noMetadata } from '../../host/metadata.ts'
import { GuardedStream, once, single } from '../../host/router/streams.ts'

const Streams = suite('guarded streams')

function ends() {
  const heard: string[] = []
  const receiver: Receiver = {
    ready: true,
    next: (payload) => heard.push(`next ${Buffer.from(payload)}`),
    end: (failed) => heard.push(failed === undefined ? 'end' : failed.kind === 'error' ? failed.error.code : 'refused'),
    inputTaken: () => heard.push('taken'),
    owes() {},
  }
  const told: string[] = []
  const call: StreamCall = {
    item: () => told.push('item') < 0,
    halfClose: () => told.push('half-close'),
    cancel: () => told.push('cancel'),
    resume: () => told.push('resume'),
  }
  return { heard, receiver, told, call }
}

Streams(
  '§stream-1, streams.T1: in any order of careless calls there is one end, one cancel, and nothing after either',
  () => {
    const acts = fc.array(fc.constantFrom('next', 'end', 'taken', 'item', 'halfClose', 'cancel', 'resume'), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(acts, (sequence) => {
        const { heard, receiver, told, call } = ends()
        const guarded = new GuardedStream(receiver)
        guarded.run(call, Number.POSITIVE_INFINITY)
        for (const act of sequence) {
          if (act === 'next') guarded.next(Buffer.from('x'), noMetadata)
          else if (act === 'end') guarded.end()
          else if (act === 'taken') guarded.inputTaken()
          else if (act === 'item') guarded.item(new Uint8Array())
          else guarded[act]()
        }
        const last = sequence.findIndex((act) => act === 'end' || act === 'cancel')
        const before = last === -1 ? sequence : sequence.slice(0, last)
        const count = (list: string[], what: string) => list.filter((item) => item === what).length
        assert.is(count(heard, 'end'), sequence[last] === 'end' ? 1 : 0)
        assert.is(count(told, 'cancel'), sequence[last] === 'cancel' ? 1 : 0)
        assert.is(count(heard, 'next x'), count(before, 'next'))
        assert.is(count(told, 'item'), count(before, 'item'))
        assert.is(count(told, 'half-close'), count(before, 'halfClose'))
        assert.is(guarded.ready, last === -1)
      }),
    )
  },
)

Streams('§deadline-3, streams.T2: at its deadline the client is told so, and the other side that it left', async () => {
  const { heard, receiver, told, call } = ends()
  const guarded = new GuardedStream(receiver)
  guarded.run(call, 10)
  while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal([heard, told], [['deadline_exceeded'], ['cancel']])
  guarded.next(Buffer.from('late'), noMetadata)
  guarded.cancel()
  assert.equal([heard, told], [['deadline_exceeded'], ['cancel']])
})

Streams('a call that ended before it could be run is not run', () => {
  const { receiver, told, call } = ends()
  const guarded = new GuardedStream(receiver)
  guarded.end()
  guarded.run(call, 1_000)
  guarded.item(new Uint8Array())
  assert.equal(told, [])
})

Streams(
  '§stream-6, §forward-6, streams.T3: called for one answer, a stream answers with its first element, or empty, or how it failed',
  () => {
    const answers: Answer[] = []
    const of = () => once((answer) => answers.push(answer))
    const full = of()
    full.next(Buffer.from('a'), [['x', '1']])
    full.next(Buffer.from('b'), noMetadata)
    full.end()
    of().end()
    of().end({ kind: 'refusal', failure: { code: 5, message: '', details: [] }, metadata: noMetadata })
    assert.equal(
      answers.map((answer) =>
        answer.kind === 'reply' ? [String(Buffer.from(answer.payload)), answer.metadata.length] : answer.kind,
      ),
      [['a', 1], ['', 0], 'refusal'],
    )
  },
)

Streams('§stream-6, streams.T3: called as a stream, one answer is its only element', () => {
  const { heard, receiver } = ends()
  single(receiver)({ kind: 'reply', payload: Buffer.from('a'), metadata: noMetadata })
  single(receiver)({ kind: 'refusal', failure: { code: 5, message: '', details: [] }, metadata: noMetadata })
  assert.equal(heard, ['next a', 'end', 'refused'])
})

Streams.run()
