// Guards the life of a client's stream on a replicated entity: who hears of its end, and how often.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Command, Failed, Receiver } from '../../host/command.ts'
import { OpenStream } from '../../host/entity/open-stream.ts'
import { Subscriptions } from '../../host/entity/replicated/subscriptions.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { defaultLimits } from '../../host/limits.ts'
import { bytes } from '../crdt/support.ts'

const subscription = { id: 's1', method: 'Open', payload: bytes(''), note: bytes('') }

/** A stream whose client reads or does not, and what both sides heard. */
function scene(ready = true) {
  const told: string[] = []
  const receiver: Receiver = {
    ready,
    next: () => void told.push('next'),
    end: (failed?: Failed) => void told.push(failed?.kind === 'error' ? failed.error.code : 'end'),
    inputTaken() {},
    owes() {},
  }
  const open = () => {
    throw new Error('nothing is forwarded by these tests')
  }
  const context = { outbox: { run() {} }, open, limits: { ...defaultLimits, streamBacklogMax: 2 } }
  const command = { service: 's', method: 'Open', payload: bytes(''), metadata: [], hops: 0 } as unknown as Command
  const stream = new OpenStream(context, command, receiver)
  const tell = () => stream.tell({ answer: { kind: 'message', payload: bytes('x') }, metadata: [], effects: [] })
  return { stream, told, tell, opened: () => stream.opened(subscription, { left: () => void told.push('left') }) }
}

const Life = suite('an open stream')

Life('open-stream.P1: that the client left is heard of once, and not before the stream is open', () => {
  const early = scene()
  early.stream.cancel()
  assert.equal([early.told, early.stream.abandoned], [[], true])
  const late = scene()
  late.opened()
  late.stream.cancel()
  late.stream.cancel()
  assert.equal(late.told, ['left'])
  const ended = scene()
  ended.opened()
  ended.stream.finish()
  ended.stream.cancel()
  assert.equal(ended.told, ['end'])
})

Life('open-stream.P2: past its backlog a stream ends as overloaded, and the entity hears that it left', () => {
  const { told, tell, opened } = scene(false)
  opened()
  tell()
  tell()
  assert.equal(told, [])
  tell()
  assert.equal([told.filter((what) => what === 'left'), told.includes('next')], [['left'], false])
})

Life('subscriptions.S1: a client whose end was planned hears of a failure as long as that turn is not on disk', () => {
  const failed: string[] = []
  for (const onDisk of [false, true]) {
    const { stream, told } = scene()
    const all = new Subscriptions()
    all.ends(stream)
    if (onDisk) all.ended()
    all.end(new InnkeeperError('outcome_unknown', 'the commit failed'), systemClock)
    failed.push(told.join())
  }
  assert.equal(failed, ['outcome_unknown', ''])
})

Life.run()
