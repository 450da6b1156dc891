// Targets: doors of the host behind which strangers' bytes are read, each with what must hold whatever they are. A case that breaks it throws.

import * as assert from 'uvu/assert'
import { DamagedReplica } from '../../host/crdt/decode.ts'
import { kind } from '../../host/crdt/kind.ts'
import { decodeOperations, OperationError } from '../../host/crdt/operations.ts'
import { Replica } from '../../host/crdt/replica.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { compile } from '../../host/guest/instance.ts'
import type { LoadedGuest } from '../../host/guest/load.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits, type Limits } from '../../host/limits.ts'
import { readComponent } from '../../host/link/component.ts'
import { checkInterfaces } from '../../host/link/interfaces.ts'
import { link } from '../../host/link/link.ts'
import { PlanError, planOf } from '../../host/link/plan.ts'
import { precheck } from '../../host/link/precheck.ts'
import { sourceMapOf, withSourceMap } from '../../host/link/source-map.ts'
import { BinaryError } from '../../host/wasm/bytes.ts'
import { prepareCores } from '../../host/wasm/cores.ts'
import { FeatureError } from '../../host/wasm/instructions.ts'
import { assemblyScriptCounter } from '../support/guests.ts'
import {
  eventType,
  nothing,
  type PuppetFunction,
  pull,
  puppetArtefact,
  puppetComponent,
  type Script,
} from '../support/puppet.ts'
import { mistakenAnswer, subscriptionIds } from './answers.ts'
import { mistaken } from './bytes.ts'
import { mistakenComponent } from './components.ts'
import { someOperations } from './operations.ts'
import type { Random } from './random.ts'

/** Runs one case. Throws where something that must hold does not. */
export type Target = (random: Random) => void | Promise<void>

/** Small, so that what goes beyond them is near. */
const limits: Limits = {
  ...defaultLimits,
  fuelPerCommand: 2_000_000,
  guestResultBytesMax: 20_000,
  guestResultElementsMax: 300,
  messageBytesMax: 5_000,
  metadataBytesMax: 500,
  stateBytesMax: 30_000,
  streamStateBytesMax: 2_000,
  streamOutputsMax: 20,
  decisionEventsMax: 20,
  decisionEffectsMax: 5,
}
const none = new Uint8Array()
const seed = new Uint8Array(16)
const streaming = (_service: string, method: string) => method === 'Open'

/** One call of each function of a guest, with the scripts that its commands bring. */
const calls: Readonly<Record<PuppetFunction, (guest: LoadedGuest, scripts: readonly Script[]) => unknown>> = {
  decide: ({ eventSourced }, scripts) =>
    eventSourced!.decide('s', 'e', { kind: 'held', token: 1 }, scripts.map(command), true),
  evolve({ eventSourced }, scripts) {
    const events = scripts.map((script) => ({ typeName: eventType, data: script.done }))
    return eventSourced!.evolve('s', 'e', { kind: 'initial' }, events, true)
  },
  value: ({ value }, scripts) => value!.decide('s', 'e', { kind: 'absent' }, scripts.map(command)),
  reads: ({ replicated }, [script]) => replicated!.reads('s', command(script!)),
  replica: ({ replicated }, [script]) => replicated!.decide('s', 'e', none, command(script!)),
  render: ({ replicated }, [script]) => replicated!.render('s', 'e', none, command(script!), none),
  changed({ replicated }, [script]) {
    const notes = subscriptionIds.map((id, index) => ({ id, method: 'Open', note: (index ? nothing : script!).done }))
    return replicated!.changed('s', 'e', none, notes, 0)
  },
  cancelled: ({ replicated }, [script]) =>
    replicated!.cancelled('s', 'e', none, { id: 'aa', method: 'Open', note: script!.done }, 0),
  call: ({ action }, scripts) => action!.call('s', scripts.map(command)),
  stream: ({ action }, [script]) =>
    action!.stream('s', 'Open', undefined, [{ kind: 'item', payload: pull('', script!) }, { kind: 'end' }], 0, seed),
}
const functions = Object.keys(calls) as PuppetFunction[]

function command(script: Script) {
  return { method: 'Do', payload: pull('', script), metadata: [], nowMs: 0, seed }
}

/** Answers of every function, with mistakes: a value within the limits, of the host's own bytes, or a fault that says what is wrong. */
export async function lifts(): Promise<Target> {
  const guest = load(await puppetArtefact(), limits, streaming)
  return (random) => {
    const name = random.pick(functions)
    const count = 1 + random.below(3)
    const answer = mistakenAnswer(name, count, random)
    const scripts = Array.from({ length: count }, (_, index) => (index === 0 ? answer : nothing))
    const result = attempt(() => calls[name](guest, scripts))
    if (result instanceof GuestFault) {
      const reasons: readonly string[] = ['malformed', 'too_large', 'state_too_large']
      assert.ok(
        reasons.includes(result.reason),
        `${name}: ${result.reason}: ${result.message}: ${String(result.cause)}`,
      )
    } else within(result)
  }
}

function within(result: unknown): void {
  let bytes = 0
  let items = 0
  const walk = (value: unknown): void => {
    if (value instanceof Uint8Array) {
      assert.is(value.length, value.buffer.byteLength, 'bytes are a copy of their own')
      bytes += value.length
    } else if (Array.isArray(value)) {
      items += value.length
      value.forEach(walk)
    } else if (typeof value === 'string') bytes += value.length
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk)
  }
  walk(result)
  // Besides what a guest says there are the words of the host's own: kinds, ids.
  const { guestResultBytesMax, stateBytesMax, streamStateBytesMax, guestResultElementsMax } = limits
  assert.ok(bytes <= 2 * guestResultBytesMax + stateBytesMax + streamStateBytesMax, `${bytes} bytes`)
  assert.ok(items <= 2 * guestResultElementsMax, `${items} items`)
}

/** Link plans with mistakes: a guest that is refused, faults or answers; never anything else. */
export async function plans(): Promise<Target> {
  const linked = await link(await assemblyScriptCounter(), defaultLimits)
  assert.ok(linked.ok)
  const good: readonly Artefact[] = [await puppetArtefact(), linked.artefact]
  return (random) => {
    const artefact = random.pick(good)
    const plan = structuredClone(artefact.plan)
    for (let left = 1 + random.below(3); left > 0; left--) mistakeIn(plan, random)
    const guest = load({ ...artefact, plan }, limits, streaming)
    for (const name of functions) {
      const exported = {
        decide: guest.eventSourced,
        evolve: guest.eventSourced,
        value: guest.value,
        call: guest.action,
      }
      const model =
        name in exported ? exported[name as keyof typeof exported] : name === 'stream' ? guest.action : guest.replicated
      if (model !== undefined) attempt(() => calls[name](guest, [nothing]))
    }
  }
}

const strangeNames = ['', '__proto__', 'constructor', 'memory', 'cabi_realloc', 'innkeeper:fuel', 'left', '0']

/** Somewhere in plain data. */
function mistakeIn(data: object, random: Random): void {
  const places: [holder: Record<string, unknown>, key: string][] = []
  const walk = (holder: object) => {
    for (const [key, value] of Object.entries(holder)) {
      places.push([holder as Record<string, unknown>, key])
      if (typeof value === 'object' && value !== null) walk(value)
    }
  }
  walk(data)
  const [holder, key] = random.pick(places)
  const value = holder[key]
  if (typeof value === 'number') holder[key] = random.once(2) ? random.below(6) : random.edge() | 0
  else if (typeof value === 'string') holder[key] = random.pick(strangeNames)
  else if (Array.isArray(value) && value.length > 0) {
    const at = random.below(value.length)
    if (random.once(2)) value.splice(at, 1)
    else value.splice(at, 0, structuredClone(random.pick(value)))
  }
}

/** Operations with mistakes on a replica: refused, and it is as it was; or done, and its bytes, its deltas and its weight say the same. */
export function operations(random: Random): void {
  const replica = new Replica()
  const peer = new Replica()
  const root = rootOf(random)
  for (let left = 1 + random.below(8); left > 0; left--) {
    const good = someOperations(random, root, !replica.exists)
    const before = replica.encode()
    const applied = attempt(() => {
      const decoded = decodeOperations(random.once(5) ? mistaken(good, random) : good, 20)
      return replica.apply('self', decoded, random.below(1000))
    })
    if (applied instanceof OperationError) {
      assert.equal(replica.encode(), before, 'what is refused changes nothing')
      continue
    }
    const { delta, undo } = applied as ReturnType<Replica['apply']>
    if (random.once(5)) {
      undo()
      assert.equal(replica.encode(), before, 'what is taken back has changed nothing')
      continue
    }
    if (delta !== undefined) peer.merge(delta)
    const bytes = replica.encode()
    assert.equal(peer.encode(), bytes, 'its deltas are the replica')
    const read = Replica.decode(bytes)
    assert.equal(read.encode(), bytes, 'what was written can be read')
    assert.is(read.size, replica.size, 'it weighs what it holds')
    replica.view({ kind: 'all' }, 'self', ['self'])
  }
}

/** Maps, in which all kinds are, half of the time. */
function rootOf(random: Random): number {
  return random.once(2) ? kind.orMap : 1 + random.below(8)
}

/** Bytes of replicas with mistakes: refused, or what is read is written as it was. */
export function replicas(random: Random): void {
  const replica = new Replica()
  const root = rootOf(random)
  for (let left = 1 + random.below(5); left > 0; left--)
    attempt(() => replica.apply('self', decodeOperations(someOperations(random, root, !replica.exists), 20), 0))
  const bytes = mistaken(replica.encode(), random)
  const read = attempt(() => Replica.decode(bytes))
  if (read instanceof Replica) assert.equal(Buffer.from(read.encode()), bytes)
  const merged = attempt(() => replica.merge(bytes))
  if (!(merged instanceof Error)) assert.equal(Replica.decode(replica.encode()).size, replica.size)
}

/** Components with mistakes, as far as they are read in this process: reasons, or modules that are valid, capped and metered. */
export async function components(): Promise<Target> {
  const good = await someComponents()
  return (random) => {
    const bytes = mistakenComponent(random.pick(good), random)
    if (precheck(bytes, defaultLimits.componentBytesMax).length > 0) return
    const read = attempt(() => readComponent(bytes))
    if (read instanceof Error) return
    assert.ok(Array.isArray(checkInterfaces(read.root, bytes)))
    const prepared = prepareCores(read.modules, defaultLimits)
    if (prepared.ok) {
      for (const core of prepared.cores) compileOf(core.bytes)
      const plan = attempt(() => planOf(read, prepared.cores))
      assert.ok(plan instanceof Error ? plan.message !== '' : plan.instances.length > 0)
    } else assert.ok(prepared.reasons.every((reason) => reason !== ''))
    sourceMapOf(bytes)
  }
}

function compileOf(bytes: Uint8Array): void {
  compile({
    hash: '',
    engine: 0,
    modules: [bytes],
    plan: { instances: [], exports: {}, memory: 0 },
    description: { sdkName: '', sdkVersion: '', services: [], descriptors: none, viewServices: [] },
  })
}

async function someComponents(): Promise<readonly Uint8Array[]> {
  const counter = await assemblyScriptCounter()
  const map = { file: 'bundle.js', sources: ['a.ts', 'b.ts'], mappings: 'AAAA;AACA' }
  return [await puppetComponent(), counter, withSourceMap(counter, map)]
}

/** The same, linked: an artefact, or reasons that are sentences. */
export async function links(): Promise<Target> {
  const good = await someComponents()
  return async (random) => {
    const result = await link(mistakenComponent(random.pick(good), random), defaultLimits)
    if (result.ok) {
      const guest = load(result.artefact, limits, streaming)
      if (guest.eventSourced !== undefined) attempt(() => calls.decide(guest, [nothing]))
      return
    }
    assert.ok(result.reasons.length > 0)
    for (const reason of result.reasons) {
      assert.not.match(reason, /not done after|\n\s+at |file:\/\//, reason)
      assert.ok(reason.length < 10_000)
    }
  }
}

const refusals = [GuestFault, OperationError, DamagedReplica, BinaryError, FeatureError, PlanError] as const
type Refusal = InstanceType<(typeof refusals)[number]>

/** What it answers, or what it throws, if that is a refusal of ours. */
function attempt<T>(work: () => T): T | Refusal {
  try {
    return work()
  } catch (thrown) {
    if (refusals.some((refusal) => thrown instanceof refusal)) return thrown as Refusal
    throw thrown
  }
}
