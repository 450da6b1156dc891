// Talkative: the conformance guests with words for the host's log in their member streams, and what must come of them. A language
// changes its own source so that Open says "changed" (info, and tells the subscriber nothing) and "left" (warn), and that what
// Some looks for says "looks".

import * as assert from 'uvu/assert'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { packageName } from '../conformance/suite.ts'

const service = `${packageName}.Members`

/** innkeeper.crdt.v1.View: an empty set, of which this is a part. */
const part = Uint8Array.of(8, 1, 18, 2, 34, 0, 24, 1)
const nobody = new Uint8Array()

/** `level text`, in order. */
export function told({ logs }: Outcome): readonly string[] {
  return logs.map(({ level, text }) => `${level} ${text}`)
}

export function checkTalkative(artefact: Artefact): void {
  const schema = loadSchema(artefact.description.descriptors)
  const script = schema.messages.get(`${packageName}.Script`)!
  const guest = load(artefact, defaultLimits, () => true).replicated!
  const command = (method: string, acts: Json): GuestCommand => ({
    method,
    payload: toMessage(schema, script, { id: 'a', acts, look: ['n'] }),
    metadata: [],
    nowMs: 1,
    seed: new Uint8Array(16),
  })
  const noted = [{ log: 'x' }, { note: 'n' }, { ask: 'STATE' }]

  // The reply is made once the operations are there, by deciding again: each line once.
  for (const [method, view] of [
    ['Do', nobody],
    ['Some', part],
  ] as const) {
    const one = command(method, noted)
    assert.is(guest.reads(service, one).length, method === 'Some' ? 1 : 0)
    const { answer } = guest.decide(service, 'a', view, one)
    assert.is(answer.kind, 'after', method)
    if (answer.kind !== 'after') return
    assert.equal(told(guest.render(service, 'a', view, one, answer.note)), ['info x'], method)
  }

  // Nothing to tell the subscriber, and something to say to the log.
  const { payload: note } = command('Open', [])
  const subscriptions = ['1', '2'].map((id) => ({ id, method: 'Open', note }))
  const steps = guest.changed(service, 'a', nobody, subscriptions, 1)
  const shown = steps.map(({ outcome }) => outcome && [outcome.answer.kind, ...told(outcome)])
  assert.equal(shown, [
    ['none', 'info changed'],
    ['none', 'info changed'],
  ])
  const { answer: left } = guest.cancelled(service, 'a', nobody, subscriptions[0]!, 1)
  assert.equal(left.kind === 'now' && told(left.outcome), ['warn left'])
}
