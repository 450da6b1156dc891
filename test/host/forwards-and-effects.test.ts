// Guards effects and forwards across kinds of services (§effect, §forward, §idempotency-6): once, in order, awaited, tried again, parked.

import http2 from 'node:http2'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Answer } from '../../host/command.ts'
import { backOffMs } from '../../host/delivery/outbox.ts'
import type { Host } from '../../host/main.ts'
import type { Write } from '../../host/storage/kv.ts'
import { MemoryKv } from '../../host/store/memory.ts'
import { fixture } from '../support/components.ts'
import { http, temporary, testHost } from '../support/host.ts'
import type { Answered } from '../support/scripted.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

/** Writes fail while it says so, and nothing of them is done. */
class FailingKv extends MemoryKv {
  failing = false
  /** The next commit that takes an effect out of the outbox is done, and fails all the same. */
  failingArrival = false

  override write(writes: readonly Write[]): void {
    if (this.failing) throw new Error('no space left on device')
    super.write(writes)
    if (!this.failingArrival || !writes.some(([column, , value]) => column === 'outbox' && value === undefined)) return
    this.failingArrival = false
    this.failing = true
    throw new Error('input/output error')
  }

  override async reopen(): Promise<void> {
    if (this.failing) throw new Error('still failing')
  }
}

const kv = new FailingKv()
const store = memoryStore(undefined, { kv })
const data = temporary()
/** Time that the test can let pass. */
let ahead = 0
/** How `gated` refuses before its time. */
const notYet = 'refused with UNAVAILABLE: not yet'

const clock = { ...systemClock, now: () => Date.now() + ahead, steady: () => performance.now() }
const host: Host = await testHost(data.path, {}, { store, clock })
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await fixture('odd')).bytes)).ok)
const client = new ScriptClient(host.listen)

const value = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(values, 'Do', id, code, headers)
const act = (code: string, headers: Record<string, string> = {}) => client.call(actions, 'Do', '', code, headers)
const replica = (id: string, code: string, headers: Record<string, string> = {}) =>
  client.call(replicas, 'Do', id, code, headers)

const text = (code: string) => JSON.stringify(code)
/** One more, and the count as the answer. */
const count = 'const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n) }'
const put = (what: string) => `return { change: { updated: '${what}' }, outcome: say('') }`
const show = async (id: string): Promise<string> =>
  (await value(id, 'return { outcome: say(value ?? "nothing") }')).text
/** Counts once the value of it is "open"; refuses before. */
const gated = `if (value === undefined) return { outcome: refuse('unavailable', 'not yet') }; ${count}`
const effects = async () => (await http(host.admin, 'GET', '/v1/effects')).json.effects
const change = { 'content-type': 'application/json' }

async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
const settled = () => until(async () => (await effects()).length === 0)

const Once = suite('effects arrive once')

Once('§effect-15: an effect given up by hand while it waits for its next try is not tried again', async () => {
  await value('drop', `return { outcome: say('', { effects: [effect('Values', 'Do', 'dropped', ${text(gated)})] }) }`)
  await until(async () => (await effects())[0]?.attempts === 2)
  const [{ id }] = await effects()
  assert.is((await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, change)).status, 200)
  await value('dropped', put('0'))
  // Longer than the wait that was under way.
  await new Promise((resolve) => setTimeout(resolve, 800))
  assert.is(await show('dropped'), '0')
})

Once(
  '§effect-1, §storage-2: an effect that waits for its next try while storage fails and comes back arrives once',
  async () => {
    await value('sf', `return { outcome: say('', { effects: [effect('Values', 'Do', 'sf-target', ${text(gated)})] }) }`)
    await until(async () => (await effects())[0]?.attempts === 2)
    kv.failing = true
    assert.is((await value('sf-other', put('x'))).code, 14)
    kv.failing = false
    await until(async () => (await http(host.admin, 'GET', '/readyz')).status === 200)
    await value('sf-target', put('0'))
    await settled()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    assert.is(await show('sf-target'), '1')
  },
)

Once(
  '§effect-1: an effect whose target waits for effects of its own, longer than a try may take, arrives once',
  async () => {
    // The target accepts, and then waits for an effect that is refused again and again.
    const target = `const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: say(n, { effects: [effect('Values', 'Do', 'slow-last', ${text(gated)}, true)] }) }`
    await value(
      'slow',
      `return { outcome: say('', { effects: [effect('Values', 'Do', 'slow-target', ${text(target)})] }) }`,
    )
    await until(async () => (await show('slow-target')) === '1')
    ahead = 61_000
    await new Promise((resolve) => setTimeout(resolve, 700))
    ahead = 0
    await value('slow-last', put('0'))
    await settled()
    assert.equal([await show('slow-target'), await show('slow-last')], ['1', '1'])
  },
)

Once(
  '§effect-1, §forward-7: a target that forwards after effects that take longer than a try, decides once',
  async () => {
    const target = `const n = String(Number(value ?? 0) + 1); return { change: { updated: n }, outcome: forward('Values', 'Do', 'fslow-end', ${text(count)}, { effects: [effect('Values', 'Do', 'fslow-last', ${text(gated)}, true)] }) }`
    await value(
      'fslow',
      `return { outcome: say('', { effects: [effect('Values', 'Do', 'fslow-target', ${text(target)})] }) }`,
    )
    await until(async () => (await show('fslow-target')) === '1')
    ahead = 61_000
    await new Promise((resolve) => setTimeout(resolve, 700))
    ahead = 0
    await value('fslow-last', put('0'))
    await settled()
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal([await show('fslow-target'), await show('fslow-last'), await show('fslow-end')], ['1', '1', '1'])
  },
)

Once(
  '§effect-1, §storage-1: an effect whose arrival is on disk though its commit failed is not delivered again',
  async () => {
    const replicaCount = "return { operations: [increment(1)], answer: say('') }"
    const forwards = `return { outcome: forward('Values', 'Do', 'af-end', ${text(count)}) }`
    for (const [target, shown] of [
      [`effect('Values', 'Do', 'af', ${text(count)})`, () => show('af')],
      [
        `effect('Replicas', 'Do', 'af', ${text(replicaCount)})`,
        async () => (await replica('af', 'return { answer: say(view.value.counter) }')).text,
      ],
      [`effect('Values', 'Do', 'af-from', ${text(forwards)})`, () => show('af-end')],
    ] as const) {
      kv.failingArrival = true
      assert.is((await act(`return say('', { effects: [${target}] })`)).code, 0)
      await until(() => kv.failing)
      // Longer than the first wait for a next try.
      await new Promise((resolve) => setTimeout(resolve, 250))
      kv.failing = false
      await until(async () => (await http(host.admin, 'GET', '/readyz')).status === 200)
      await settled()
      await new Promise((resolve) => setTimeout(resolve, 700))
      assert.is(await shown(), '1', target)
    }
  },
)

Once(
  '§effect-1, §storage-2: effects that wait behind a client that does not read arrive once, also when storage fails meanwhile',
  async () => {
    const session = http2.connect(`http://${host.listen}`, { settings: { initialWindowSize: 0 } })
    session.on('error', () => {})
    const request = session.request({
      ':method': 'POST',
      ':path': `/${actions}/Out`,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    request.on('error', () => {})
    // More elements than the host keeps for a client: the last one waits with its effect.
    const elements = `...Array.from({ length: 70 }, () => say('a')), say('b', { effects: [effect('Values', 'Do', 'behind', ${text(count)})] })`
    const payload = script(
      '',
      `return { outputs: [${elements}, say('c', { effects: [effect('Values', 'Do', 'behind', ${text(count)})] })], done: true }`,
    )
    const frame = Buffer.concat([Buffer.alloc(5), payload])
    frame.writeUInt32BE(payload.length, 1)
    request.end(frame)
    await until(async () => (await effects()).length > 0)
    kv.failing = true
    assert.is((await value('behind-other', put('x'))).code, 14)
    kv.failing = false
    await until(async () => (await http(host.admin, 'GET', '/readyz')).status === 200)
    await settled()
    assert.is(await show('behind'), '2')
    session.destroy()
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.is(await show('behind'), '2')
  },
)

const Effects = suite('effects of every kind')

/** An outcome of each kind that causes these effects; what stands for the accepted change is counted in `id`. */
const causes: Record<string, (id: string, effects: string) => Promise<Answered>> = {
  value: (id, effects) =>
    value(id, `return { change: { updated: 'changed' }, outcome: say('done', { effects: [${effects}] }) }`),
  replica: (id, effects) =>
    replica(id, `return { operations: [increment(1)], answer: say('done', { effects: [${effects}] }) }`),
  rendered: (id, effects) =>
    replica(
      id,
      `return { operations: [increment(1)], answer: { after: ${text(`return say('done', { effects: [${effects}] })`)} } }`,
    ),
  action: (_id, effects) => act(`return say('done', { effects: [${effects}] })`),
  element: async (_id, effects) => {
    const stream = client.listen(
      actions,
      'Out',
      '',
      `return { outputs: [say('done', { effects: [${effects}] })], done: true }`,
    )
    return { code: await stream.ended(), message: '', text: stream.texts[0] ?? '' }
  },
  opening: async (id, effects) => {
    const code = `return { operations: [increment(1)], answer: say('done', { effects: [${effects}] }), subscribe: {} }`
    const stream = client.listen(replicas, 'Open', id, code)
    const [first] = await stream.until(1)
    stream.cancel()
    return { code: 0, message: '', text: first! }
  },
}
const append = (letter: string) => `return { change: { updated: (value ?? '') + '${letter}' }, outcome: say('') }`
const appendTo = (id: string, letter: string, synchronous: boolean) =>
  `effect('Values', 'Do', '${id}', ${text(append(letter))}, ${synchronous})`
const done = { code: 0, message: '', text: 'done' }

for (const [kind, cause] of Object.entries(causes)) {
  Effects(
    `perform.P1, §command-2, §effect-2: ${kind}: in list order, synchronous ones to their end before the next and before the answer`,
    async () => {
      // The first waits itself for an effect of its target, which forwards: all of that is its end.
      const last = `return { outcome: forward('Actions', 'Do', '', ${text(`return say('', { effects: [${appendTo(`o-${kind}`, 'b', true)}] })`)}, { effects: [${appendTo(`o-${kind}`, 'a', true)}] }) }`
      const first = `effect('Values', 'Do', 'o-${kind}-first', ${text(last)}, true)`
      const rest = `${appendTo(`o-${kind}`, 'c', true)}, ${appendTo(`o-${kind}`, 'd', false)}, ${appendTo(`o-${kind}`, 'e', true)}`
      assert.equal(await cause(`c-${kind}`, `${first}, ${rest}`), done)
      assert.is(await show(`o-${kind}`), 'abcde')
      await settled()
    },
  )

  Effects(
    `§effect-3, §effect-5: ${kind}: one that is refused or unknown changes no answer, waited for or not; unknown ones are parked at once`,
    async () => {
      for (const synchronous of [true, false]) {
        const unknown = `effect('no.such.Service', 'Do', '', '', ${synchronous})`
        const unknownMethod = `effect('Values', 'Fly', '', '', ${synchronous})`
        const after = appendTo(`u-${kind}`, 'x', true)
        assert.equal(await cause(`u-${kind}-cause`, `${unknown}, ${unknownMethod}, ${after}`), done)
      }
      assert.is(await show(`u-${kind}`), 'xx')
      const parked = (await effects()).map(({ parked }: { parked: string }) => parked.split(';')[0])
      const [service, method] = ['no service no.such.Service is deployed', 'test.script.v1.Values has no method Fly']
      assert.equal(parked, [service, method, service, method])
      await dropAll()
    },
  )
}

Effects(
  '§effect-4, §effect-6, outbox.O3: what may pass is tried again, then parked and listed; nobody waits for it longer; by hand it goes on',
  async () => {
    const waits = backOffMs as unknown as number[]
    const before = [...waits]
    // The waits of the real one are a minute long.
    waits.fill(10)
    try {
      const stubborn = `effect('Values', 'Do', 'park', ${text(gated)}, true)`
      assert.equal(await causes['value']!('park-cause', `${stubborn}, ${appendTo('park-next', 'x', true)}`), done)
      assert.is(await show('park-next'), 'x')
      const [entry, ...others] = await effects()
      assert.equal(others, [])
      assert.equal(
        [entry.parked, entry.attempts, entry.to, entry.cause.service, entry.cause.entity, entry.synchronous],
        [notYet, before.length, `${values}/Do`, values, 'park-cause', true],
      )
      const retry = () => http(host.admin, 'POST', `/v1/effects/${entry.id}/retry`, {})
      const failed = (await retry()).json
      assert.equal([failed.id, failed.became, failed.reason], [entry.id, 'waiting', notYet])
      await until(async () => (await effects())[0]?.parked === notYet)
      await value('park', put('0'))
      assert.is((await retry()).json.became, 'delivered')
      assert.equal(await effects(), [])
      assert.is(await show('park'), '1')
      assert.is((await retry()).status, 404)
    } finally {
      waits.splice(0, before.length, ...before)
    }
  },
)

Effects(
  '§effect-5, outbox.O3: any other refusal, and a fault, is an answer: parked at once with its reason, and nobody waits',
  async () => {
    const refusing = (code: string) => `return { outcome: refuse('${code}', 'no ${code}') }`
    for (const [code, name] of [
      ['invalid-argument', 'INVALID_ARGUMENT'],
      ['not-found', 'NOT_FOUND'],
      ['already-exists', 'ALREADY_EXISTS'],
      ['permission-denied', 'PERMISSION_DENIED'],
      ['failed-precondition', 'FAILED_PRECONDITION'],
      ['unknown', 'UNKNOWN'],
    ]) {
      const began = performance.now()
      const refused = `effect('Values', 'Do', 'refuses', ${text(refusing(code!))}, true)`
      assert.equal(await causes['value']!('asks', `${refused}, ${appendTo(`asked-${code}`, 'x', true)}`), done)
      // Not one back-off was waited for.
      assert.ok(performance.now() - began < backOffMs.reduce((sum: number, wait) => sum + wait, 0), code)
      assert.is(await show(`asked-${code}`), 'x')
      const [entry, ...others] = await effects()
      assert.equal([entry.parked, entry.attempts, others], [`refused with ${name}: no ${code}`, 0, []])
      await dropAll()
    }
    assert.equal(await causes['value']!('asks', `effect('Values', 'Do', 'faults', 'throw new Error()', true)`), done)
    assert.match((await effects())[0].parked, /^the function failed \(request effect-\d+\)$/)
    await dropAll()
  },
)

for (const [kind, target] of Object.entries({
  value: (code: string) => `effect('Values', 'Do', 'alike', ${text(`return { outcome: refuse('${code}', 'no') }`)})`,
  replica: (code: string) => `effect('Replicas', 'Do', 'alike', ${text(`return { answer: refuse('${code}', 'no') }`)})`,
  action: (code: string) => `effect('Actions', 'Do', '', ${text(`return refuse('${code}', 'no')`)})`,
}))
  Effects(
    `§effect-4, §effect-5: ${kind} as the target: what may pass is tried again, any other refusal is parked at once`,
    async () => {
      const waits = backOffMs as unknown as number[]
      const before = [...waits]
      waits.fill(1)
      try {
        for (const [tries, codes] of [
          [before.length, ['unavailable', 'aborted', 'resource-exhausted', 'deadline-exceeded']],
          [
            0,
            ['invalid-argument', 'not-found', 'already-exists', 'permission-denied', 'unauthenticated', 'out-of-range'],
          ],
          [0, ['failed-precondition', 'unimplemented', 'cancelled', 'unknown', 'internal', 'data-loss']],
        ] as const)
          for (const code of codes) {
            assert.is((await act(`return say('', { effects: [${target(code)}] })`)).code, 0)
            await until(async () => typeof (await effects())[0]?.parked === 'string')
            const [{ parked, attempts }, ...others] = await effects()
            const name = code.toUpperCase().replaceAll('-', '_')
            assert.equal([parked, attempts, others], [`refused with ${name}: no`, tries, []])
            await dropAll()
          }
      } finally {
        waits.splice(0, before.length, ...before)
      }
    },
  )

Effects('§effect-14: --retry-all tries all that are parked, and says what became of them', async () => {
  const once =
    "return value === 'open' ? { change: { updated: 'in' }, outcome: say('') } : { outcome: refuse('not-found', 'shut') }"
  for (const id of ['all-1', 'all-2']) await causes['value']!('all', `effect('Values', 'Do', '${id}', ${text(once)})`)
  await causes['value']!('all', "effect('no.such.Service', 'Do', '', '')")
  await until(
    async () => (await effects()).filter(({ parked }: { parked: string | null }) => parked !== null).length === 3,
  )
  await value('all-1', put('open'))
  const { json } = await http(host.admin, 'POST', '/v1/effects/retry', {})
  assert.equal([json.retried, json.delivered, json.parked, json.waiting, json.still.length], [3, 1, 2, 0, 2])
  assert.is(await show('all-1'), 'in')
  assert.is((await http(host.admin, 'POST', '/v1/effects/retry?service=nobody', {})).json.retried, 0)
  await dropAll()
})

Effects('§effect-6: a caller does not wait for one past its deadline; it arrives later', async () => {
  const stubborn = `effect('Values', 'Do', 'late', ${text(gated)}, true)`
  const answer = new Promise<Answer>((resolve) => {
    const code = `return { change: { updated: 'stored' }, outcome: say('done', { effects: [${stubborn}] }) }`
    const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'late', effect: undefined }
    const payload = script('late-cause', code)
    host.dispatch({ service: values, method: 'Do', payload, deadlineMs: clock.now() + 300, ...common }, resolve)
  })
  const { kind } = await answer
  assert.ok(kind === 'reply' || kind === 'error')
  assert.is(await show('late-cause'), 'stored')
  await value('late', put('0'))
  await settled()
  assert.is(await show('late'), '1')
})

Effects('§effect-2: effects of a client that left are in order as well', async () => {
  const slow = `return { outcome: forward('Values', 'Do', 'left-slow', ${text(gated)}, { effects: [${appendTo('left-order', 'a', true)}] }) }`
  const list = `effect('Values', 'Do', 'left-first', ${text(slow)}, true), ${appendTo('left-order', 'b', true)}`
  const open = `return { answer: say('open'), subscribe: { cancelled: ${text(`return { answer: none({ effects: [${list}] }) }`)} } }`
  const stream = client.listen(replicas, 'Open', 'left', open)
  await stream.until(1)
  stream.cancel()
  await until(async () => (await show('left-order')) === 'a')
  await value('left-slow', put('0'))
  await settled()
  await until(async () => (await show('left-order')) === 'ab')
})

Effects('§effect-10: a chain of effects over all kinds ends after 16 hops, parked, saying so', async () => {
  // Each causes the next: value, replica, action, value, and so on.
  const circle = [
    "const kinds = ['Values', 'Replicas', 'Actions']",
    'const at = Number(/at=(\\d+)/.exec(self)[1])',
    "const list = { effects: [effect(kinds[(at + 1) % 3], 'Do', 'ring', self.replace(/at=\\d+/, 'at=' + (at + 1))), effect('Values', 'Do', 'ring-count', COUNT)] }",
    "if (at % 3 === 0) return { outcome: say('', list) }",
    "if (at % 3 === 1) return { answer: say('', list) }",
    "return say('', list) // at=0",
  ]
    .join('\n')
    .replace('COUNT', text(count))
  assert.is((await value('ring', circle)).code, 0)
  await until(
    async () =>
      (await effects()).length > 0 &&
      (await effects()).every(({ parked }: { parked: string | null }) => parked !== null),
  )
  const list = await effects()
  assert.ok(list.length >= 1)
  for (const { parked } of list) assert.match(parked, 'the chain has more than 16 forwards and side effects')
  assert.is(await show('ring-count'), '16')
  // By hand it begins a new chain, which ends after another 16.
  assert.is((await http(host.admin, 'POST', `/v1/effects/${list[0].id}/retry`, {})).json.became, 'delivered')
  await until(async () => (await show('ring-count')) === '32')
  await dropAll()
})

Effects('§effect-12: services of other components are the same thing', async () => {
  // AddRequest{ id: "x", amount: 5 }
  const add =
    "(() => { const call = to('test.odd.v1.Odd', 'Add', '', ''); call.payload = Uint8Array.from([10, 1, 120, 16, 5]); return call })()"
  const total = async () => (await http(host.listen, 'POST', '/odd/x/do', { what: 'read' })).json.total
  assert.is((await act(`return say('', { effects: [{ call: ${add}, synchronous: true }] })`)).code, 0)
  assert.is(await total(), '5')
  const forward = `const answer = forward('Values', 'Do', '', ''); answer.answer.val.val = ${add}; return answer`
  assert.is((await http(host.listen, 'POST', '/actions', { code: forward })).status, 200)
  assert.is(await total(), '10')
  assert.is(
    (await value('other', `return { outcome: say('', { effects: [{ call: ${add}, synchronous: true }] }) }`)).code,
    0,
  )
  assert.is(await total(), '15')
})

const Forwards = suite('forwards between kinds')

Forwards("§forward-8: a reply of another type than the caller's method declares is passed on as it is", async () => {
  // AddRequest{ id: "f8", amount: 5 }
  const add =
    "(() => { const call = to('test.odd.v1.Odd', 'Add', '', ''); call.payload = Uint8Array.from([10, 2, 102, 56, 16, 5]); return call })()"
  const payload = script(
    '',
    `const answer = forward('Values', 'Do', '', ''); answer.answer.val.val = ${add}; return answer`,
  )
  const common = { metadata: [], idempotencyKey: undefined, hops: 0, requestId: 'f8', effect: undefined }
  const answer = await new Promise<Answer>((resolve) =>
    host.dispatch({ service: actions, method: 'Do', payload, deadlineMs: clock.now() + 60_000, ...common }, resolve),
  )
  // Done{ total: 5, note: "added" }, where Do of the actions declares another message.
  assert.equal(answer.kind === 'reply' && [...answer.payload], [8, 5, 18, 5, ...Buffer.from('added')])
})

const forwards: Record<string, (id: string, to: string, headers?: Record<string, string>) => Promise<Answered>> = {
  value: (id, to, headers) =>
    value(id, `return { change: { updated: 'forwarded' }, outcome: forward(${to}) }`, headers),
  replica: (id, to, headers) => replica(id, `return { operations: [increment(1)], answer: forward(${to}) }`, headers),
  action: (_id, to, headers) => act(`return forward(${to})`, headers),
}
const targets: Record<string, (id: string, words: string, change: boolean) => string> = {
  value: (id, words, changes) =>
    `'Values', 'Do', '${id}', ${text(`${changes ? 'const n = String(Number(value ?? 0) + 1); ' : ''}return { ${changes ? 'change: { updated: n }, ' : ''}outcome: ${words} }`)}`,
  replica: (id, words, changes) =>
    `'Replicas', 'Do', '${id}', ${text(`${changes ? 'const n = Number(view.value?.counter ?? 0) + 1; ' : ''}return { ${changes ? 'operations: [increment(1)], ' : ''}answer: ${words} }`)}`,
}

for (const [from, start] of Object.entries(forwards)) {
  for (const [to, target] of Object.entries(targets)) {
    Forwards(
      `§idempotency-6: ${from} to ${to}: under a key the target decides once, and its answer is given again`,
      async () => {
        const id = `k-${from}-${to}`
        const call = target(`${id}-target`, "say('answer ' + n)", true)
        for (let time = 0; time < 3; time++)
          assert.is((await start(id, call, { 'idempotency-key': 'key' })).text, 'answer 1')
        assert.is((await start(id, call, { 'idempotency-key': 'other' })).text, 'answer 2')
      },
    )

    Forwards(
      `§forward-1, §forward-2: ${from} to ${to}: a refusal is the caller's answer, with its code and metadata, and undoes nothing`,
      async () => {
        const id = `r-${from}-${to}`
        const call = target(
          `${id}-target`,
          "refuse('out-of-range', 'too far', { metadata: [['x-why', 'because']] })",
          false,
        )
        assert.equal(await start(id, call), { code: 11, message: 'too far', text: '' })
        if (from === 'value') assert.is(await show(id), 'forwarded')
        if (from === 'replica') assert.is((await replica(id, 'return { answer: say(view.value.counter) }')).text, '1')
      },
    )
  }

  Forwards(
    `§forward-4: ${from}: a circle of forwards is FAILED_PRECONDITION, saying so, and 400 over HTTP`,
    async () => {
      const circle = [
        "const kinds = ['Values', 'Replicas', 'Actions']",
        'const at = Number(/at=(\\d+)/.exec(self)[1])',
        "const next = forward(kinds[(at + 1) % 3], 'Do', 'ring', self.replace(/at=\\d+/, 'at=' + (at + 1)))",
        'if (at % 3 === 0) return { outcome: next }',
        'if (at % 3 === 1) return { answer: next }',
        `return next // at=${Object.keys(forwards).indexOf(from)}`,
      ].join('\n')
      const paths: Record<string, [string, string]> = {
        value: [values, '/values/ring'],
        replica: [replicas, '/replicas/ring'],
        action: [actions, '/actions'],
      }
      const [service, path] = paths[from]!
      const message = 'the chain has more than 16 forwards and side effects; look for a circle'
      assert.equal(await client.call(service, 'Do', 'ring', circle), { code: 9, message, text: '' })
      const { status, json } = await http(host.listen, 'POST', path, { code: circle })
      assert.equal([status, json], [400, { code: 9, message, details: [] }])
    },
  )

  Forwards(
    `§forward-3: ${from}: an unknown target is INTERNAL, without its name, after what was decided is stored`,
    async () => {
      const answer = await start(`un-${from}`, "'no.such.Service', 'Do', '', ''")
      assert.is(answer.code, 13)
      assert.match(
        answer.message,
        /^the function forwards to a service or method that is not deployed \(request [\w-]+\)$/,
      )
      assert.is((await start(`un-${from}`, "'Values', 'Fly', '', ''")).code, 13)
      if (from === 'value') assert.is(await show(`un-${from}`), 'forwarded')
    },
  )

  Forwards(`§forward-2: ${from}: synchronous effects end before the forward`, async () => {
    const call = `'Values', 'Do', 'fe-${from}', ${text(append('z'))}, { effects: [${appendTo(`fe-${from}`, 'a', true)}] }`
    assert.is((await start(`fe-${from}-cause`, call)).code, 0)
    assert.is(await show(`fe-${from}`), 'az')
  })

  Forwards(`§metadata-4: ${from}: the target sees what the function put there, not what its caller sent`, async () => {
    const seen = "return { outcome: say(metadata, { metadata: [['x-said', 'by the target']] }) }"
    const call = `'Values', 'Do', 'md-${from}', ${text(seen)}`
    assert.is((await start(`md-${from}-from`, call, { 'x-mine': '1' })).text, '[]')
    const { headers } = await http(host.listen, 'POST', '/actions', {
      code: `return forward(${call}, { metadata: [['x-said', 'by the forwarder']] })`,
    })
    assert.is(headers.get('x-said'), 'by the target')
  })
}

Forwards('§forward-4: streams that forward to themselves end with FAILED_PRECONDITION', async () => {
  const out = client.listen(
    actions,
    'Out',
    '',
    "return { outputs: [say('a'), forward('Actions', 'Out', '', self)], done: true }",
  )
  assert.is(await out.ended(), 9)
  assert.is(out.texts.length, 17)
  const open = client.listen(
    replicas,
    'Open',
    'loop',
    "return { answer: forward('Replicas', 'Open', 'loop', self), subscribe: {} }",
  )
  assert.is(await open.ended(), 9)
  await until(async () => {
    const { text: metrics } = await http(host.admin, 'GET', '/metrics')
    return /^innkeeper_subscriptions_open 0$/m.test(metrics)
  })
})

async function dropAll(): Promise<void> {
  for (const { id } of await effects()) await http(host.admin, 'DELETE', `/v1/effects/${id}`, undefined, change)
}

Forwards.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Once.run()
Effects.run()
Forwards.run()
