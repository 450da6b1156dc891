// Guards the order of a stream: effects, then the element or what stands in its place, one after the other, whoever is slow.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Failed, Open, Receiver } from '../../host/command.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { defaultLimits } from '../../host/limits.ts'
import { noMetadata } from '../../host/metadata.ts'
import type { Output } from '../../host/reply/outputs.ts'
import { Outputs } from '../../host/reply/outputs.ts'
import { effect } from '../support/journal.ts'

const command: Command = {
  service: 's',
  method: 'M',
  payload: new Uint8Array(),
  metadata: noMetadata,
  idempotencyKey: undefined,
  deadlineMs: Number.POSITIVE_INFINITY,
  hops: 0,
  requestId: 'r',
  effect: undefined,
}
const call = (method: string) => ({ service: 't', method, payload: new Uint8Array(), metadata: noMetadata })
const caused = (id: number): EffectEntry =>
  effect({ id, cause: { service: 's', entity: '', revision: 0 }, call: call('E'), synchronous: true })
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const message = (what: string, ...effects: EffectEntry[]): Output => {
  return { answer: { kind: 'message', payload: Buffer.from(what) }, metadata: noMetadata, effects }
}
const forward = (method: string): Output => {
  return { answer: { kind: 'forward', call: call(method) }, metadata: noMetadata, effects: [] }
}
const failure: Output = {
  answer: { kind: 'failure', failure: { code: 9, message: 'no', details: [] } },
  metadata: noMetadata,
  effects: [],
}

/** A stream whose effects and forwards end when the test says so, and everything that happened, in order. */
function scene(hops = 0) {
  let owed = 0
  const seen: string[] = []
  const effects: (() => void)[] = []
  const forwards: { receiver: Receiver; cancelled: boolean; resumed: number }[] = []
  let ready = true
  const receiver: Receiver = {
    get ready() {
      return ready
    },
    next: (payload) => seen.push(text(payload)),
    end: (failed?: Failed) =>
      seen.push(
        failed === undefined ? 'end' : failed.kind === 'refusal' ? `refused ${failed.failure.code}` : failed.error.code,
      ),
    inputTaken() {},
    owes: (bytes) => {
      owed += bytes
    },
  }
  const open: Open = (_command, inner) => {
    const forwarded = { receiver: inner, cancelled: false, resumed: 0 }
    forwards.push(forwarded)
    return {
      item: () => true,
      halfClose() {},
      cancel() {
        forwarded.cancelled = true
      },
      resume() {
        forwarded.resumed += 1
      },
    }
  }
  const outbox = {
    run(entries: readonly EffectEntry[], _deadlineMs: number, done: () => void) {
      seen.push(`effects ${entries.map(({ id }) => id).join()}`)
      effects.push(done)
    },
  }
  const outputs = new Outputs(
    { outbox, open, limits: defaultLimits },
    receiver,
    { ...command, hops },
    {
      idle: () => seen.push('idle'),
      cut: () => seen.push('cut'),
    },
  )
  return {
    outputs,
    owed: () => owed,
    seen,
    effects,
    forwards,
    setReady(now: boolean) {
      ready = now
      if (now) outputs.resume()
    },
    take: () => seen.splice(0),
  }
}

const Order = suite('outputs of a stream')

Order(
  '§action-5, outputs.U1: the effects of an output end before its element is given, and before the next output begins',
  () => {
    const { outputs, effects, take } = scene()
    outputs.put(message('a', caused(1), caused(2)))
    outputs.put(message('b', caused(3)))
    outputs.put(message('c'))
    assert.equal(take(), ['effects 1,2'])
    effects[0]!()
    assert.equal(take(), ['a', 'effects 3'])
    effects[1]!()
    assert.equal(take(), ['b', 'c', 'idle'])
  },
)

Order('§forward-5, outputs.U1: what a forward answers stands in its place, until it ends', () => {
  const { outputs, forwards, take } = scene()
  outputs.put(message('a'))
  outputs.put(forward('F'))
  outputs.put(message('z'))
  assert.equal(take(), ['a', 'idle'])
  forwards[0]!.receiver.next(Buffer.from('f1'), noMetadata)
  forwards[0]!.receiver.next(Buffer.from('f2'), noMetadata)
  assert.equal(take(), ['f1', 'f2'])
  forwards[0]!.receiver.end()
  outputs.finish()
  assert.equal(take(), ['z', 'idle', 'end'])
})

Order('outputs.U2: nothing is given while the receiver takes nothing; what waits is counted', () => {
  const { outputs, setReady, take } = scene()
  setReady(false)
  outputs.put(message('abc'))
  outputs.put(message('de'))
  outputs.finish()
  assert.equal([take(), outputs.waiting, outputs.waitingBytes, outputs.idle], [[], 2, 5 + 2 * 256, false])
  setReady(true)
  assert.equal([take(), outputs.waiting, outputs.waitingBytes], [['abc', 'de', 'end'], 0, 0])
})

Order('outputs.U2: a forward hears that the receiver is ready again', () => {
  const { outputs, forwards, setReady } = scene()
  outputs.put(forward('F'))
  setReady(false)
  assert.is(forwards[0]!.receiver.ready, false)
  setReady(true)
  assert.is(forwards[0]!.receiver.ready, true)
  assert.is(forwards[0]!.resumed, 1)
})

Order(
  'outputs.U3: a failure ends the stream after what came before; what came after is dropped, but its effects run',
  () => {
    const { outputs, take } = scene()
    outputs.put(failure)
    assert.equal(take(), ['refused 9', 'cut'])
    outputs.put(message('late', caused(7)))
    outputs.finish()
    assert.equal(take(), ['effects 7'])
  },
)

Order('outputs.U3: a forward that fails, or is one too many, ends the stream likewise', () => {
  const { outputs, forwards, take } = scene()
  outputs.put(forward('F'))
  outputs.put(message('z'))
  forwards[0]!.receiver.end({ kind: 'refusal', failure: { code: 5, message: '', details: [] }, metadata: noMetadata })
  assert.equal(take(), ['refused 5', 'cut'])
  const far = scene(16)
  far.outputs.put(forward('F'))
  assert.equal(far.take(), ['too_many_hops', 'cut'])
})

Order('a client that leaves: nothing more is given, the forward is cancelled, effects that waited run', () => {
  const { outputs, forwards, effects, take } = scene()
  outputs.put(message('a', caused(1)))
  outputs.put(forward('F'))
  outputs.put(message('b', caused(2)))
  effects[0]!()
  take()
  outputs.cancel()
  assert.ok(forwards[0]!.cancelled)
  forwards[0]!.receiver.next(Buffer.from('f'), noMetadata)
  forwards[0]!.receiver.end()
  assert.equal(take(), ['effects 2'])
})

Order('outputs.U4: the receiver counts whatever waits, until it is given, dropped or left', () => {
  const { outputs, owed, setReady } = scene()
  setReady(false)
  const { length } = Buffer.from('four')
  outputs.put(message('four'))
  const each = owed() - length
  assert.ok(each > 0)
  outputs.put({ answer: { kind: 'none' }, metadata: noMetadata, effects: [] })
  outputs.put({
    answer: { kind: 'forward', call: { ...call('F'), payload: Buffer.alloc(1000) } },
    metadata: [['name', 'value']],
    effects: [],
  })
  assert.is(owed(), 3 * each + length + 1000 + 'namevalue'.length)
  setReady(true)
  assert.is(owed(), 0)
  setReady(false)
  outputs.put(message('more'))
  outputs.cancel()
  assert.is(owed(), 0)
})

Order('whatever is slow, elements come out in the order in which they went in, and the end comes last', () => {
  const parts = fc.array(fc.constantFrom('message', 'effect', 'forward', 'none'), { maxLength: 12 })
  const happens = fc.array(fc.constantFrom('effect', 'forward', 'busy', 'ready'), { maxLength: 80 })
  fc.assert(
    fc.property(parts, happens, (put, events) => {
      const { outputs, effects, forwards, setReady, seen } = scene()
      const expected: string[] = []
      for (const [at, part] of put.entries()) {
        expected.push(part === 'forward' ? 'forwarded' : part === 'none' ? '' : String(at))
        if (part === 'forward') outputs.put(forward('F'))
        else if (part === 'none') outputs.put({ answer: { kind: 'none' }, metadata: noMetadata, effects: [] })
        else outputs.put(message(String(at), ...(part === 'effect' ? [caused(at)] : [])))
      }
      outputs.finish()
      const endForward = () => {
        const forwarded = forwards.shift()
        forwarded?.receiver.next(Buffer.from('forwarded'), noMetadata)
        forwarded?.receiver.end()
      }
      for (const event of events) {
        if (event === 'effect') effects.shift()?.()
        else if (event === 'forward') endForward()
        else setReady(event === 'ready')
      }
      setReady(true)
      while (effects.length + forwards.length > 0) {
        effects.shift()?.()
        endForward()
      }
      const given = seen.filter((what) => !what.startsWith('effects') && what !== 'idle')
      assert.equal(given, [...expected.filter((what) => what !== ''), 'end'])
    }),
  )
})

Order.run()
