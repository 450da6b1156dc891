// Guards the guest side of the contract: tokens, held states, refusals; and that QuickJS answers as Node does.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EventSourcedGuest, GuestCommand } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { pipeline } from '../../host/link/pipeline.ts'
import { buildProject } from '../../sdk/build/build.ts'
import type { MessageType } from '../../sdk/typescript/codec/message.ts'
import { every, everyTypeFolder } from '../support/every.ts'
import { generated } from '../support/generated.ts'

const service = 'test.every.v1.Echo'
type Fields = Record<string, unknown>
const { Every, EchoRequest } = await generated<{
  Every: MessageType<Fields>
  EchoRequest: MessageType<Fields>
}>(everyTypeFolder, 'every.ts')
// Whole messages of every type in one batch: what fuel they may use is not this test's question.
const limits = { ...defaultLimits, fuelPerCommand: 500_000_000 }
const guest = await build()

async function build(): Promise<EventSourcedGuest> {
  const folder = await mkdtemp(join(tmpdir(), 'innkeeper-test-'))
  try {
    const { file } = await buildProject(everyTypeFolder, { out: join(folder, 'every.wasm') })
    const linked = await pipeline(new Uint8Array(await readFile(file)), limits, 1, () => {})
    if (!linked.ok) throw new Error(linked.reasons.join('\n'))
    return load(linked.artefact, limits).eventSourced!
  } finally {
    await rm(folder, { recursive: true })
  }
}

function echo(payload: Uint8Array, method = 'Echo'): GuestCommand {
  return { method, payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
}

function decide(commands: readonly GuestCommand[]) {
  const decided = guest.decide(service, 'e', { kind: 'initial' }, commands, false)
  if (decided.kind === 'unknown') throw new Error('unknown')
  return decided
}

const Component = suite('component')

Component('decodes and encodes every type in QuickJS as in Node', () => {
  const batch = fc.array(every, { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(batch, (values) => {
      const requests = values.map((value) => EchoRequest.encode(EchoRequest({ id: 'e', every: Every(value) })))
      const { decisions } = decide(requests.map((request) => echo(request)))
      for (const [index, { outcome }] of decisions.entries()) {
        const expected = Every.encode(Every(values[index]!))
        assert.equal(outcome.answer, { kind: 'message', payload: expected })
      }
    }),
    { numRuns: 30, endOnFailure: true, includeErrorInReport: true },
  )
})

Component('checks UTF-8 in QuickJS as strictly as in Node', () => {
  for (const malformed of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]]) {
    const { decisions } = decide([echo(Uint8Array.from([10, malformed.length, ...malformed]))])
    const { answer } = decisions[0]!.outcome
    assert.is(answer.kind === 'failure' && answer.failure.code, 3)
  }
  const text = `x${'a€😀'.repeat(2_000)}`
  const { decisions } = decide([echo(EchoRequest.encode(EchoRequest({ every: Every({ aString: text }) })))])
  const { answer } = decisions[0]!.outcome
  assert.is(answer.kind === 'message' && Every.decode(answer.payload)['aString'], text)
})

Component(
  'event-sourced.D2: an unknown method and a malformed request are refusals, and leave their neighbours alone',
  () => {
    const good = EchoRequest.encode(EchoRequest({ every: Every({ anInt32: 5 }) }))
    const { decisions, next } = decide([echo(good), echo(good, 'Shout'), echo(Uint8Array.from([27])), echo(good)])
    const codes = decisions.map(({ outcome }) => (outcome.answer.kind === 'failure' ? outcome.answer.failure.code : 0))
    assert.equal(codes, [0, 12, 3, 0])
    assert.is(next.kind, 'unchanged')
  },
)

Component('component.C2: a token of another entity, or of nothing, is unknown', () => {
  const start = { kind: 'state', bytes: new TextEncoder().encode('{}') } as const
  const first = guest.decide(service, 'a', start, [], false)
  assert.is(first.kind, 'decided')
  const token = first.kind === 'decided' && first.next.kind === 'held' ? first.next.token : -1
  assert.ok(token > 0)
  assert.is(guest.decide(service, 'b', { kind: 'held', token }, [], false).kind, 'unknown')
  assert.is(guest.decide(service, 'a', { kind: 'held', token: token + 1000 }, [], false).kind, 'unknown')
  const same = guest.decide(service, 'a', { kind: 'held', token }, [], false)
  assert.is(same.kind === 'decided' && same.next.kind, 'unchanged')
})

Component('event-sourced.D5: bytes come when they are asked for', () => {
  const decided = guest.decide(service, 'c', { kind: 'initial' }, [], true)
  const bytes = decided.kind === 'decided' && decided.next.kind === 'held' ? decided.next.bytes : undefined
  assert.equal(bytes, new TextEncoder().encode('{}'))
})

Component.run()
