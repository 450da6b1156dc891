// Guards running guests: the same counter in AssemblyScript and QuickJS, and every way in which a call can end.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Artefact } from '../../host/guest/artefact.ts'
import { EventSourced } from '../../host/guest/event-sourced.ts'
import { type EventSourcedGuest, type FaultReason, type GuestCommand, GuestFault } from '../../host/guest/guest.ts'
import { compile, Instance } from '../../host/guest/instance.ts'
import { load } from '../../host/guest/load.ts'
import { Lower } from '../../host/guest/lower.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { assemblyScriptCounter, quickJsCounter } from '../support/guests.ts'
import { type GuestParts, guestArtefact } from '../support/hostile.ts'

const Engine = suite('event-sourced guest')

const initial = { kind: 'initial' } as const
const linked = new Map<string, Promise<Artefact>>()
const counters = { AssemblyScript: assemblyScriptCounter, QuickJS: quickJsCounter }

async function counter(language: keyof typeof counters, limits = defaultLimits): Promise<EventSourcedGuest> {
  const artefact = linked.get(language) ?? counters[language]().then(linkOrFail)
  linked.set(language, artefact)
  return load(await artefact, limits).eventSourced!
}

async function linkOrFail(component: Uint8Array): Promise<Artefact> {
  const result = await link(component, defaultLimits)
  if (!result.ok) throw new Error(result.reasons.join('; '))
  return result.artefact
}

async function odd(parts: GuestParts): Promise<EventSourcedGuest> {
  return new EventSourced(compile(await guestArtefact(parts)), defaultLimits)
}

function command(method: string, amount = 0): GuestCommand {
  return {
    method,
    payload: Uint8Array.of(amount, 0, 0, 0),
    metadata: [
      ['x-a', 'ä'],
      ['b-bin', Uint8Array.of(0)],
    ],
    nowMs: 1,
    seed: new Uint8Array(16),
  }
}

const value = (number: number) => Uint8Array.of(number, 0, 0, 0, 0, 0, 0, 0)

function faultOf(call: () => unknown): FaultReason {
  try {
    call()
  } catch (thrown) {
    if (thrown instanceof GuestFault) return thrown.reason
    throw thrown
  }
  throw new Error('no fault')
}

Engine(
  '§fault-8, lower.W4: long payloads and states bring fuel, short ones do not, and never more than a call may have',
  async () => {
    const limits = { ...defaultLimits, fuelPerCallMax: 300_000_000 }
    const guest = (await counter('AssemblyScript', limits)) as EventSourced
    const left = (payload: number, state: number): number => {
      const commands = [{ ...command('Get'), payload: new Uint8Array(payload) }]
      const basis =
        state === 0 ? ({ kind: 'initial' } as const) : ({ kind: 'state', bytes: new Uint8Array(state) } as const)
      guest.decide('test.Counter', 'e', basis, commands, false)
      const { used, given } = guest.lastCall
      return given - used
    }
    const { fuelPerByte } = defaultLimits
    const call = limits.fuelPerCommand
    assert.ok(left(4_095, 0) < call)
    assert.ok(left(5_000, 0) > call + 4_000 * fuelPerByte)
    assert.ok(left(8, 5_000) > call + 4_000 * fuelPerByte)
    assert.is(left(5_000, 0), left(5_000, 0))
    assert.ok(left(4_000_000, 0) <= 300_000_000)
    assert.ok(left(4_000_000, 0) > 299_000_000)
  },
)

for (const language of Object.keys(counters) as (keyof typeof counters)[]) {
  Engine(`§command-4: ${language}: decides a batch, each command on what the one before left`, async () => {
    const guest = await counter(language)
    const answer = guest.decide(
      'test.Counter',
      'e',
      { kind: 'state', bytes: value(40) },
      [command('Add', 2), command('Get'), command('Nope')],
      false,
    )
    const empty = { effects: [], metadata: [], logs: [] }
    assert.equal(answer, {
      kind: 'decided',
      decisions: [
        {
          events: [{ typeName: 'test.Added', data: Uint8Array.of(2, 0, 0, 0) }],
          change: undefined,
          outcome: { answer: { kind: 'message', payload: value(42) }, ...empty },
        },
        { events: [], change: undefined, outcome: { answer: { kind: 'message', payload: value(42) }, ...empty } },
        {
          events: [],
          change: undefined,
          outcome: {
            answer: { kind: 'failure', failure: { code: 5, message: 'no command Nope é€😀', details: [] } },
            ...empty,
          },
        },
      ],
      next: { kind: 'state', bytes: value(42) },
    })
  })

  Engine(`${language}: folds events, none and a thousand`, async () => {
    const guest = await counter(language)
    const added = { typeName: 'test.Added', data: Uint8Array.of(1, 0, 0, 0) }
    assert.equal(guest.evolve('s', 'e', initial, [], true), { kind: 'state', bytes: value(0) })
    assert.equal(guest.evolve('s', 'e', { kind: 'state', bytes: value(7) }, new Array(1000).fill(added), false), {
      kind: 'state',
      bytes: Uint8Array.of(239, 3, 0, 0, 0, 0, 0, 0),
    })
  })

  Engine(
    `${language}: warm.W1: a trap, an endless loop and a memory bomb drop the instance, and the next call works`,
    async () => {
      const guest = await counter(language)
      for (const method of ['Trap', 'Loop', 'Alloc']) {
        const generation = guest.generation
        const reason = faultOf(() => guest.decide('s', 'e', initial, [command(method)], false))
        if (method === 'Loop') assert.is(reason, 'fuel')
        else assert.ok(reason === 'trap' || reason === 'fuel', reason)
        assert.ok(guest.generation > generation)
        assert.is(guest.decide('s', 'e', initial, [command('Get')], false).kind, 'decided')
      }
    },
  )
}

Engine('a deep recursion is a trap', async () => {
  const guest = await counter('AssemblyScript')
  assert.is(
    faultOf(() => guest.decide('s', 'e', initial, [command('Deep')], false)),
    'trap',
  )
})

Engine('warm.W1, guest.G2: dropping raises the generation once, and only if there was something to drop', async () => {
  const guest = await odd({})
  guest.drop()
  assert.is(guest.generation, 0)
  guest.decide('s', 'e', initial, [command('M')], false)
  guest.drop()
  guest.drop()
  assert.is(guest.generation, 1)
})

Engine('instance.I4: modules are compiled once, however many instances are made of them', async () => {
  const artefact = await guestArtefact({})
  const { Module } = WebAssembly
  let compiled = 0
  WebAssembly.Module = new Proxy(Module, {
    construct(target, parameters: [Uint8Array<ArrayBuffer>]) {
      compiled += 1
      return new target(...parameters)
    },
  })
  try {
    const { eventSourced, value } = load(artefact, defaultLimits)
    for (let made = 0; made < 3; made++) {
      eventSourced!.decide('s', 'e', initial, [command('M')], false)
      value!.decide('fine', 'e', { kind: 'absent' }, [command('M')])
      eventSourced!.drop()
      value!.drop()
    }
    assert.is(eventSourced!.generation, 3)
  } finally {
    WebAssembly.Module = Module
  }
  assert.is(compiled, artefact.modules.length)
})

Engine('lower.W3: an empty list takes nothing of the guest, and its pointer is its alignment', async () => {
  const { memory } = new Instance(compile(await guestArtefact({})), defaultLimits)
  let allocated = 0
  const call = () => {
    allocated += 1
    return 0
  }
  const lower = new Lower({ memory, call } as unknown as Instance, () => 0, 0)
  const empty = [lower.bytes(new Uint8Array()), ...lower.text(''), lower.events([]), lower.commands([])]
  assert.equal([...empty, lower.subscriptions([]), lower.inputs([])], [1, 1, 0, 4, 8, 4, 4])
  assert.is(allocated, 0)
})

Engine('warm.W2: fills of 64 MiB in a loop end by fuel', async () => {
  const fill = '(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000)) (br $l)) (unreachable)'
  const guest = await odd({ memory: '(memory (export "memory") 1024)', decide: fill })
  assert.is(
    faultOf(() => guest.decide('s', 'e', initial, [command('M')], false)),
    'fuel',
  )
})

Engine('warm.W2: a call does not inherit what the one before used', async () => {
  const spend =
    '(local i32) (loop $l (br_if $l (i32.lt_u (local.tee 10 (i32.add (local.get 10) (i32.const 1))) (i32.const 10000000)))) (i32.const 4096)'
  const guest = await odd({ decide: spend })
  for (let i = 0; i < 5; i++) assert.is(guest.decide('s', 'e', initial, [command('M')], false).kind, 'decided')
})

Engine('a component that cannot start is a fault, each time', async () => {
  const guest = await odd({ fields: '(func $s unreachable) (start $s)' })
  for (let i = 0; i < 2; i++)
    assert.is(
      faultOf(() => guest.decide('s', 'e', initial, [command('M')], false)),
      'start',
    )
  const loop = await odd({ fields: '(func $s (loop $l (br $l))) (start $s)' })
  assert.is(
    faultOf(() => loop.evolve('s', 'e', initial, [], false)),
    'fuel',
  )
})

Engine.run()
