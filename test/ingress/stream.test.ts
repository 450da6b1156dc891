// Guards the life of an open call at the door: however it ends, it is over once.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Failed, Receiver } from '../../host/command.ts'
import { InnkeeperError } from '../../host/errors.ts'
import type { StreamDoor } from '../../host/ingress/stream.ts'
import { Stream } from '../../host/ingress/stream.ts'
import type { ServiceMetrics } from '../../host/observe/metrics.ts'
import type { MethodType } from '../../host/schema/schema.ts'

const failed: Failed = { kind: 'error', error: new InnkeeperError('unavailable', 'said') }
const command = {
  ...{ service: 's', method: 'm', metadata: [], idempotencyKey: undefined, deadlineMs: Number.POSITIVE_INFINITY },
  ...{ hops: 0, requestId: 'r', effect: undefined, client: 'c' },
}

/** A stream, with all that its door and its protocol hear. */
function streamOf(serverStreaming: boolean, broken: readonly Broken[] = []) {
  const heard: string[] = []
  let host: Receiver | undefined
  const recorder = { streamed: () => heard.push('streamed') } as unknown as ServiceMetrics
  const door: StreamDoor = {
    opening: (_stream, _command, receiver) => {
      if (broken.includes('opening')) throw new InnkeeperError('unavailable', 'no')
      host = receiver
      return { item: () => heard.push('item') > 0, halfClose() {}, cancel: () => heard.push('cancel'), resume() {} }
    },
    over: () => heard.push('over'),
    received: () => {
      heard.push('received')
      return recorder
    },
    completed: (_recorder, _startedMs, ok) => heard.push(`completed ${ok}`),
    failure: (thrown) => thrown as InnkeeperError,
    log: () => {},
  }
  const wire = {
    ready: true,
    element: () => {
      heard.push('element')
      if (broken.includes('element')) throw new InnkeeperError('message_too_large', 'too long')
    },
    end: (how: Failed | undefined) => heard.push(`end ${how?.kind}`),
    inputTaken: () => heard.push('read on'),
    owes() {},
  }
  const method = { serverStreaming } as MethodType
  const stream = new Stream({ door, wire, command: { ...command, payload: new Uint8Array(0) }, method })
  return { stream, heard, host: () => host }
}

/** What fails. */
type Broken = 'opening' | 'element'

const acts = ['open', 'element', 'end', 'fail of the host', 'taken', 'cancel', 'fail', 'half-close', 'item'] as const

const Life = suite('an open call')

Life('stream.T1: whatever both sides do, it is over and counted once, and its protocol reads on after that', () => {
  const ways = new Set<string>()
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...acts), { maxLength: 12 }),
      fc.boolean(),
      fc.subarray<Broken>(['opening', 'element']),
      (all, serverStreaming, broken) => {
        const { stream, heard, host } = streamOf(serverStreaming, broken)
        const count = (what: RegExp) => heard.filter((each) => what.test(each)).length
        let opened = false
        let ended = false
        // At the end its client leaves, if it is there still.
        for (const act of [...all, 'cancel' as const]) {
          if (act === 'open' && !opened) {
            opened = true
            stream.open()
          } else if (act === 'item') {
            // What comes too late is dropped, and the protocol is not told to wait.
            const before = count(/^item$/)
            assert.ok(stream.item(new Uint8Array(1)))
            if (ended) assert.is(count(/^item$/), before)
          } else if (act === 'half-close') stream.halfClose()
          else if (act === 'cancel') stream.cancel()
          else if (act === 'fail') stream.fail(failed.kind === 'error' && failed.error)
          else if (act === 'taken') host()?.inputTaken()
          else if (act === 'element') host()?.next(new Uint8Array(1), [])
          else if (act === 'end') host()?.end()
          else if (act === 'fail of the host') host()?.end(failed)
          if (!ended && count(/^over$/) > 0) {
            ended = true
            ways.add(`${opened} ${act}`)
            assert.ok(heard.lastIndexOf('read on') > heard.indexOf('over'), `${act}: ${heard}`)
          }
          if (!ended) assert.is(count(/^completed/), 0)
        }
        assert.is(count(/^over$/), 1, heard.join())
        assert.is(count(/^completed/), count(/^received$/), heard.join())
        assert.ok(count(/^end/) <= 1, heard.join())
      },
    ),
    { numRuns: 2_000 },
  )
  for (const way of ['true open', 'true element', 'true end', 'true fail of the host', 'true cancel', 'true fail'])
    assert.ok(ways.has(way), `${way} ended none`)
})

Life('stream.T1: a client that leaves did not fail, and what ends in an error did', () => {
  for (const [end, ok] of [
    [(stream: Stream) => stream.cancel(), true],
    [(stream: Stream) => stream.fail(new InnkeeperError('unavailable', 'gone')), false],
    [(_: Stream, host: Receiver) => host.end(), true],
    [(_: Stream, host: Receiver) => host.end(failed), false],
  ] as const) {
    const { stream, heard, host } = streamOf(true)
    stream.open()
    end(stream, host()!)
    assert.equal(
      heard.filter((each) => each.startsWith('completed')),
      [`completed ${ok}`],
    )
  }
})

Life.run()
