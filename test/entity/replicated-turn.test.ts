// Guards what a turn of a replicated entity comes to, as data: before anything is on disk, and before anybody hears of it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tellMax } from '../../host/entity/open-stream.ts'
import { writes } from '../../host/entity/turn.ts'
import { InnkeeperError } from '../../host/errors.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { Batch } from '../../host/journal/journal.ts'
import { bytes } from '../crdt/support.ts'
import { add, decides, deltaOf, effect, notes, refusal, Scene, says } from '../support/replicated-model.ts'

const origins = (plan: { readonly records: readonly { readonly origin: string; readonly revision: number }[] }) =>
  plan.records.map(({ origin, revision }) => `${revision} ${origin}`)
const throws = (fault: Error) => () => {
  throw fault
}

const Commands = suite('a turn of a replicated entity: commands')

Commands(
  'replicated/replicated.R1, deciding.D2: a change is one record with its delta, and its answer a step behind the commit',
  () => {
    const scene = new Scene()
    const plan = scene.plan(scene.command('a', () => decides({ operations: add(2), says: says('two') })))
    assert.equal(origins(plan), ['1 command'])
    assert.is(plan.records[0]!.change?.kind, 'delta')
    assert.equal(scene.steps(plan), ['reply to a: two'])
  },
)

Commands('replica-turn.T1, model.M2: planning writes nothing, tells no peer and answers nobody', () => {
  const scene = new Scene()
  scene.opened('one')
  scene.written.length = 0
  scene.plan(
    scene.command('a', () => decides({ operations: add(2) })),
    scene.left('s1'),
    scene.news(deltaOf('b', 1)),
  )
  assert.equal([scene.written, scene.published, scene.heard], [[], [], []])
})

Commands('§command-4: each command of a turn sees what the one before left, and revisions have no gaps', () => {
  const scene = new Scene()
  const seen: string[] = []
  const adds = (view: string) => {
    seen.push(view)
    return decides({ operations: add(1), says: says(view) })
  }
  const plan = scene.plan(scene.command('a', adds), scene.command('b', adds), scene.command('c', adds))
  assert.equal(seen, ['none', '1', '2'])
  assert.equal(origins(plan), ['1 command', '2 command', '3 command'])
  assert.is(plan.decided, 3)
})

Commands('§event-4: a command that only reads leaves nothing to write', () => {
  const scene = new Scene()
  const plan = scene.plan(scene.command('a', (view) => decides({ says: says(view) })))
  assert.not.ok(writes(plan))
  assert.equal(scene.steps(plan), ['reply to a: none'])
})

Commands('§replica-10: an answer can be rendered from the value after the operations', () => {
  const scene = new Scene()
  const after = { kind: 'after', note: bytes('n') } as const
  const plan = scene.plan(scene.command('a', () => decides({ operations: add(7), answer: after })))
  assert.equal(scene.steps(plan), ['reply to a: 7'])
})

Commands(
  '§refusal-2, deciding.D1: a refusal leaves the value, no record and no effect, also one that is rendered',
  () => {
    const scene = new Scene()
    const rendered = { kind: 'after', note: bytes('refuse') } as const
    const plan = scene.plan(
      scene.command('a', () => decides({ operations: add(5), says: says(refusal, [effect('E')]) })),
      scene.command('b', () => decides({ operations: add(5), answer: rendered })),
    )
    assert.not.ok(writes(plan))
    assert.equal(scene.steps(plan), ['refuse a: no', 'refuse b: no'])
    assert.is(scene.sum, 'none')
  },
)

Commands('§fault-1: a fault is a note for the log and a failed answer, and its neighbours go on', () => {
  const scene = new Scene()
  const plan = scene.plan(
    scene.command('a', throws(new GuestFault('trap', 'boom'))),
    scene.command('b', () => decides({ operations: bytes('no operations') })),
    scene.command('c', () => decides({ operations: add(1) })),
  )
  assert.equal(scene.steps(plan), ['fail a: guest_fault', 'fail b: guest_fault', 'reply to c: ok'])
  assert.equal(notes(plan), ['a function failed: trap', 'a function failed: malformed'])
  assert.equal(origins(plan), ['1 command'])
  assert.is(scene.sum, '1')
})

Commands('§fault-7: a value past its bound is refused, which is no fault of the function, and the value stays', () => {
  const scene = new Scene({ limits: { stateBytesMax: 1 } })
  const plan = scene.plan(scene.command('a', () => decides({ operations: add(1) })))
  assert.equal([scene.steps(plan), notes(plan), plan.records], [['fail a: state_too_large'], [], []])
  assert.is(scene.sum, 'none')
})

Commands('§limit-10: what finds no room on the disk is refused and leaves the value; what only reads is not', () => {
  const scene = new Scene()
  scene.full = new InnkeeperError('storage_quota', 'full')
  const plan = scene.plan(
    scene.command('a', () => decides({ operations: add(1) })),
    scene.command('b', (view) => decides({ says: says(view) })),
  )
  assert.equal([scene.steps(plan), plan.records], [['fail a: storage_quota', 'reply to b: none'], []])
})

Commands('§idempotency-1: what was changed under a key is remembered with its answer, since deltas do not stay', () => {
  const scene = new Scene()
  const plan = scene.plan(
    scene.command('a', () => decides({ operations: add(1), says: says('one') }), { idempotencyKey: 'k' }),
    scene.command('b', () => decides(), { idempotencyKey: 'l' }),
  )
  assert.equal(
    plan.remembered.map(({ key, entry }) => [key, entry.revision, entry.atMs, entry.final?.kind]),
    [['k', 1, 77, 'message']],
  )
})

Commands('a bug of the host is no fault of the function: nothing of the turn is planned', () => {
  const scene = new Scene()
  assert.throws(() => scene.plan(scene.command('a', throws(new TypeError('ours')))), /ours/)
})

Commands('replicated.R5: a turn that took its time leaves the rest for the next one', () => {
  const scene = new Scene()
  const slow = () => {
    scene.steadyMs += 3
    return decides()
  }
  const plan = scene.plan(scene.command('a', slow), scene.command('b', slow), scene.command('c', slow))
  assert.equal([plan.decided, scene.untaken], [2, 1])
})

Commands.run()

const Streams = suite('a turn of a replicated entity: streams')

Streams('replicated.R3, §subscription-1: a stream opens with its commit, its answer is told first', () => {
  const scene = new Scene()
  const plan = scene.plan(scene.open('one', () => decides({ says: says('hello'), subscribe: bytes('note') })))
  assert.equal(
    plan.subscribed.map(({ id, method, note }) => [id, method, Buffer.from(note).toString()]),
    [['s1', 'Open', 'note']],
  )
  assert.ok(writes(plan))
  assert.equal(scene.steps(plan), ['tell one: hello', 'open one as s1'])
  assert.is(scene.model.openStreams, 1)
})

Streams('§subscription-3: a method that streams and opens nothing ends with its answer', () => {
  const scene = new Scene()
  const plan = scene.plan(scene.open('one', () => decides({ says: says('all') })))
  assert.equal([scene.steps(plan), plan.subscribed], [['tell one: all', 'finish one'], []])
})

Streams(
  'replicated/replicated.R2: a change is told behind its reply, to all that were open before and not to the one that made it',
  () => {
    const scene = new Scene()
    scene.opened('one', 'two')
    const plan = scene.plan(
      scene.open('three', () => decides({ operations: add(1), says: says('mine'), subscribe: bytes('') })),
      scene.command('a', () => decides({ operations: add(1) })),
    )
    assert.equal(scene.steps(plan), [
      'tell three: mine',
      'open three as s3',
      'tell one: 1',
      'tell two: 1',
      'reply to a: ok',
      'tell one: 2',
      'tell two: 2',
      'tell three: 2',
    ])
  },
)

Streams('of what is told the effects are recorded, each with the stream that caused them', () => {
  const scene = new Scene()
  scene.opened('one')
  scene.guest.tells = () => ({ outcome: says('news', [effect('E')]) })
  const plan = scene.plan(scene.command('a', () => decides({ operations: add(1) })))
  assert.equal(origins(plan), ['1 command', '2 changed'])
  assert.equal(
    plan.enqueued.map(({ cause, call }) => [cause.revision, call.method]),
    [[2, 'E']],
  )
  assert.equal(scene.steps(plan), ['reply to a: ok', 'tell one: news and E'])
})

Streams(
  '§subscription-4, §subscription-5: a message with an end, and a refusal, end the stream in the same commit',
  () => {
    const scene = new Scene()
    scene.opened('one', 'two', 'three')
    scene.guest.tells = (_view, { id }) => {
      if (id === 's1') return { outcome: says('bye'), end: true }
      return id === 's2' ? { outcome: says(refusal) } : {}
    }
    const plan = scene.commit(scene.command('a', () => decides({ operations: add(1) })))
    assert.equal(scene.steps(plan), [
      'reply to a: ok',
      'tell one: bye',
      'finish one',
      'tell two: failure',
      'finish two',
    ])
    assert.equal(plan.unsubscribed, ['s1', 's2'])
    assert.is(scene.model.openStreams, 1)
    assert.equal(scene.commit(scene.left('s1')).unsubscribed, [])
  },
)

Streams('a stream that opens and ends in one turn is written, and taken out again behind that', () => {
  const scene = new Scene()
  scene.guest.tells = () => ({ outcome: says('bye'), end: true })
  const plan = scene.commit(
    scene.open('one', () => decides({ subscribe: bytes('') })),
    scene.command('a', () => decides({ operations: add(1) })),
  )
  assert.equal(scene.written, ['record 1 command', 'subscribe s1', 'unsubscribe s1'])
  assert.equal(scene.steps(plan), ['tell one: ok', 'open one as s1', 'reply to a: ok', 'tell one: bye', 'finish one'])
})

Streams(
  '§subscription-6: a client that left is heard of once: its operations count, its effects run, others are told',
  () => {
    const scene = new Scene()
    scene.opened('one', 'two')
    scene.guest.cancels = () => decides({ operations: add(3), says: says({ kind: 'none' }, [effect('E')]) })
    const plan = scene.commit(scene.left('s1'), scene.left('s1'))
    assert.equal(origins(plan), ['1 cancelled'])
    assert.equal(plan.unsubscribed, ['s1'])
    assert.equal(scene.steps(plan), ['tell two: 3', 'start E'])
  },
)

Streams('leaving.L1: a function that fails to hear of it is asked twice, and the stream is gone all the same', () => {
  const scene = new Scene()
  scene.opened('one')
  scene.guest.cancels = throws(new GuestFault('trap', 'boom'))
  const plan = scene.plan(scene.left('s1'))
  const what = 'a function failed to hear that a client left: trap'
  assert.equal([notes(plan), plan.unsubscribed, plan.records], [[what, what], ['s1'], []])
  scene.guest.asked.length = 0
  assert.equal([scene.plan(scene.left('s1')).unsubscribed, scene.guest.asked], [[], []])
})

Streams('§subscription-7: subscriptions that are found on disk are left over, to be cancelled first', () => {
  const scene = new Scene({ left: ['x', 'y'] })
  assert.equal(scene.model.leftOver, [scene.left('x'), scene.left('y')])
  scene.guest.cancels = () => decides({ operations: add(1), says: says({ kind: 'none' }) })
  const plan = scene.plan(...scene.model.leftOver)
  assert.equal(
    [origins(plan), plan.unsubscribed],
    [
      ['1 cancelled', '2 cancelled'],
      ['x', 'y'],
    ],
  )
  assert.is(scene.model.openStreams, 0)
})

Streams(
  'an effect that opens a stream has nobody to listen: the function hears that it left, and nothing is subscribed',
  () => {
    const scene = new Scene()
    const opens = scene.open('one', () => decides({ subscribe: bytes('') }))
    const plan = scene.plan({ ...opens, stream: undefined })
    assert.equal([plan.subscribed, plan.unsubscribed], [[], ['s1']])
    assert.equal(scene.guest.asked, ['decide one', 'cancelled s1'])
  },
)

Streams('a stream that is opened by a method that answers once is a fault', () => {
  const scene = new Scene()
  const plan = scene.plan(scene.command('a', () => decides({ operations: add(1), subscribe: bytes('') })))
  assert.equal([scene.steps(plan), notes(plan)], [['fail a: guest_fault'], ['a function failed: malformed']])
  assert.is(scene.sum, 'none')
})

Streams('§limit-6: a request and a note that are too long together open no stream', () => {
  const scene = new Scene({ limits: { subscriptionBytesMax: 4 } })
  const plan = scene.plan(
    scene.open('one', () => decides({ subscribe: bytes('12') })),
    scene.open('longer', () => decides({ subscribe: bytes('') })),
    scene.open('two', () => decides({ subscribe: bytes('1') })),
  )
  assert.equal(scene.steps(plan), [
    'fail one: state_too_large',
    'fail longer: message_too_large',
    'tell two: ok',
    'open two as s1',
  ])
})

Streams(
  '§subscription-10, telling.T3: a function that fails to tell cuts off whom it was to tell, and the change stays',
  () => {
    const scene = new Scene()
    scene.opened('one', 'two')
    scene.guest.tells = throws(new GuestFault('trap', 'boom'))
    const plan = scene.commit(scene.command('a', () => decides({ operations: add(1) })))
    assert.equal(scene.steps(plan), ['reply to a: ok', 'cut one: guest_fault', 'cut two: guest_fault'])
    assert.equal(notes(plan), ['a function failed to tell its subscribers: trap'])
    // That they left comes as work of its own.
    assert.equal([origins(plan), plan.unsubscribed, scene.model.openStreams], [['1 command'], [], 2])
  },
)

Streams('replicated.R5, telling.T1: many hear in several turns, and nothing else is decided until all have', () => {
  const scene = new Scene()
  const count = 2 * tellMax + 5
  for (let at = 0; at < count; at += tellMax)
    scene.opened(...Array.from({ length: Math.min(tellMax, count - at) }, (_, one) => `c${at + one}`))
  const told: number[] = []
  const next = scene.command('b', () => decides())
  let plan = scene.commit(
    scene.command('a', () => decides({ operations: add(1) })),
    next,
  )
  assert.equal([scene.steps(plan)[0], scene.untaken], ['reply to a: ok', 1])
  told.push(plan.steps.length - 1)
  while (scene.model.due) {
    plan = scene.commit(next)
    told.push(plan.steps.filter(({ kind }) => kind === 'tell').length)
  }
  assert.equal(told, [tellMax, tellMax, 5])
  assert.equal([scene.steps(plan).at(-1), scene.untaken], ['reply to b: ok', 0])
})

Streams('who sees a part of the value is told by a call of its own', () => {
  const scene = new Scene({ view: { kind: 'nothing' } })
  scene.opened('one', 'two')
  scene.guest.asked.length = 0
  scene.plan(scene.command('a', () => decides({ operations: add(1) })))
  assert.equal(scene.guest.asked, ['decide a', 'changed s1', 'changed s2'])
})

Streams.run()

const Deletion = suite('a turn of a replicated entity: deletion')

Deletion(
  '§replica-8, replicated.R6: streams hear of the value before behind the reply, and end; commands hear NOT_FOUND',
  () => {
    const scene = new Scene()
    scene.opened('one', 'two')
    const plan = scene.commit(
      scene.command('a', () => decides({ operations: add(4), says: says('gone'), delete: true })),
      scene.command('b', () => decides()),
    )
    assert.equal(scene.steps(plan), [
      'reply to a: gone',
      'tell one: 4',
      'tell two: 4',
      'finish one,two',
      'refuse b: Entity deleted',
    ])
    assert.equal([origins(plan), plan.unsubscribed], [['1 command'], ['s1', 's2']])
    assert.is(scene.model.openStreams, 0)
  },
)

Deletion('§replica-8: those who were still to hear do so in later turns, of the value before, and then end', () => {
  const scene = new Scene()
  scene.opened(...Array.from({ length: tellMax }, (_, at) => `c${at}`))
  scene.opened('last')
  const plan = scene.commit(scene.command('a', () => decides({ operations: add(4), delete: true })))
  assert.equal([plan.steps.length, plan.unsubscribed, scene.model.due], [1 + tellMax, [], true])
  const later = scene.commit()
  assert.is(scene.steps(later)[0], 'tell last: 4')
  assert.equal([later.steps[1]?.kind, later.unsubscribed.length, scene.model.due], ['finish', tellMax + 1, false])
})

Deletion('§replica-8: so do those who see a part of the value, each of whom is shown it in a call of its own', () => {
  const scene = new Scene({ view: { kind: 'nothing' } })
  scene.opened(...Array.from({ length: tellMax }, (_, at) => `c${at}`))
  scene.opened('last')
  scene.commit(scene.command('a', () => decides({ operations: add(4), delete: true })))
  assert.is(scene.steps(scene.commit())[0], 'tell last: hidden')
})

Deletion('a client that left may delete, and one that left a deleted entity is not heard of', () => {
  const scene = new Scene()
  scene.opened('one', 'two')
  scene.guest.cancels = () => decides({ says: says({ kind: 'none' }), delete: true })
  const plan = scene.commit(scene.left('s1'))
  assert.equal([origins(plan), plan.unsubscribed], [['1 cancelled'], ['s1', 's2']])
  assert.equal(scene.steps(plan), ['finish two'])
})

Deletion.run()

const Peers = suite('a turn of a replicated entity: peers')

Peers('replicas.P1: what was done here goes out once it is on disk, in its order', () => {
  const scene = new Scene()
  const adds = () => decides({ operations: add(1) })
  const plan = scene.plan(scene.command('a', adds), scene.command('b', adds))
  scene.model.write({ append() {} } as unknown as Batch, plan)
  assert.equal(scene.published, [])
  scene.model.apply(plan)
  const deltas = plan.records.map(({ change }) => (change?.kind === 'delta' ? change.delta : undefined))
  assert.equal([scene.published, deltas.length], [deltas, 2])
})

Peers(
  'replicas.P2, §replica-11: a delta of a peer is recorded, told to streams, acknowledged behind the commit, and not sent on',
  () => {
    const scene = new Scene()
    scene.opened('one')
    const plan = scene.commit(
      scene.news(deltaOf('b', 6)),
      scene.command('a', () => decides({ operations: add(1) })),
    )
    assert.equal(origins(plan), ['1 peer', '2 command'])
    assert.equal(scene.steps(plan), ['learned', 'tell one: 6', 'reply to a: ok', 'tell one: 7'])
    const own = plan.records[1]!.change
    assert.equal(scene.published, own?.kind === 'delta' ? [own.delta] : [])
  },
)

Peers('what a peer says again is acknowledged and not recorded; what is no delta is refused', () => {
  const scene = new Scene()
  scene.commit(scene.news(deltaOf('b', 6)))
  const plan = scene.plan(scene.news(deltaOf('b', 6)), scene.news(bytes('no delta')))
  assert.not.ok(writes(plan))
  assert.equal(scene.steps(plan), ['learned', 'learned nothing: bad_request'])
})

Peers.run()
