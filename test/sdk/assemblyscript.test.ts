// Guards the AssemblyScript SDK through the host's engine: the counter's rules, the laws of the contract, every way to answer,
// and that the generated codec reads and writes the same bytes as the TypeScript one, malformed ones included.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { componentWit } from '@bytecodealliance/jco'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { Basis, Decided, EventSourcedGuest, GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { Metadata } from '../../host/metadata.ts'
import type { Typed } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { testAssemblyScript } from '../../sdk/build/languages/assemblyscript/test.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import type { MessageType } from '../../sdk/typescript/codec/message.ts'
import { Random } from '../../sdk/typescript/random.ts'
import { component, fixture } from '../support/components.ts'
import { withProject } from '../support/project.ts'

type Fields = Record<string, unknown>
type Messages = Readonly<Record<string, MessageType<Fields>>>

/** Whole messages of every type in one batch: what fuel they may use is no question here. */
const limits = { ...defaultLimits, fuelPerCommand: 200_000_000 }
const root = fileURLToPath(new URL('../../', import.meta.url))
const counterName = 'examples.counter.v1.Counter'
const probeName = 'test.shapes.v1.Probe'

const counterProto = readFileSync(join(root, 'guests/proto/counter.proto'), 'utf8')
const counterSource = readFileSync(join(root, 'guests/counter/assemblyscript/assembly/index.ts'), 'utf8')
const counter = await linked((await component('counter/assemblyscript')).bytes)
const probe = await linked((await fixture('shapes')).bytes)
const { AddRequest, Added, GetRequest, Value } = await typesOf('guests/counter/assemblyscript', 'counter.ts')
const { AppendRequest, AskRequest, EchoRequest, Inner, Log, Shapes, Told } = await typesOf(
  'test/fixtures/guests/shapes',
  'shapes.ts',
)

async function linked(bytes: Uint8Array): Promise<Artefact> {
  const result = await link(bytes, limits)
  if (!result.ok) throw new Error(result.reasons.join('\n'))
  return result.artefact
}

/** The TypeScript codec of a project's messages: the other implementation to compare with. */
async function typesOf(directory: string, module: string): Promise<Record<string, MessageType<Fields>> & Messages> {
  const project = readProject(join(root, directory))
  const { schema } = await compileProtos(project)
  const folder = join(root, 'test/fixtures/gen/assemblyscript', project.name)
  await writeGenerated(folder, generate(schema, project.files))
  return await import(pathToFileURL(join(folder, module)).href)
}

const fresh = (artefact: Artefact): EventSourcedGuest => load(artefact, limits).eventSourced!

function command(method: string, payload: Uint8Array, metadata: Metadata = [], nowMs = 0): GuestCommand {
  return { method, payload, metadata, nowMs, seed: Uint8Array.from({ length: 16 }, (_, i) => i * 15) }
}

const add = (amount: bigint): GuestCommand => command('Add', AddRequest!.encode({ id: 'a', amount }))
const get: GuestCommand = command('Get', GetRequest!.encode({ id: 'a' }))

function decide(
  guest: EventSourcedGuest,
  service: string,
  commands: readonly GuestCommand[],
  basis: Basis = { kind: 'initial' },
  wantState = false,
): Extract<Decided, { kind: 'decided' }> {
  const decided = guest.decide(service, 'a', basis, commands, wantState)
  if (decided.kind === 'unknown') throw new Error('unknown')
  return decided
}

const stateOf = (value: bigint): Basis => ({ kind: 'state', bytes: Value!.encode({ value }) })

/** What a caller hears: the value after the command, or `code: text`. */
function told(decided: Extract<Decided, { kind: 'decided' }>): readonly (bigint | string)[] {
  return decided.decisions.map(({ outcome: { answer } }) => {
    if (answer.kind === 'failure') return `${answer.failure.code}: ${answer.failure.message}`
    if (answer.kind !== 'message') throw new Error(answer.kind)
    return Value!.decode(answer.payload)['value'] as bigint
  })
}

const Counter = suite('assemblyscript counter')
const positive = (amount: bigint): string => `3: amount must be positive, got ${amount}`
const exceeded = '9: the value may not exceed 1000000000000'

Counter('imports nothing but types, and shows its state as a message', async () => {
  const { bytes } = await component('counter/assemblyscript')
  const imports = (await componentWit(bytes)).split('\n').filter((line) => /^\s*import /.test(line))
  assert.equal(imports, [`  import ${interfaces.types};`])
  const [service] = counter.description.services
  assert.is(service?.name, counterName)
  assert.is(service?.kind, 'event-sourced')
  assert.is(service?.stateType, 'examples.counter.v1.Value')
  assert.ok(loadSchema(counter.description.descriptors).services.has(counterName))
})

Counter('names its own version', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'sdk/assemblyscript/package.json'), 'utf8')) as Fields
  assert.is(counter.description.sdkVersion, version)
})

Counter('adds up, and replies the value after the event', () => {
  const decided = decide(fresh(counter), counterName, [add(2n), add(40n), get])
  assert.equal(told(decided), [2n, 42n, 42n])
  assert.equal(
    decided.decisions.map(({ events }) => events),
    [
      [{ typeName: 'examples.counter.v1.Added', data: Added!.encode({ amount: 2n }) }],
      [{ typeName: 'examples.counter.v1.Added', data: Added!.encode({ amount: 40n }) }],
      [],
    ],
  )
  assert.equal(decided.next, { kind: 'state', bytes: Value!.encode({ value: 42n }) })
})

Counter('refuses with the words of the TypeScript counter, and keeps 64 bits exact', () => {
  const most = 9_223_372_036_854_775_807n
  const guest = fresh(counter)
  const commands = [add(0n), add(-1n), add(-most - 1n), add(most), add(1_000_000_000_001n), add(9_007_199_254_740_993n)]
  const decided = decide(guest, counterName, commands)
  assert.equal(told(decided), [positive(0n), positive(-1n), positive(-most - 1n), exceeded, exceeded, exceeded])
  assert.is(decided.next.kind, 'unchanged')
  const full = decide(guest, counterName, [add(1n), add(1n), get], stateOf(999_999_999_999n))
  assert.equal(told(full), [1_000_000_000_000n, exceeded, 1_000_000_000_000n])
  assert.equal(told(decide(guest, counterName, [add(most)], stateOf(1_000_000_000_000n))), [exceeded])
})

Counter('refuses unknown methods and malformed requests, and leaves their neighbours alone', () => {
  const commands = [add(1n), command('Shout', get.payload), command('Add', Uint8Array.of(27)), add(1n)]
  assert.equal(told(decide(fresh(counter), counterName, commands)), [
    1n,
    '12: examples.counter.v1.Counter has no method Shout',
    '3: the request is no examples.counter.v1.AddRequest: groups are not supported',
    2n,
  ])
})

const anyCommand = fc.oneof(
  fc.bigInt({ min: -5n, max: 5n }).map(add),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(add),
  fc.bigInt({ min: 1n, max: 700_000_000_000n }).map(add),
  fc.constant(get),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => command('Add', bytes)),
)
const anyBatch = fc.array(anyCommand, { maxLength: 20 })
const anyState = fc.bigInt({ min: 0n, max: 1_000_000_000_000n })

Counter('L1, L6: a batch decides as its commands one by one, in a warm instance or a fresh one', () => {
  const warm = fresh(counter)
  fc.assert(
    fc.property(anyBatch, anyState, (batch, start) => {
      const together = decide(warm, counterName, batch, stateOf(start), true)
      const cold = fresh(counter)
      let basis = stateOf(start)
      for (const [index, one] of batch.entries()) {
        const alone = decide(cold, counterName, [one], basis, true)
        assert.equal(alone.decisions[0], together.decisions[index])
        if (alone.next.kind === 'state') basis = alone.next
      }
      if (batch.length > 0) assert.equal(together.next, basis)
    }),
    { numRuns: 200 },
  )
})

Counter('L2: the state left is the fold of the events', () => {
  const guest = fresh(counter)
  fc.assert(
    fc.property(anyBatch, anyState, (batch, start) => {
      const { decisions, next } = decide(guest, counterName, batch, stateOf(start), true)
      const events = decisions.flatMap((decision): readonly Typed[] => decision.events)
      assert.equal(guest.evolve(counterName, 'a', stateOf(start), events, false), next)
    }),
    { numRuns: 200 },
  )
})

Counter('keeps the laws on the random commands of inn check', () => {
  const schema = loadSchema(counter.description.descriptors)
  const [service] = counter.description.services
  const { broken } = checkLaws(service!, schema, () => load(counter, limits, undefined, true), 7)
  assert.equal(broken, [])
})

Counter('holds nothing: a token is unknown, and bytes come when they are asked for', () => {
  const guest = fresh(counter)
  assert.is(guest.decide(counterName, 'a', { kind: 'held', token: 1 }, [get], false).kind, 'unknown')
  assert.is(guest.evolve(counterName, 'a', { kind: 'held', token: 1 }, [], false).kind, 'unknown')
  assert.is(decide(guest, counterName, [get]).next.kind, 'unchanged')
  assert.equal(decide(guest, counterName, [get], { kind: 'initial' }, true).next, {
    kind: 'state',
    bytes: new Uint8Array(0),
  })
})

Counter('an event that it does not know is a fault', () => {
  const unknown = { typeName: 'examples.counter.v1.Doubled', data: new Uint8Array(0) }
  assert.throws(
    () => fresh(counter).evolve(counterName, 'a', { kind: 'initial' }, [unknown], true),
    (error: unknown) => error instanceof GuestFault && error.reason === 'trap',
  )
})

Counter('memory.M2: 100,000 calls fit a memory of 1 MiB', async () => {
  // Every call takes about 1 KB of the arena: a hundred times the memory, if any of it stayed.
  const small = { ...limits, guestMemoryBytesMax: 1024 * 1024 }
  const result = await link((await component('counter/assemblyscript')).bytes, small)
  if (!result.ok) throw new Error(result.reasons.join('\n'))
  const guest = load(result.artefact, small).eventSourced!
  let basis: Basis = { kind: 'initial' }
  for (let call = 0; call < 100_000; call++) {
    const { next } = decide(guest, counterName, [add(1n)], basis)
    if (next.kind === 'state') basis = next
  }
  assert.equal(basis, stateOf(100_000n))
  assert.is(guest.generation, 0)
})

Counter.run()

const Answers = suite('assemblyscript answers')
const ask = (method: string, metadata: Metadata = [], nowMs = 0): GuestCommand =>
  command(method, AskRequest!.encode({ id: 'a' }), metadata, nowMs)
const append = (texts: readonly string[], refuse = false): GuestCommand =>
  command('Append', AppendRequest!.encode({ id: 'a', texts, refuse }))

Answers('a reply tells the context, with an effect and a header', () => {
  const nowMs = 1_700_000_000_123
  const metadata: Metadata = [
    ['x-other', 'no'],
    ['x-question', 'héllo'],
    ['x-question-bin', Uint8Array.of(0, 255)],
  ]
  const one = ask('Ask', metadata, nowMs)
  const { outcome } = decide(fresh(probe), probeName, [one]).decisions[0]!
  const seed = new DataView(one.seed.buffer)
  const random = new Random([0, 4, 8, 12].map((at) => seed.getUint32(at, true)) as [number, number, number, number])
  const reply = outcome.answer.kind === 'message' ? Told!.decode(outcome.answer.payload) : undefined
  assert.equal(
    { ...reply },
    {
      entity: 'a',
      now: BigInt(nowMs),
      uuid: random.uuid(),
      random: random.fraction(),
      header: 'héllo',
      binary: Uint8Array.of(0, 255),
      kept: 'keptpt',
    },
  )
  const call = { service: 'test.other.v1.Other', method: 'Do', payload: one.payload, metadata: [] }
  assert.equal(outcome.effects, [{ call, synchronous: true }])
  assert.equal(outcome.metadata, [['x-answer', 'ü']])
})

Answers('a forward names its target', () => {
  const { outcome } = decide(fresh(probe), probeName, [ask('Pass')]).decisions[0]!
  const call = { service: 'test.other.v1.Other', method: 'Ask', payload: ask('Pass').payload, metadata: [] }
  assert.equal(outcome.answer, { kind: 'forward', call })
})

Answers('a refusal has details and no effects', () => {
  const { outcome } = decide(fresh(probe), probeName, [ask('Deny')]).decisions[0]!
  const details = [{ typeName: 'test.shapes.v1.Inner', data: Inner!.encode({ name: 'why', count: -1, tags: [] }) }]
  assert.equal(outcome.answer, { kind: 'failure', failure: { code: 16, message: 'who are you? 👻', details } })
  assert.equal(outcome.effects, [])
})

Answers('event-sourced.C2: a refusal after events leaves the state, and its neighbours theirs', () => {
  const batch = [append(['x', 'y']), append(['lost', 'lost too'], true), append(['z'])]
  const start: Basis = { kind: 'state', bytes: Log!.encode({ texts: ['w'] }) }
  const { decisions, next } = decide(fresh(probe), probeName, batch, start)
  assert.equal(
    decisions.map(({ events }) => events.length),
    [2, 0, 1],
  )
  const [, refused] = decisions
  const answer = refused!.outcome.answer
  assert.is(answer.kind === 'failure' && answer.failure.message, 'refused after 5 texts')
  assert.equal(next, { kind: 'state', bytes: Log!.encode({ texts: ['w', 'x', 'y', 'z'] }) })
})

Answers('context.C3: a handler that gives no answer is a fault', () => {
  assert.throws(
    () => decide(fresh(probe), probeName, [ask('Static')]),
    (error: unknown) => error instanceof GuestFault && error.reason === 'trap',
  )
})

Answers('memory.M1: module-level values stay over calls that use the memory above them', () => {
  const guest = fresh(probe)
  const long = 'x'.repeat(100_000)
  for (let call = 0; call < 100; call++) decide(guest, probeName, [append([long, long])])
  const { answer } = decide(guest, probeName, [ask('Ask')]).decisions[0]!.outcome
  assert.is(answer.kind === 'message' && Told!.decode(answer.payload)['kept'], 'keptpt')
})

Answers('options reach the description', () => {
  const [service] = probe.description.services
  assert.is(service?.persistenceId, 'probe')
  assert.is(service?.snapshotEvery, -1)
  assert.equal(service?.headers, ['x-question', 'accept-language'])
})

Answers.run()

const Codec = suite('assemblyscript codec')
const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -3, max: 300 }))
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 2n ** 33n }))
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ minLength: 120 }))
const bytes = fc.uint8Array({ maxLength: 200 })
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 4 })
const { inner } = fc.letrec<{ inner: object }>((tie) => ({
  inner: fc.record({
    name: text,
    count: int32,
    next: fc.option(tie('inner'), { nil: undefined, maxDepth: 3, depthSize: 'small' }),
    tags: list(text),
  }),
}))
const shapes = fc.record(
  {
    aDouble: fc.double(),
    aFloat: fc.float(),
    anInt32: int32,
    anInt64: int64,
    aUint32: uint32,
    aUint64: uint64,
    aSint32: int32,
    aSint64: int64,
    aFixed32: uint32,
    aFixed64: uint64,
    aSfixed32: int32,
    aSfixed64: int64,
    aBool: fc.boolean(),
    aString: text,
    someBytes: bytes,
    colour: int32,
    inner,
    doubles: list(fc.double()),
    floats: list(fc.float()),
    int32s: list(int32),
    int64s: list(int64),
    sint64s: list(int64),
    fixed32s: list(uint32),
    bools: list(fc.boolean()),
    strings: list(text),
    bytess: list(bytes),
    colours: list(int32),
    inners: list(inner),
    loose: list(uint32),
    last: text,
    constructor$: text,
    static: text,
    class: int32,
    delete: fc.boolean(),
    of: text,
    odd: int32,
    maybe: text,
    perhaps: bytes,
    really: fc.boolean(),
    choice: fc.oneof(
      fc.record({ case: fc.constant('word'), value: text }),
      fc.record({ case: fc.constant('wide'), value: int64 }),
      fc.record({ case: fc.constant('nested'), value: inner }),
    ),
  },
  { requiredKeys: [] },
)
/** TypeScript writes maps in the order that they were filled in, AssemblyScript in that of their keys. */
const mapOf = <K, V>(key: fc.Arbitrary<K>, value: fc.Arbitrary<V>, order: (a: K, b: K) => number) =>
  fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 5, selector: ([one]) => one })
    .map((entries) => new Map(entries.sort(([a], [b]) => order(a, b))))
const byUtf8 = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const shapesAndMaps = fc
  .tuple(
    shapes,
    mapOf(fc.string({ unit: 'binary', maxLength: 8 }), int32, byUtf8),
    mapOf(int64, inner, (a, b) => (a < b ? -1 : 1)),
  )
  .map(([shape, counts, named]) => ({ ...shape, counts, named }))

/** A request that asks for these bytes to be decoded and encoded again. */
function echo(encoded: Uint8Array): GuestCommand {
  const length: number[] = []
  for (let rest = encoded.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest)
    if (rest <= 127) break
  }
  return command('Echo', Uint8Array.from([18, ...length, ...encoded]))
}

/** What the TypeScript codec makes of a request: bytes, or what is wrong with it. */
function expected({ payload }: GuestCommand): Uint8Array | string {
  try {
    return Shapes!.encode((EchoRequest!.decode(payload)['shapes'] ?? Shapes!()) as Fields)
  } catch (error) {
    return `the request is no test.shapes.v1.EchoRequest: ${(error as Error).message}`
  }
}

function answered(guest: EventSourcedGuest, request: GuestCommand): Uint8Array | string {
  const { answer } = decide(guest, probeName, [request]).decisions[0]!.outcome
  if (answer.kind === 'failure') return answer.failure.message
  return answer.kind === 'message' ? answer.payload : answer.kind
}

Codec('code.A2: decodes and encodes every type as the TypeScript codec does', () => {
  const guest = fresh(probe)
  fc.assert(
    fc.property(shapesAndMaps, (value) => {
      const request = echo(Shapes!.encode(Shapes!(value)))
      assert.equal(answered(guest, request), expected(request))
    }),
    { numRuns: 500 },
  )
})

Codec('makes of damaged messages what the TypeScript codec makes of them, problem for problem', () => {
  const guest = fresh(probe)
  const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 })
  const seen = new Set<string>()
  fc.assert(
    fc.property(shapes, damage, fc.nat(400), (value, changes, cut) => {
      const encoded = Shapes!.encode(Shapes!(value)).slice()
      for (const [at, byte] of changes) if (encoded.length > 0) encoded[at % encoded.length] = byte
      const request = echo(encoded.subarray(0, encoded.length - (cut % 3)))
      const want = expected(request)
      if (typeof want === 'string') seen.add(want)
      assert.equal(answered(guest, request), want)
    }),
    { numRuns: 2_000, seed: 11 },
  )
  assert.ok(seen.size >= 5, [...seen].join('\n'))
})

Codec('checks UTF-8 strictly', () => {
  const guest = fresh(probe)
  const wrong = [
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
    [0xf5, 0x80, 0x80, 0x80],
  ]
  for (const malformed of wrong) {
    const request = echo(Uint8Array.from([114, malformed.length, ...malformed]))
    assert.match(String(answered(guest, request)), /a string is not UTF-8$/)
  }
})

Codec('reader.R2: a hundred messages may be open at once, and no more', () => {
  const guest = fresh(probe)
  const nested = (depth: number): GuestCommand => {
    let encoded: number[] = []
    for (let open = 0; open < depth; open++) {
      const length = encoded.length < 128 ? [encoded.length] : [(encoded.length & 127) | 128, encoded.length >>> 7]
      // The innermost are `next` of Inner, the outermost is `inner` of Shapes.
      encoded = [...(open === depth - 1 ? [138, 1] : [26]), ...length, ...encoded]
    }
    return echo(Uint8Array.from(encoded))
  }
  // The request's own field is one of them.
  assert.equal(answered(guest, nested(99)), expected(nested(99)))
  assert.match(String(answered(guest, nested(100))), /nested more than 100 deep$/)
})

Codec.run()

const Kit = suite('assemblyscript test kit')

for (const project of ['guests/counter/assemblyscript', 'test/conformance/assemblyscript']) {
  Kit(`the tests of ${project} pass`, async () => {
    const tested = await testAssemblyScript(readProject(join(root, project)))
    assert.ok(tested.length >= 4)
    assert.equal(
      tested.filter(({ failure }) => failure !== undefined),
      [],
    )
  })
}

Kit('a rule that does not hold is told, at its test, with what was expected', async () => {
  const rules = readFileSync(join(root, 'guests/counter/assemblyscript/test/rules.ts'), 'utf8')
  const files = {
    'package.json': '{ "name": "counter", "innkeeper": { "language": "assemblyscript" } }',
    'proto/tally.proto': counterProto,
    'assembly/index.ts': counterSource
      .replace('./gen/counter', './gen/tally')
      .replace('+= event.amount', '+= event.amount + 1'),
    'test/rules.ts': rules.replace('gen/counter', 'gen/tally'),
    'test/service.test.ts': '',
  }
  await withProject(files, async (folder) => {
    const tested = await testAssemblyScript(readProject(folder))
    const [first, second] = tested
    assert.is(first!.name, 'adds up, and replies the value after the event')
    assert.match(first!.failure!, /^Add replies 0803, expected 0802 \(examples.counter.v1.Value\)/)
    assert.match(second!.failure!, /^Get replies/)
    assert.is(tested[2]!.failure, undefined)
  })
})

const viewsProto = `syntax = "proto3";
package test.views.v1;
message Row { string text = 1; int64 count = 2; }
message Noted { string text = 1; }
service Notes { rpc Do(Noted) returns (Row); }
service Boxes { rpc Do(Noted) returns (Row); }
service Rows { rpc All(Noted) returns (stream Row); }
`

Kit('view.P2: what breaks law L7 in a view is told, and a row whose key was not named', async () => {
  const views = `
    import { Change, ORSet, Rows, TableView } from '@innkeeper/sdk-assemblyscript/assembly'
    import { BoxesName, Noted, NotesName, Row, RowsName } from './gen/views'
    export const last = new TableView<Row>(RowsName)
    last.events(NotesName).rows<Noted>(
      (noted: Noted, change: Change): string[] => ['one'],
      (noted: Noted, rows: Rows<Row>, change: Change): void => rows.put('one', Row.of(noted.text, 0)),
    )
    export const counting = new TableView<Row>(RowsName)
    counting
      .values(BoxesName)
      .row<Noted>((box: Noted, row: Row | null, change: Change): Row | null => Row.of('', row === null ? 1 : row.count + 1))
    export const stray = new TableView<Row>(RowsName)
    stray.events(NotesName).rows<Noted>(
      (noted: Noted, change: Change): string[] => [],
      (noted: Noted, rows: Rows<Row>, change: Change): void => rows.put('other', new Row()),
    )
    export const meddling = new TableView<Row>(RowsName)
    meddling.replicas(BoxesName).replica<ORSet>((set: ORSet, row: Row | null, change: Change): Row | null => {
      set.add('more')
      return null
    })`
  const rules = `
    import { ORSet } from '@innkeeper/sdk-assemblyscript/assembly'
    import { givenView, replicaOf, test } from '@innkeeper/sdk-assemblyscript/assembly/testing'
    import { BoxesName, Noted, NotesName, Row } from '../assembly/gen/views'
    import { counting, last, meddling, stray } from '../assembly/views'
    const x = Noted.of('x'), y = Noted.of('y')
    test('order', () => { givenView(last).event(NotesName, 'a', x).event(NotesName, 'b', y).then([], []) })
    test('in between', () => { givenView(counting).updated(BoxesName, 'a', x).updated(BoxesName, 'a', y).then([], []) })
    test('no name', () => { givenView(stray).event(NotesName, 'a', x).then([], []) })
    test('other rows', () => { givenView(last).event(NotesName, 'a', x).then(['one'], [Row.of('y', 0)]) })
    test('a change', () => { givenView(meddling).replica(BoxesName, 'a', replicaOf<ORSet>()).then([], []) })`
  const files = {
    'package.json': '{ "name": "views", "innkeeper": { "language": "assemblyscript" } }',
    'proto/views.proto': viewsProto,
    'assembly/views.ts': views,
    'assembly/index.ts': `import { serveView } from '@innkeeper/sdk-assemblyscript/assembly'
      import { last } from './views'
      serveView(last)`,
    'test/rules.ts': rules,
    'test/service.test.ts': '',
  }
  await withProject(files, async (folder) => {
    const told = (await testAssemblyScript(readProject(folder))).map(({ failure }) => failure?.replace(/ \(.*$/, ''))
    assert.equal(told, [
      'the row "one" breaks law L7: rows depend on the order of changes of different entities',
      'the row "a" breaks law L7: rows depend on values that are not their entity\'s newest',
      'the row "other" is none that the change may touch; name its key in `rows`',
      'the row "one" is another than was said',
      'a view is shown a replicated value to look at, and changes none',
    ])
  })
})

const keysProto = `syntax = "proto3";
package test.keys.v1;
import "cloudstate/entity_key.proto";
import "innkeeper/options.proto";
service Keys {
  rpc Do(All) returns (Told);
  rpc Named(Name) returns (Told);
  rpc Loose(Other) returns (Told);
  rpc Turn(Name) returns (Told);
  rpc Leave(Name) returns (Told);
}
service Flow {
  rpc Idle(Name) returns (stream Told);
}
enum Colour {
  RED = 0;
}
message All {
  string f1 = 1 [(innkeeper.entity_key) = true];
  bytes f2 = 2 [(innkeeper.entity_key) = true];
  bool f3 = 3 [(innkeeper.entity_key) = true];
  int32 f4 = 4 [(innkeeper.entity_key) = true];
  uint32 f5 = 5 [(innkeeper.entity_key) = true];
  sint32 f6 = 6 [(innkeeper.entity_key) = true];
  fixed32 f7 = 7 [(innkeeper.entity_key) = true];
  sfixed32 f8 = 8 [(innkeeper.entity_key) = true];
  int64 f9 = 9 [(innkeeper.entity_key) = true];
  uint64 f10 = 10 [(innkeeper.entity_key) = true];
  sint64 f11 = 11 [(innkeeper.entity_key) = true];
  fixed64 f12 = 12 [(innkeeper.entity_key) = true];
  sfixed64 f13 = 13 [(innkeeper.entity_key) = true];
  float f14 = 14 [(innkeeper.entity_key) = true];
  double f15 = 15 [(innkeeper.entity_key) = true];
  Colour colour = 20 [(cloudstate.entity_key) = true];
  string other = 21;
}
message Name {
  string id = 1 [(innkeeper.entity_key) = true];
}
message Other {
  string id = 1 [(innkeeper.entity_key) = true, (innkeeper.allow_empty_key) = true];
}
message Told {
  string text = 1;
}
message Noted {
  string text = 1;
}
`

const keysSource = `
import { Call, Context, NoState, ServerStream, ServerStreamOf } from '@innkeeper/sdk-assemblyscript/assembly'
import { All, FlowAction, KeysEventSourced, Name, Noted, Other, Told } from './gen/keys'

export class Keys extends KeysEventSourced<Told> {
  do(request: All, context: Context): Told | null { return Told.of(context.entity) }
  named(request: Name, context: Context): Told | null {
    this.emit(Noted.of(request.id))
    return Told.of(context.entity)
  }
  loose(request: Other, context: Context): Told | null { return Told.of(context.entity) }
  turn(request: Name, context: Context): Told | null {
    return context.forward<Told>(new Call('test.keys.v1.Keys', 'Turn', request))
  }
  leave(request: Name, context: Context): Told | null {
    return context.forward<Told>(new Call('test.keys.v1.Away', 'Do', request))
  }
  onNoted(event: Noted): void {}
}

export class Flow extends FlowAction {
  idle(): ServerStreamOf<Name, Told> { return new Idle() }
}

class Idle extends ServerStream<Name, Told, NoState> {
  start(request: Name, context: Context): void {}
  next(context: Context): void {}
}
`

/** Tests with what is said of them; nothing where they pass. */
const keysTests: readonly (readonly [string, string, string | undefined])[] = [
  [
    'a key of every type',
    `given(new Keys()).when('Do', All.of('a', fromText('ÿ'), true, -1, 4294967295, -2, 1, -1, -1, u64.MAX_VALUE, -2, 2, -2, 1, 1.5, 7, 'x'))
      .then([], Told.of('a-w78=-true--1-4294967295--2-1--1--1-18446744073709551615--2-2--2-1-1.5-7'))`,
    undefined,
  ],
  ['a key that may be empty', "given(new Keys()).when('Loose', Other.of('')).then([], Told.of(''))", undefined],
  [
    'a missing key of several fields',
    "given(new Keys()).when('Do', new All())",
    'test.keys.v1.Keys/Do: the field f1 names the entity and is empty; set it in the request, or name the entity by entity()',
  ],
  [
    'a request without its key',
    "given(new Keys()).when('Named', Name.of(''))",
    'test.keys.v1.Keys/Named: the field id names the entity and is empty; set it in the request, or name the entity by entity()',
  ],
  [
    'a request for another entity',
    "given(new Keys()).when('Named', Name.of('a')).then([Noted.of('a')], Told.of('a')).when('Loose', Other.of(''))",
    "Loose is asked of '', but the test is about 'a': begin another one with given",
  ],
  [
    'an event of another type',
    "given(new Keys()).when('Named', Name.of('a')).event<Told>(0)",
    'Named emits test.keys.v1.Noted as event 0, not test.keys.v1.Told',
  ],
  [
    'an event that is not there',
    "given(new Keys()).when('Named', Name.of('a')).event<Noted>(1)",
    'Named emits 1 events, and so no event 1',
  ],
  [
    'a stream that says nothing',
    "stream(new Flow(), 'Idle').sends(Name.of('a')).read<Told>()",
    'Idle asks for more 1000 times in a row, and says nothing',
  ],
  [
    'a circle of forwards',
    "together([new Keys()]).call(new Call('test.keys.v1.Keys', 'Turn', Name.of('a')))",
    'test.keys.v1.Keys/Turn is the last of 17 hops, too many',
  ],
  [
    'a forward out of the kit',
    "together([new Keys()]).call(new Call('test.keys.v1.Keys', 'Leave', Name.of('a')))",
    'test.keys.v1.Away is not here: give it to together()',
  ],
  [
    'a caller’s request without its key',
    "together([new Keys()]).call(new Call('test.keys.v1.Keys', 'Named', Name.of('')))",
    'test.keys.v1.Keys/Named: the field id names the entity and is empty; set it in the request',
  ],
  [
    'a method that is not there',
    "together([new Keys()]).call(new Call('test.keys.v1.Keys', 'Undo', Name.of('')))",
    'test.keys.v1.Keys has no method Undo',
  ],
  [
    'a stream among services',
    "together([new Keys(), new Flow()]).call(new Call('test.keys.v1.Flow', 'Idle', Name.of('a')))",
    'test.keys.v1.Flow/Idle streams: test it by the kit of its kind',
  ],
  ['a service twice', 'together([new Keys(), new Flow(), new Keys()])', 'test.keys.v1.Keys is here twice'],
  ['a wrong list of parked effects', 'together([]).parks([AWAY])', '0 effects are parked, expected 1'],
  ['a wrong list of effects outside', 'together([]).leaves([AWAY])', '0 effects are outside, expected 1'],
]

Kit('testing-key, testing-together: keys of every type, and what a test is told', async () => {
  const tests = keysTests.map(([name, code]) => `test('${name}', () => {\n  ${code}\n})`)
  const rules = `
    import { Bytes, Call } from '@innkeeper/sdk-assemblyscript/assembly'
    import { given, stream, test, together } from '@innkeeper/sdk-assemblyscript/assembly/testing'
    import { All, Name, Noted, Other, Told } from '../assembly/gen/keys'
    import { Flow, Keys } from '../assembly/index'
    function fromText(text: string): Bytes { return Bytes.fromText(text) }
    ${tests.join('\n').replaceAll('AWAY', "new Call('test.keys.v1.Away', 'Do', Name.of('a'))")}`
  const files = {
    'package.json': '{ "name": "keys", "innkeeper": { "language": "assemblyscript" } }',
    'proto/tally.proto': '',
    'proto/keys.proto': keysProto,
    'assembly/index.ts': keysSource,
    'test/rules.ts': rules,
    'test/service.test.ts': '',
  }
  await withProject(files, async (folder) => {
    const tested = await testAssemblyScript(readProject(folder))
    assert.equal(
      tested.map(({ name, failure }) => [name, failure?.replace(/ \(\S+:\d+:\d+\)$/, '')]),
      keysTests.map(([name, , failure]) => [name, failure]),
    )
  })
})

Kit.run()

const Build = suite('assemblyscript build')

/** What `inn build` has to say of the counter with these changes. */
function problemsOf(
  source: string,
  proto: string = counterProto,
  more: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const files = {
    'package.json': '{ "name": "counter", "innkeeper": { "language": "assemblyscript" } }',
    'proto/tally.proto': proto,
    'assembly/index.ts': source.replace('./gen/counter', './gen/tally'),
    ...more,
  }
  return withProject(files, async (folder) => {
    try {
      await buildProject(folder)
      return []
    } catch (error) {
      if (error instanceof BuildError) return error.message.split('\n')
      throw error
    }
  })
}

Build('the README shows files that are built here', () => {
  const readme = readFileSync(join(root, 'sdk/assemblyscript/README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)]
  assert.ok(snippets.length > 0)
  for (const [, path, snippet] of snippets) assert.is(snippet, readFileSync(join(root, path!), 'utf8'))
  const parts = [...readme.matchAll(/<!-- of (\S+) -->\n```ts\n([\s\S]*?)```/g)]
  assert.ok(parts.length > 0)
  for (const [, path, snippet] of parts) {
    const source = readFileSync(join(root, path!), 'utf8')
    for (const part of snippet!.split(/^ *\/\/ \.\.\.\n/m)) assert.ok(source.includes(part), `${path}:\n${part}`)
  }
})

Build('assemblyscript/build.A2: a project that is right builds', async () => {
  assert.equal(await problemsOf(counterSource), [])
})

Build(
  'assemblyscript/build.A3: a copy of the SDK that lies in the project is not read: there is one, the build’s',
  async () => {
    const copy = 'node_modules/@innkeeper/sdk-assemblyscript/assembly/index.ts'
    assert.equal(await problemsOf(counterSource, counterProto, { [copy]: 'not even AssemblyScript' }), [])
  },
)

Build('code.A1: a missing handler is told at its class', async () => {
  const [problem, below, ...more] = await problemsOf(counterSource.replace('  get(', '  fetch('))
  assert.is(problem, 'assembly/index.ts:7:14: method get has no handler')
  assert.match(below!, /^ {2}TS2515: .*'get'/)
  assert.equal(more, [])
  const [asynchronous] = await problemsOf(counterSource.replace('  get(', '  async get('))
  assert.match(asynchronous!, /^assembly\/index\.ts:\d+:\d+: handlers are synchronous: /)
})

Build('an event that a class emits and does not fold is told where it is emitted', async () => {
  const [problem, ...more] = await problemsOf(counterSource.replace(' onAdded(', ' whenAdded('))
  assert.match(problem!, /^assembly\/index\.ts:\d+:\d+: event Added has no evolve: its class needs onAdded/)
  assert.equal(more, [])
})

Build('build.A1: what a guest cannot have is refused by name', async () => {
  const problems = await problemsOf(
    counterSource.replace(
      'return this.state\n  }\n\n  on',
      'console.log(Date.now().toString() + Math.random().toString())\n    return this.state\n  }\n\n  on',
    ),
  )
  assert.equal([...problems].sort(), [
    'assembly/index.ts: Date.now is not available in a service: use context.now',
    'assembly/index.ts: Math.random is not available in a service: use context.random()',
  ])
})

Build('a class of a kind that its methods do not allow does not exist', async () => {
  const streaming = counterProto.replace(
    'rpc Get(GetRequest) returns (Value)',
    'rpc Get(stream GetRequest) returns (Value)',
  )
  const [problem] = await problemsOf(counterSource, streaming)
  assert.match(problem!, /CounterEventSourced/)
})

Build('build.A5: memory is not the author’s to read', async () => {
  const [problem] = await problemsOf(`${counterSource}\nexport const peek = load<u8>(0)\n`)
  assert.match(problem!, /^assembly\/index\.ts:30:\d+: AS101: /)
})

Build.run()
