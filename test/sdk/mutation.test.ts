// Guards that code which changes what it is given changes no state: what is served is the fold of the events, the updated value,
// the stream's state that was kept. In QuickJS, where authors' code runs.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { streamsOf } from '../../host/deploy/methods.ts'
import type { Basis, GuestCommand, ValueBasis } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { deepFreeze, startOver } from '../../sdk/typescript/frozen.ts'
import { fixture } from '../support/components.ts'

const bags = 'test.mutating.v1.Bags'
const notes = 'test.mutating.v1.Notes'
const chats = 'test.mutating.v1.Chats'
const ways = ['items', 'sort', 'nested', 'map', 'map value', 'set', 'bytes', 'bytes in an array', 'root']

const linked = await link((await fixture('mutating')).bytes, defaultLimits)
if (!linked.ok) throw new Error(linked.reasons.join('; '))
const { artefact } = linked
const schema = loadSchema(artefact.description.descriptors)
const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)

function put(json: { readonly [key: string]: Json }): GuestCommand {
  const payload = toMessage(schema, schema.services.get(bags)!.methods.get('Put')!.input, { id: 'a', ...json })
  return { method: 'Put', payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
}

function told({ answer, logs }: Outcome): { readonly json?: string; readonly logs: readonly string[] } {
  const json =
    answer.kind === 'message'
      ? Buffer.from(answer.payload)
          .toString()
          .replace(/^[^{]*/, '')
      : answer.kind
  return { json, logs: logs.map(({ level, text }) => `${level} ${text}`) }
}

function untouched(items: readonly string[]): string {
  const rest = { nested: { lists: [['x']] }, map: [['k', ['v']]], set: ['s'], bits: [1, 2], pair: [[3], [4]] }
  return JSON.stringify({ items, ...rest })
}

const Mutation = suite('changing what is given')

// Bytes cannot refuse a change: it reaches a copy, and nobody is told.
const silent = (way: string) => way.startsWith('bytes')

for (const way of ways) {
  Mutation(`event-sourced, ${way}: what is served is the fold of the events, alone and in a batch`, () => {
    const guest = fresh().eventSourced!
    let basis: Basis = { kind: 'initial' }
    const decide = (commands: readonly GuestCommand[]) => {
      const decided = guest.decide(bags, 'a', basis, commands, false)
      if (decided.kind !== 'decided') throw new Error(decided.kind)
      if (decided.next.kind === 'held') basis = { kind: 'held', token: decided.next.token }
      return decided.decisions.map(({ outcome }) => told(outcome))
    }
    const batch = decide([put({ item: 'z', way }), put({ item: 'no', way, refuse: true }), put({ item: 'b', way })])
    const warned = silent(way)
      ? []
      : [
          'warn L2: test.mutating.v1.Bags/Put changes a value that it is given. It ran again on a copy: return a new value instead.',
        ]
    // Sorting a list of one changes nothing.
    if (way !== 'sort') {
      assert.equal(batch[0], { json: untouched(['z']), logs: warned })
      assert.equal(batch[1], { json: 'failure', logs: warned })
    }
    assert.equal(batch[2], { json: untouched(['z', 'b']), logs: warned })
    assert.is(decide([put({ way })])[0]!.json, untouched(['z', 'b']))
    assert.is(decide([put({})])[0]!.json, untouched(['z', 'b']))
  })

  Mutation(`value, ${way}: what is served is what was updated`, () => {
    const guest = fresh().value!
    let basis: ValueBasis = { kind: 'absent' }
    const decide = (commands: readonly GuestCommand[]) => {
      const decided = guest.decide(notes, 'a', basis, commands)
      if (decided.kind !== 'decided') throw new Error(decided.kind)
      if (decided.held !== undefined) basis = { kind: 'held', token: decided.held }
      return decided.decisions.map(({ outcome }) => told(outcome).json)
    }
    decide([put({ item: 'z' }), put({ item: 'b' })])
    assert.equal(decide([put({ way }), put({ item: 'no', way, refuse: true }), put({})]), [
      untouched(['z', 'b']),
      'failure',
      untouched(['z', 'b']),
    ])
  })

  Mutation(`stream of an action, ${way}: one item sees what the one before kept, in one call and in several`, () => {
    // Only an item without a name changes the state in place: what it names is kept.
    const inputs = ['z', 'b', '', ''].map((item) => {
      return { kind: 'item', payload: put({ item, way: item === '' ? way : '' }).payload } as const
    })
    const start = { kind: 'start', metadata: [] } as const
    const together = fresh().action!.stream(chats, 'Talk', undefined, [start, ...inputs], 0, new Uint8Array(16))
    const expected = [untouched([]), untouched(['z']), untouched(['z', 'b']), untouched(['z', 'b'])]
    assert.equal(
      together.outputs.map((output) => told(output).json),
      expected,
    )
    const guest = fresh().action!
    let state: Uint8Array | undefined
    const alone = [[start, inputs[0]!], [inputs[1]!], [inputs[2]!], [inputs[3]!]].flatMap((some) => {
      const step = guest.stream(chats, 'Talk', state, some, 0, new Uint8Array(16))
      state = step.state
      return step.outputs.map((output) => told(output).json)
    })
    assert.equal(alone, expected)
  })
}

Mutation('a fold that changes the state in place gives the same state while deciding and while replaying', () => {
  const guest = fresh().eventSourced!
  const decided = guest.decide(bags, 'a', { kind: 'initial' }, [put({ item: 'z', folded: true })], true)
  if (decided.kind !== 'decided') throw new Error(decided.kind)
  const [{ events, outcome }] = decided.decisions as [(typeof decided.decisions)[0]]
  assert.is(told(outcome).json, untouched(['z']))
  const replayed = fresh().eventSourced!.evolve(bags, 'a', { kind: 'initial' }, [...events, ...events], true)
  if (replayed.kind === 'unknown' || replayed.bytes === undefined) throw new Error('no state')
  const state = { kind: 'state', bytes: replayed.bytes } as const
  const looked = guest.decide(bags, 'a', state, [put({})], false)
  if (looked.kind !== 'decided') throw new Error(looked.kind)
  assert.is(told(looked.decisions[0]!.outcome).json, untouched(['z', 'z']))
})

Mutation('trial.T2: inn check names the method', () => {
  const kinds = artefact.description.services.map((service) => checkLaws(service, schema, fresh, 3, 50))
  // Random commands seldom name a way; a fold that changes its state is met at once.
  assert.match(
    kinds.find(({ service }) => service === bags)!.broken.join(),
    /L2: test\.mutating\.v1\.Bags\/Put changes a value/,
  )
})

Mutation('frozen values read as before, and copies of them can be changed', () => {
  const bytes = Uint8Array.of(1, 2)
  const value = deepFreeze({
    list: [1, [2], bytes],
    map: new Map<unknown, unknown>([
      ['k', bytes],
      [bytes, { a: 1 }],
    ]),
    set: new Set<unknown>([1, bytes]),
  })
  assert.equal(
    JSON.stringify([...value.map]),
    JSON.stringify([
      ['k', bytes],
      [bytes, { a: 1 }],
    ]),
  )
  assert.equal([...value.map.keys()], ['k', bytes])
  assert.equal([...value.map.values()], [bytes, { a: 1 }])
  assert.equal([...value.set], [1, bytes])
  assert.is(value.map.size, 2)
  const seen: unknown[] = []
  value.map.forEach((item) => {
    seen.push(item)
  })
  value.set.forEach((item) => {
    seen.push(item)
  })
  assert.equal(seen, [bytes, { a: 1 }, 1, bytes])
  ;(value.map.get('k') as Uint8Array)[0] = 9
  for (const item of value.set) if (item instanceof Uint8Array) item[0] = 9
  assert.equal(bytes, Uint8Array.of(1, 2))
  // Within one call of the author's code a change stays, and a loop over bytes copies them once.
  assert.is(value.map.get('k'), value.map.get('k'))
  assert.is(value.list[2], value.list[2])
  startOver()
  assert.equal([value.map.get('k'), value.list[2]], [bytes, bytes])
  bytes[0] = 7
  assert.equal([value.map.get('k'), value.list[2]], [Uint8Array.of(1, 2), Uint8Array.of(1, 2)])
  for (const change of [
    () => value.map.set('x', 1),
    () => value.map.delete('k'),
    () => value.map.clear(),
    () => value.set.add(2),
    () => value.set.delete(1),
    () => value.set.clear(),
    () => value.list.push(1),
    () => (value.list[1] as number[]).push(1),
  ]) {
    assert.throws(change, TypeError)
  }
  const copy = { ...value, list: [...value.list], map: new Map(value.map).set('x', 1), set: new Set(value.set).add(2) }
  assert.is(copy.map.size + copy.set.size, 6)
})

Mutation('what the author froze himself is frozen all through, as a copy', () => {
  const inner = { list: ['a'], bits: Uint8Array.of(1), map: new Map([['k', 1]]) }
  for (const freeze of [Object.freeze, Object.seal, Object.preventExtensions]) {
    const kept = deepFreeze(freeze({ ...inner, nested: freeze({ ...inner }), many: freeze([{ ...inner }]) }))
    for (const one of [kept, kept.nested, kept.many[0]!]) {
      assert.throws(() => one.list.push('b'), TypeError)
      assert.throws(() => one.map.set('x', 1), TypeError)
      assert.throws(() => Object.assign(one, { list: [] }), TypeError)
      one.bits[0] = 9
    }
    startOver()
    assert.equal(
      [kept.bits, kept.nested.bits, kept.many[0]!.bits],
      [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(1)],
    )
    assert.is(deepFreeze(kept), kept)
  }
})

Mutation.run()
