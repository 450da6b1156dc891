// Guards the bytes on disk: what is written reads back equal, is what record.proto says, and is refused once it changed.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EffectEntry } from '../../host/effect.ts'
import type {
  Base,
  CommitRecord,
  IdempotencyEntry,
  JournalRecord,
  Snapshot,
  StoredAnswer,
  StoredSubscription,
} from '../../host/journal/journal.ts'
import type { NeverStored, Ticket } from '../../host/journal/record.ts'
import {
  decodeBase,
  decodeCommit,
  decodeCommitOutboxId,
  decodeEvents,
  decodeHead,
  decodeIdempotency,
  decodeOutbox,
  decodeRecord,
  decodeSnapshot,
  decodeSubscription,
  decodeTicket,
  encodeBase,
  encodeCommit,
  encodeIdempotency,
  encodeOutbox,
  encodeRecord,
  encodeSnapshot,
  encodeSubscription,
  encodeTicket,
  frame,
  unframe,
} from '../../host/journal/record.ts'
import type { Metadata, MetadataEntry } from '../../host/metadata.ts'
import type { Call, Change, Effect, Resolution, Typed } from '../../host/outcome.ts'
import { DamagedValue } from '../../host/storage/damage.ts'
import { effect, plain } from '../support/journal.ts'

const source = readFileSync(new URL('../../host/journal/record.proto', import.meta.url), 'utf8')
const schema = protobuf.parse(source, { keepCase: false }).root

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 100, maxLength: 300 }))
const bytes = fc.uint8Array({ maxLength: 300 })
const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const whole = fc.oneof(fc.nat(300), fc.maxSafeNat())
const metadata = fc.array(fc.oneof(fc.tuple(text, text), fc.tuple(text, bytes)) as fc.Arbitrary<MetadataEntry>, {
  maxLength: 3,
})
const typed: fc.Arbitrary<Typed> = fc.record({ typeName: text, data: bytes })
const call: fc.Arbitrary<Call> = fc.record({ service: text, method: text, payload: bytes, metadata })
const noBytes = new Uint8Array()
const optionalText = fc.option(text, { nil: undefined })

const someText = text.filter((one) => one !== '')
const positive = whole.map((one) => Math.max(1, one))
const entity = fc.record({ storage: uint32, key: text })
const asked = { method: someText, note: bytes }
const effectSaid: fc.Arbitrary<Effect> = fc.record(
  {
    call,
    synchronous: fc.boolean(),
    due: fc.record({ kind: fc.constantFrom('after' as const, 'at' as const), ms: whole }),
    name: someText,
    answer: fc.record(asked),
    withinMs: positive,
  },
  { requiredKeys: ['call', 'synchronous'] },
)
const failure = fc.record({ code: uint32, message: text, details: fc.array(typed, { maxLength: 3 }) })
const resolution: fc.Arbitrary<Resolution> = fc.record({
  ticket: text,
  method: text,
  answer: fc.oneof(
    fc.record({ kind: fc.constant('message' as const), payload: bytes }),
    fc.record({ kind: fc.constant('failure' as const), failure }),
  ),
  metadata,
})
const deferred = fc.record({
  kind: fc.constant('later' as const),
  deferred: fc.record({
    ticket: someText,
    withinS: fc.option(
      uint32.map((one) => Math.max(1, one)),
      { nil: undefined },
    ),
  }),
})

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('updated' as const), value: bytes }),
  fc.record({ kind: fc.constant('deleted' as const) }),
  fc.record({ kind: fc.constant('delta' as const), delta: bytes }),
)

const record: fc.Arbitrary<JournalRecord> = fc.record(
  {
    revision: whole,
    sequence: whole,
    deployment: uint32,
    command: fc.record(
      {
        method: text,
        payload: bytes,
        metadata,
        nowMs: whole,
        seed: bytes,
        idempotencyKey: optionalText,
        cause: fc.record({ service: text, entity: text, revision: whole }),
      },
      { requiredKeys: ['method', 'payload', 'metadata', 'nowMs', 'seed', 'idempotencyKey'] },
    ),
    origin: fc.constantFrom('command', 'cancelled', 'changed', 'peer'),
    events: fc.array(typed, { maxLength: 4 }),
    change: fc.option(change, { nil: undefined }),
    effects: fc.array(effectSaid, { maxLength: 3 }),
    answer: fc.oneof(
      fc.record({ kind: fc.constant('message' as const), payload: bytes }),
      fc.record({ kind: fc.constant('forward' as const), call }),
      fc.record({ kind: fc.constant('none' as const) }),
      deferred,
    ),
    answerMetadata: metadata,
    cancels: fc.array(text, { minLength: 1, maxLength: 3 }),
    resolves: fc.array(resolution, { minLength: 1, maxLength: 2 }),
  },
  {
    requiredKeys: [
      ...(['revision', 'sequence', 'deployment', 'command', 'origin', 'events', 'change', 'effects'] as const),
      ...(['answer', 'answerMetadata'] as const),
    ],
  },
)

const snapshot: fc.Arbitrary<Snapshot> = fc.record({
  revision: whole,
  sequence: whole,
  stateVersion: text,
  state: bytes,
})

const stored: fc.Arbitrary<StoredAnswer> = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), payload: bytes, metadata }),
  fc.record({
    kind: fc.constant('failure' as const),
    code: uint32,
    message: text,
    details: fc.array(typed, { maxLength: 3 }),
    metadata,
  }),
  fc.record({ kind: fc.constant('forward' as const), call, metadata }),
  fc.record({ kind: fc.constant('later' as const), ticket: someText, metadata }),
)

const base: fc.Arbitrary<Base> = fc.record({
  revision: whole,
  deployment: uint32,
  nowMs: whole,
  state: fc.option(bytes, { nil: undefined }),
})

const subscription: fc.Arbitrary<StoredSubscription> = fc.record({
  id: text,
  method: text,
  payload: bytes,
  note: bytes,
})

const idempotency: fc.Arbitrary<IdempotencyEntry> = fc.record({
  method: text,
  payloadHash: bytes,
  atMs: whole,
  revision: whole,
  final: fc.option(stored, { nil: undefined }),
})

const outbox: fc.Arbitrary<EffectEntry> = fc.record(
  {
    id: whole,
    cause: fc.record({ service: text, entity: text, revision: whole }),
    call,
    synchronous: fc.boolean(),
    hops: uint32,
    attempts: uint32,
    parked: optionalText,
    chain: whole,
    place: uint32,
    chainEffects: uint32,
    from: entity,
    name: someText,
    answer: fc.record({ ...asked, hops: uint32 }),
    dueMs: positive,
    untilMs: positive,
    to: entity,
  },
  {
    requiredKeys: [
      ...(['id', 'cause', 'call', 'synchronous', 'hops', 'attempts', 'parked'] as const),
      ...(['chain', 'place', 'chainEffects'] as const),
    ],
  },
)

const ticket: fc.Arbitrary<Ticket> = fc.record({
  service: text,
  method: text,
  openedMs: whole,
  expiresMs: whole,
  keys: fc.array(text, { maxLength: 3 }),
  asks: fc.array(outbox, { maxLength: 2 }),
})

const commitRecord: fc.Arbitrary<CommitRecord> = fc.record({
  number: whole,
  wrote: fc.array(
    fc.record(
      {
        entity: fc.record({ storage: uint32, key: text }),
        revision: whole,
        kind: fc.constantFrom('value' as const, 'replica' as const),
      },
      { requiredKeys: ['entity', 'revision'] },
    ),
    { maxLength: 5 },
  ),
  gone: fc.array(fc.record({ storage: uint32, why: fc.constantFrom('purged' as const, 'undeployed' as const) }), {
    minLength: 1,
    maxLength: 3,
  }),
})

interface Kind<T> {
  readonly message: string
  readonly values: fc.Arbitrary<T>
  readonly encode: (value: T) => Buffer
  readonly decode: (framed: Buffer, value: T) => T
  /** The value in the words of record.proto. */
  readonly described: (value: T) => object
}

/** No name of metadata is left out. */
const everything: NeverStored = new Set()

/** A kind whose type is forgotten, so that all stand in one list. */
function kind<T>(of: Kind<T>): Kind<unknown> {
  return of as unknown as Kind<unknown>
}

const describedMetadata = (entries: readonly MetadataEntry[]) =>
  entries.map(([name, value]) => ({ name, ...(typeof value === 'string' ? { text: value } : { binary: value }) }))
const describedCall = (of: Call) => ({ ...of, metadata: describedMetadata(of.metadata) })
const describedEffect = ({ call: to, due, answer, ...rest }: Effect) => ({
  ...rest,
  call: describedCall(to),
  ...(due && { due: due.kind === 'after' ? 1 : 2, dueMs: due.ms }),
  ...(answer && { answer }),
})
const describedEntry = ({ id: _, cause, call: target, ...rest }: EffectEntry) => ({
  ...cause,
  call: describedCall(target),
  ...rest,
})
const describedResolution = ({ answer, metadata: sent, ...rest }: Resolution) => ({
  ...rest,
  ...(answer.kind === 'message' ? { message: answer.payload } : { failure: answer.failure }),
  metadata: describedMetadata(sent),
})
const describedAnswer = (answer: JournalRecord['answer']) => {
  if (answer.kind === 'message') return { message: answer.payload }
  if (answer.kind === 'forward') return { forward: describedCall(answer.call) }
  return answer.kind === 'later' ? { later: answer.deferred } : { none: true }
}
const describedStored = (answer: StoredAnswer) => {
  const metadata = describedMetadata(answer.metadata)
  if (answer.kind === 'message') return { message: answer.payload, metadata }
  if (answer.kind === 'forward') return { forward: describedCall(answer.call), metadata }
  if (answer.kind === 'later') return { later: answer.ticket, metadata }
  return { failure: { code: answer.code, message: answer.message, details: answer.details }, metadata }
}
const describedChange = (of: Change) => {
  if (of.kind === 'updated') return { updated: of.value }
  return of.kind === 'deleted' ? { deleted: true } : { delta: of.delta }
}
const origins = ['command', 'cancelled', 'changed', 'peer']

const kinds: readonly Kind<unknown>[] = [
  kind({
    message: 'Record',
    values: record,
    encode: (value) => encodeRecord(value, everything),
    decode: (framed, { revision }) => decodeRecord(revision, framed),
    described: ({
      revision: _,
      command,
      origin,
      change: changed,
      effects,
      answer,
      answerMetadata,
      resolves,
      ...rest
    }) => ({
      ...rest,
      ...(resolves && { resolves: resolves.map(describedResolution) }),
      origin: origins.indexOf(origin),
      ...(changed && { change: describedChange(changed) }),
      command: { ...command, metadata: describedMetadata(command.metadata) },
      effects: effects.map(describedEffect),
      answer: describedAnswer(answer),
      answerMetadata: describedMetadata(answerMetadata),
    }),
  }),
  kind({
    message: 'Snapshot',
    values: snapshot,
    encode: encodeSnapshot,
    decode: decodeSnapshot,
    described: (value) => value,
  }),
  kind({
    message: 'Base',
    values: base,
    encode: encodeBase,
    decode: decodeBase,
    described: (value) => value,
  }),
  kind({
    message: 'Subscription',
    values: subscription,
    encode: encodeSubscription,
    decode: (framed, { id }) => decodeSubscription(id, framed),
    described: ({ id: _, ...rest }) => rest,
  }),
  kind({
    message: 'Idempotency',
    values: idempotency,
    encode: (value) => encodeIdempotency(value, everything),
    decode: decodeIdempotency,
    described: ({ final, ...rest }) => ({ ...rest, ...(final && { final: describedStored(final) }) }),
  }),
  kind({
    message: 'Outbox',
    values: outbox,
    encode: (value) => encodeOutbox(value, everything),
    decode: (framed, { id }) => decodeOutbox(id, framed),
    described: describedEntry,
  }),
  kind({
    message: 'Ticket',
    values: ticket,
    encode: (value) => encodeTicket(value, everything),
    decode: decodeTicket,
    described: ({ asks, ...rest }) => ({
      ...rest,
      asks: asks.map((ask) => ({ id: ask.id, effect: describedEntry(ask) })),
    }),
  }),
  kind({
    message: 'Commit',
    values: commitRecord,
    encode: ({ wrote, gone }) => encodeCommit(wrote, 0, gone),
    decode: (framed, { number }) => decodeCommit(number, framed),
    described: ({ wrote, gone = [] }) => ({
      wrote: wrote.map(({ entity, revision, kind }) => ({
        ...entity,
        revision,
        kind: kind === undefined ? 0 : kind === 'value' ? 1 : 2,
      })),
      gone: gone.map(({ storage, why }) => ({ storage, why: why === 'purged' ? 0 : 1 })),
    }),
  }),
]

/** Without what proto3 does not write: zeros, empty text and bytes, empty lists; but what is `optional` or in a oneof stays. */
function bare(type: protobuf.Type, value: object): object {
  const result: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    const field = type.fields[name]
    assert.ok(field, `${type.name} has no field ${name}`)
    if (item === undefined) continue
    const one = (part: unknown) =>
      field.resolvedType instanceof protobuf.Type ? bare(field.resolvedType, part as object) : plain(part)
    if (Array.isArray(item)) {
      if (item.length > 0) result[name] = item.map(one)
    } else if (item instanceof Uint8Array) {
      if (item.length > 0 || field.partOf) result[name] = plain(item)
    } else if (field.partOf || !(item === 0 || item === '' || item === false)) result[name] = one(item)
  }
  return result
}

const Records = suite('journal record')

for (const { message, values, encode, decode, described } of kinds) {
  Records(`record.R2: a ${message} reads back equal`, () => {
    fc.assert(fc.property(values, (value) => assert.equal(plain(decode(encode(value), value)), plain(value))))
  })

  Records(`a ${message} is what record.proto says`, () => {
    const type = schema.lookupType(`innkeeper.journal.v1.${message}`)
    type.resolveAll()
    const property = fc.property(values, (value) => {
      const read = type.toObject(type.decode(unframe(encode(value))), { longs: Number })
      assert.equal(bare(type, read), bare(type, described(value)))
    })
    fc.assert(property)
  })

  Records(`record.R1: a ${message} with any byte changed, cut or longer is damaged, never another value`, () => {
    const property = fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, change) => {
      const framed = encode(value)
      const flipped = Buffer.from(framed)
      flipped[place % framed.length]! ^= change
      const cut = framed.subarray(0, place % framed.length)
      const longer = Buffer.concat([framed, Buffer.from([change])])
      for (const wrong of [flipped, cut, longer]) {
        assert.throws(
          () => decode(wrong, value),
          (error: unknown) => error instanceof DamagedValue,
        )
      }
    })
    fc.assert(property)
  })

  Records(
    `record.R1: bytes with a right checksum that are no ${message} are damaged, or read as one, and nothing else`,
    () => {
      const property = fc.property(fc.uint8Array({ maxLength: 60 }), values, (body, value) => {
        try {
          decode(frame(body), value)
        } catch (error) {
          assert.instance(error, DamagedValue)
        }
      })
      fc.assert(property)
    },
  )

  Records(`record.R2: fields that this version does not know are skipped in a ${message}`, () => {
    // Field 1000 as a varint, eight bytes, bytes and four bytes.
    const unknown = protobuf.Writer.create()
    unknown.uint32(8000).uint32(5).uint32(8001).fixed64(7).uint32(8002).string('newer').uint32(8005).fixed32(9)
    const tail = unknown.finish()
    const property = fc.property(values, (value) => {
      const body = unframe(encode(value))
      for (const newer of [Buffer.concat([body, tail]), Buffer.concat([tail, body])]) {
        assert.equal(plain(decode(frame(newer), value)), plain(value))
      }
    })
    fc.assert(property)
  })
}

/** Everything in record.proto that holds metadata, with the given one everywhere. */
const holders: readonly {
  readonly what: string
  readonly encode: (metadata: Metadata, never: NeverStored) => Buffer
}[] = [
  ...(['message', 'forward', 'none'] as const).map((kind) => ({
    what: `a record whose answer is ${kind}`,
    encode: (metadata: Metadata, never: NeverStored) => {
      const to: Call = { service: 's', method: 'm', payload: noBytes, metadata }
      const answer =
        kind === 'message'
          ? { kind, payload: noBytes }
          : kind === 'forward'
            ? { kind, call: to }
            : ({ kind: 'none' } as const)
      const command = { method: 'm', payload: noBytes, metadata, nowMs: 1, seed: noBytes, idempotencyKey: 'k' }
      const effects = [{ call: to, synchronous: true }]
      const about = {
        revision: 1,
        sequence: 0,
        deployment: 1,
        origin: 'command',
        events: [],
        change: undefined,
      } as const
      return encodeRecord({ ...about, command, effects, answer, answerMetadata: metadata }, never)
    },
  })),
  ...(['message', 'failure', 'forward'] as const).map((kind) => ({
    what: `an idempotency key whose answer is ${kind}`,
    encode: (metadata: Metadata, never: NeverStored) => {
      const to: Call = { service: 's', method: 'm', payload: noBytes, metadata }
      const final: StoredAnswer =
        kind === 'message'
          ? { kind, payload: noBytes, metadata }
          : kind === 'forward'
            ? { kind, call: to, metadata }
            : { kind, code: 3, message: '', details: [], metadata }
      return encodeIdempotency({ method: 'm', payloadHash: noBytes, atMs: 1, revision: 1, final }, never)
    },
  })),
  {
    what: 'an effect on its way',
    encode: (metadata, never) => {
      const cause = { service: 's', entity: 'e', revision: 1 }
      const to: Call = { service: 's', method: 'm', payload: noBytes, metadata }
      return encodeOutbox(effect({ id: 1, cause, call: to, synchronous: true }), never)
    },
  },
]

for (const { what, encode } of holders) {
  Records(`record.R3: ${what} is written as if metadata that is never stored had not been said`, () => {
    const kept: Metadata = [
      ['x-trace', 'kept'],
      ['x-bytes-bin', Uint8Array.of(1, 2)],
    ]
    const never: NeverStored = new Set(['x-token', 'x-secret-bin'])
    const said: Metadata = [['x-token', 'hush'], ...kept, ['x-secret-bin', Buffer.from('hush')], ['x-token', 'hush']]
    assert.equal(encode(said, never), encode(kept, everything))
    assert.ok(encode(said, everything).includes('hush'), 'the test says nothing')
  })
}

Records('what reads a part of a record sees the same as what reads all', () => {
  const property = fc.property(record, (value) => {
    const framed = encodeRecord(value, everything)
    const events: Typed[] = []
    assert.is(decodeEvents(framed, events), value.sequence)
    assert.equal(plain(events), plain(value.events))
    assert.equal(decodeHead(framed), { sequence: value.sequence, nowMs: value.command.nowMs })
  })
  fc.assert(property)
})

Records('the highest outbox id of a commit reads back equal, is what record.proto says, and hides no record', () => {
  const type = schema.lookupType('innkeeper.journal.v1.Commit')
  const property = fc.property(commitRecord, whole, ({ number, wrote }, outboxId) => {
    const framed = encodeCommit(wrote, outboxId)
    assert.is(decodeCommit(number, framed).gone, undefined)
    assert.is(decodeCommitOutboxId(framed), outboxId)
    assert.equal(plain(decodeCommit(number, framed)), plain({ number, wrote }))
    assert.is(type.toObject(type.decode(unframe(framed)), { longs: Number, defaults: true })['outboxId'], outboxId)
  })
  fc.assert(property)
})

Records('the frame is a version, a CRC-32 and the body, as later hosts will look for them', () => {
  assert.is(frame(Buffer.from('123456789')).toString('hex'), '012639f4cb313233343536373839')
})

Records.run()
