// Later: what a script says of a later time, and the outcome that the host lifts of it, in each state model. conformance.proto says what the acts
// mean; bytes are written down by hand.
//
// Leaves to others: asking (alone.ts), what a host does of it (cases.ts).

import type { Outcome } from '../../host/outcome.ts'
import { hex, sized, text, varint } from './bytes.ts'
import type { Act } from './cases.ts'

/** Time of the command (alone.ts). */
const now = 1_700_000_000_123

export type Model = 'Events' | 'Values' | 'Members' | 'Actions'
const all: readonly Model[] = ['Events', 'Values', 'Members', 'Actions']
const entities: readonly Model[] = ['Events', 'Values', 'Members']

/** As `plain` writes it: bytes in hexadecimal. What is left out is none of it. */
interface Expected {
  readonly answer?: object
  readonly effects?: readonly object[]
  readonly cancels?: readonly string[]
  readonly resolves?: readonly object[]
}

export interface LaterCase {
  readonly name: string
  readonly models: readonly Model[]
  readonly acts: readonly Act[]
  readonly expected: Expected
}

const service = 'innkeeper.conformance.v1.Events'
/** Script { id: "b", acts: [{ note: "x" }] } */
const script = text(1, 'b') + sized(2, text(2, 'x'))
const target = { service: 'Events', method: 'Do', script: { id: 'b', acts: [{ note: 'x' }] } }
const call = { service, method: 'Do', payload: script, metadata: [] }

const timed = (more: Act): Act => ({ timed: { target, ...more } }) as Act
const effect = (more: object = {}): object => ({ call, synchronous: false, ...more })
const after = (ms: number): object => ({ due: { kind: 'after', ms } })
const at = (ms: number): object => ({ due: { kind: 'at', ms } })
const replied = { kind: 'message', payload: '' }
const later = (ticket: string, withinS?: number): object => ({
  kind: 'later',
  deferred: withinS === undefined ? { ticket } : { ticket, withinS },
})
const resolved = (ticket: string, method: string, words: string): object => ({
  ticket,
  method,
  answer: { kind: 'message', payload: words },
  metadata: [],
})

export const laterCases: readonly LaterCase[] = [
  {
    name: 'later: effects after a span, in whole milliseconds, rounded up, and never below 0',
    models: all,
    acts: [1_500, 1, -1_500, 0, 60_000_000].map((us) => timed({ after: us })),
    expected: { effects: [2, 1, 0, 0, 60_000].map((ms) => effect(after(ms))) },
  },
  {
    name: 'later: effects at a time, in whole milliseconds, rounded up',
    models: all,
    acts: [1_500, -1_500, 0].map((us) => timed({ at: us })),
    expected: { effects: [now + 2, now - 1, now].map((ms) => effect(at(ms))) },
  },
  {
    name: 'later: effects that must be answered in time, synchronous or due later',
    models: all,
    acts: [
      timed({ within: 1_500 }),
      timed({ within: 1, after: 1_000 }),
      { timed: { target: { ...target, synchronous: true }, within: 2_000 } } as Act,
    ],
    expected: {
      effects: [
        effect({ withinMs: 2 }),
        effect({ ...after(1), withinMs: 1 }),
        effect({ synchronous: true, withinMs: 2 }),
      ],
    },
  },
  {
    name: "later: an action's refusal keeps effects that are due later",
    models: ['Actions'],
    acts: [timed({ after: 1_000 }), timed({ at: 0, within: 1_000 }), { refuse: { code: 9, message: 'no' } }],
    expected: {
      answer: { kind: 'failure', failure: { code: 9, message: 'no', details: [] } },
      effects: [effect(after(1)), effect({ ...at(now), withinMs: 1 })],
    },
  },
  {
    name: 'later: an action ignores what only entities have',
    models: ['Actions'],
    acts: [
      timed({ name: 'n', asks: true, note: 'm', after: 1_000 }),
      { cancel: 'n' },
      { later: { ticket: 't' } },
      { resolve: { ticket: 't', method: 'Do', text: 'x' } },
    ],
    expected: { effects: [effect(after(1))] },
  },
  {
    name: 'later: effects with names',
    models: entities,
    acts: [timed({ name: 'one' }), timed({ name: 'zwei ü', after: 1_000 }), timed({ name: 'one', at: 0 })],
    expected: { effects: [effect({ name: 'one' }), effect({ ...after(1), name: 'zwei ü' }), effect(at(now))] },
  },
  {
    name: 'later: asks, with a note and without, at once and due later',
    models: entities,
    acts: [
      timed({ asks: true, note: 'ü' }),
      timed({ asks: true, after: 3_000, name: 'n', within: 5_000_000 }),
      timed({ asks: true, note: 'x', at: 1_000 }),
    ],
    expected: {
      effects: [
        effect({ answer: { method: 'Heard', note: text(1, 'ü') } }),
        effect({ ...after(3), name: 'n', answer: { method: 'Heard', note: '' }, withinMs: 5_000 }),
        effect({ ...at(now + 1), answer: { method: 'Heard', note: text(1, 'x') } }),
      ],
    },
  },
  {
    name: 'later: cancels, in order, beside effects',
    models: entities,
    acts: [{ cancel: 'b' }, timed({ name: 'b' }), { cancel: 'a ü' }, { cancel: 'b' }],
    expected: { effects: [effect({ name: 'b' })], cancels: ['b', 'a ü', 'b'] },
  },
  ...(
    [
      [0, undefined],
      [1, 1],
      [1_000_000, 1],
      [1_000_001, 2],
      [59_999_001, 60],
    ] as const
  ).map(([within, withinS]) => ({
    name: `later: a reply that comes later, within ${within} microseconds`,
    models: entities,
    acts: [{ note: 'a' }, { forward: target }, { later: { ticket: 'ticket ü', within } }] as readonly Act[],
    expected: { answer: later('ticket ü', withinS) },
  })),
  {
    name: 'later: a later reply beside an ask',
    models: entities,
    acts: [timed({ asks: true, name: 'n' }), { later: { ticket: 't' } }],
    expected: { answer: later('t'), effects: [effect({ name: 'n', answer: { method: 'Heard', note: '' } })] },
  },
  {
    name: 'later: a forward after it decides the answer',
    models: entities,
    acts: [{ later: { ticket: 't' } }, { forward: target }],
    expected: { answer: { kind: 'forward', call } },
  },
  {
    name: 'later: tickets that are resolved, by replies and by refusals',
    models: entities,
    acts: [
      { resolve: { ticket: 't', method: 'Do', text: 'done' } },
      { resolve: { ticket: 'ü', method: 'Heard', text: '' } },
      { resolve: { ticket: 't', method: 'Do', refuse: { code: 9, message: 'no ü', detail: 'more' } } },
      { resolve: { ticket: '', method: 'Do', text: 'x' } },
      { resolve: { ticket: 'x', method: 'Nothing', text: 'x' } },
    ],
    expected: {
      resolves: [
        resolved('t', 'Do', text(1, 'done')),
        resolved('ü', 'Heard', ''),
        {
          ticket: 't',
          method: 'Do',
          answer: {
            kind: 'failure',
            failure: {
              code: 9,
              message: 'no ü',
              details: [{ typeName: 'innkeeper.conformance.v1.Noted', data: text(1, 'more') }],
            },
          },
          metadata: [],
        },
      ],
    },
  },
  {
    name: 'later: a refusal of an entity drops it all',
    models: entities,
    acts: [
      timed({ asks: true, name: 'n' }),
      { cancel: 'n' },
      { resolve: { ticket: 't', method: 'Do', text: 'x' } },
      { later: { ticket: 't' } },
      { refuse: { code: 5, message: 'no' } },
    ],
    expected: { answer: { kind: 'failure', failure: { code: 5, message: 'no', details: [] } } },
  },
]

const info = (reason: string, domain: string): string =>
  sized(3, text(1, 'type.googleapis.com/google.rpc.ErrorInfo') + sized(2, text(1, reason) + text(2, domain)))
const failure = (...details: readonly string[]): string =>
  sized(2, varint(1, '09') + text(2, 'no') + details.join('')) + sized(3, text(1, 'n'))

/** Bytes of Answered, and what Heard says of them. */
export const heardCases: readonly (readonly [bytes: Uint8Array, said: string])[] = [
  [hex(sized(1, text(1, 'there')), sized(3, text(1, 'n'))), 'n=there'],
  [hex(sized(1, '')), '='],
  [hex(failure(info('REFUSED', 'innkeeper'))), 'n!REFUSED'],
  [hex(failure(info('NOT_SENT', 'innkeeper'))), 'n!NOT_SENT'],
  [hex(failure(info('UNKNOWN', 'innkeeper'))), 'n!UNKNOWN'],
  [hex(failure()), 'n!UNKNOWN'],
  [hex(failure(info('REFUSED', 'other.example'))), 'n!UNKNOWN'],
  [hex(failure(info('ELSE', 'innkeeper'))), 'n!UNKNOWN'],
  [hex(failure(info('REFUSED', 'other.example'), info('NOT_SENT', 'innkeeper'))), 'n!NOT_SENT'],
  [hex(failure(sized(3, text(1, 'type.googleapis.com/google.rpc.ErrorInfo') + sized(2, '0a09')))), 'n!UNKNOWN'],
  [
    hex(failure(sized(3, text(1, 'type.googleapis.com/google.rpc.RetryInfo') + sized(2, text(1, 'REFUSED'))))),
    'n!UNKNOWN',
  ],
  [hex(''), '!UNKNOWN'],
]

/** What is compared of an outcome. */
export function plain({ answer, effects, cancels, resolves }: Outcome): Expected {
  const copy = { answer, effects, cancels: cancels ?? [], resolves: resolves ?? [] }
  const inHex = (_: string, value: unknown): unknown =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  // A Buffer would write itself down before it is asked.
  return JSON.parse(JSON.stringify(copy, inHex)) as Expected
}

export function whole({ answer = replied, effects = [], cancels = [], resolves = [] }: Expected): Expected {
  return { answer, effects, cancels, resolves }
}
