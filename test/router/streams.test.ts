// Guards methods that are called otherwise than they stream: for one answer, and as a stream.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Receiver } from '../../host/command.ts'
import { noMetadata } from '../../host/metadata.ts'
import { once, single } from '../../host/router/streams.ts'

const Streams = suite('streams called either way')

function ends() {
  const heard: string[] = []
  const receiver: Receiver = {
    ready: true,
    next: (payload) => heard.push(`next ${Buffer.from(payload)}`),
    end: (failed) => heard.push(failed === undefined ? 'end' : failed.kind === 'error' ? failed.error.code : 'refused'),
    inputTaken: () => heard.push('taken'),
    owes() {},
  }
  return { heard, receiver }
}

Streams(
  '§stream-6, §forward-6, streams.T1: called for one answer, a stream answers with its first element, or empty, or how it failed',
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

Streams('§stream-6, streams.T2: called as a stream, one answer is its only element', () => {
  const { heard, receiver } = ends()
  single(receiver)({ kind: 'reply', payload: Buffer.from('a'), metadata: noMetadata })
  single(receiver)({ kind: 'refusal', failure: { code: 5, message: '', details: [] }, metadata: noMetadata })
  assert.equal(heard, ['next a', 'end', 'refused'])
})

Streams.run()
