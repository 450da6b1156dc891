// The cases: what every language's model services must answer, byte by byte. conformance.proto says what the acts mean.
//
// Leaves to others: asking (suite.ts), which languages there are (languages.ts).

import type { Json } from '../../host/transcode/json.ts'
import { fixed32, fixed64, hex, sized, text, varint } from './bytes.ts'

export type Act = Readonly<Record<string, Json>>

/** What is expected of one call. */
export type Expected =
  /** A reply of these bytes. `headers`: what comes with it. */
  | { readonly reply: Uint8Array; readonly headers?: Readonly<Record<string, string>> }
  | { readonly refused: number; readonly message: string; readonly detail?: string }
  /** A fault: INTERNAL, without a word of the guest's. */
  | 'fault'

export interface Call {
  readonly method: string
  readonly request: Json | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly expected: Expected
  /** Asked again for up to ten seconds: what an effect brings about needs its time. */
  readonly eventually?: true
}

export interface Case {
  readonly name: string
  /** `id`: an entity that nobody else has. */
  readonly calls: (id: string) => readonly Call[]
}

/** A reply of Said. */
export function said(words: string): { readonly reply: Uint8Array } {
  return { reply: words === '' ? new Uint8Array(0) : hex(text(1, words)) }
}

function refused(code: number, message: string, detail?: string): Expected {
  return detail === undefined ? { refused: code, message } : { refused: code, message, detail }
}

const script = (id: string, acts: readonly Act[], more: Act = {}): Json => ({ id, acts: acts as Json, ...more }) as Json

function ask(method: string, id: string, acts: readonly Act[], expected: Expected, more: Act = {}): Call {
  return { method, request: script(id, acts, more), expected }
}

/** The state of an entity is this. */
function state(service: string, id: string, words: string, eventually?: true): Call {
  const call = ask(`${service}/Do`, id, [{ ask: 'STATE' }], said(words))
  return eventually === undefined ? call : { ...call, eventually }
}

const armed = { element: 'armed' }

const target = (service: string, method: string, id: string, acts: readonly Act[], synchronous = false): Json =>
  ({ service, method, script: script(id, acts), synchronous }) as Json

const codes = Array.from({ length: 16 }, (_, i) => i + 1)

const eventCases: readonly Case[] = [
  {
    name: 'events: none yet, then some, in order',
    calls: (id) => [
      state('Events', id, '-'),
      ask('Events/Do', id, [{ note: 'a' }, { note: 'b' }, { ask: 'STATE' }], said('a,b')),
      ask('Events/Do', id, [{ ask: 'STATE' }, { note: 'c' }], said('a,b,c')),
      state('Events', id, 'a,b,c'),
    ],
  },
  {
    name: 'events: one without fields',
    calls: (id) => [
      ask('Events/Do', id, [{ note: 'a' }, { clear: true }, { note: 'b' }, { ask: 'STATE' }], said('b')),
      ask('Events/Do', id, [{ clear: true }, { ask: 'STATE' }], said('-')),
    ],
  },
  {
    name: 'events: texts of all kinds, and the empty one',
    calls: (id) => [
      ask('Events/Do', id, [{ note: 'ünï' }, { note: '' }, { note: '日本' }, { note: '\u{1f388}' }], said('')),
      state('Events', id, 'ünï,,日本,\u{1f388}'),
    ],
  },
  {
    name: 'an empty reply',
    calls: (id) => [ask('Events/Do', id, [], said('')), ask('Events/Do', id, [{ say: '' }], said(''))],
  },
  {
    name: 'a refusal of every code',
    calls: (id) =>
      codes.map((code) =>
        ask('Events/Do', id, [{ refuse: { code, message: `no ${code}` } }], refused(code, `no ${code}`)),
      ),
  },
  {
    name: 'a refusal with a detail, and words of all kinds',
    calls: (id) => [
      ask(
        'Events/Do',
        id,
        [{ refuse: { code: 9, message: 'ünï 日本 \u{1f388}', detail: 'more' } }],
        refused(9, 'ünï 日本 \u{1f388}', 'more'),
      ),
    ],
  },
  {
    name: 'a refusal of an entity drops events and effects',
    calls: (id) => [
      ask(
        'Events/Do',
        id,
        [{ note: 'a' }, { effect: target('Events', 'Do', `${id}-2`, [{ note: 'x' }], true) }, { refuse: { code: 9 } }],
        refused(9, ''),
      ),
      state('Events', id, '-'),
      state('Events', `${id}-2`, '-'),
    ],
  },
  {
    name: 'a forward: the other answers, this one keeps its events',
    calls: (id) => [
      ask(
        'Events/Do',
        id,
        [{ note: 'a' }, { forward: target('Values', 'Do', id, [{ note: 'v' }, { say: 'there' }, { ask: 'STATE' }]) }],
        said('there [v]'),
      ),
      state('Events', id, 'a'),
    ],
  },
  {
    name: 'effects: the reply waits for a synchronous one, the others come',
    calls: (id) => [
      ask(
        'Events/Do',
        id,
        [
          { effect: target('Events', 'Do', `${id}-2`, [{ note: 'x' }], true) },
          { effect: target('Values', 'Do', id, [{ note: 'y' }]) },
          { say: 'done' },
        ],
        said('done'),
      ),
      state('Events', `${id}-2`, 'x'),
      state('Values', id, '[y]', true),
    ],
  },
  {
    name: 'metadata of replies: texts and bytes',
    calls: (id) => [
      ask(
        'Events/Do',
        id,
        [{ header: { name: 'x-said', text: 'hello' } }, { header: { name: 'x-raw-bin', data: 'AP8Q' } }, { say: 'ok' }],
        { ...said('ok'), headers: { 'x-said': 'hello', 'x-raw-bin': '00ff10' } },
      ),
    ],
  },
  {
    name: 'metadata of requests, in order',
    calls: (id) => [
      {
        ...ask('Events/Do', id, [{ ask: 'METADATA' }], said('x-a=1,x-b-bin=00ff')),
        headers: { 'x-a': '1', 'x-b-bin': '00ff' },
      },
    ],
  },
  { name: 'the key of the entity', calls: (id) => [ask('Events/Do', id, [{ ask: 'ENTITY' }], said(id))] },
]

const faultCases: readonly Case[] = ['TRAP', 'LOOP', 'GROW'].map((fault) => ({
  name: `a fault, ${fault}: INTERNAL, and the state is what it was`,
  calls: (id: string) => [
    ask('Events/Do', id, [{ note: 'a' }], said('')),
    ask('Events/Do', id, [{ note: 'lost' }, { fault }], 'fault' as const, armed),
    ask('Events/Do', id, [{ note: 'b' }, { ask: 'STATE' }], said('a,b')),
  ],
}))

const valueCases: readonly Case[] = [
  {
    name: 'values: none, one, another, none',
    calls: (id) => [
      state('Values', id, '-'),
      ask('Values/Do', id, [{ note: 'a' }, { ask: 'STATE' }], said('[a]')),
      ask('Values/Do', id, [{ note: 'b' }], said('')),
      state('Values', id, '[b]'),
      ask('Values/Do', id, [{ clear: true }, { ask: 'STATE' }], said('-')),
      state('Values', id, '-'),
      ask('Values/Do', id, [{ note: '' }, { ask: 'STATE' }], said('[]')),
    ],
  },
  {
    name: 'values: a refusal changes nothing',
    calls: (id) => [
      ask('Values/Do', id, [{ note: 'a' }], said('')),
      ask('Values/Do', id, [{ clear: true }, { refuse: { code: 9, message: 'no' } }], refused(9, 'no')),
      state('Values', id, '[a]'),
    ],
  },
  {
    name: 'values: update and forward',
    calls: (id) => [
      ask(
        'Values/Do',
        id,
        [{ note: 'a' }, { forward: target('Events', 'Do', id, [{ note: 'e' }, { ask: 'STATE' }]) }],
        said('e'),
      ),
      state('Values', id, '[a]'),
    ],
  },
]

interface All {
  g?: string
  p?: string
  gs?: string
  os?: string
  r?: string
  f?: string
  m?: string
  v?: string
  n?: string
}

function line({
  g = '0',
  p = '0',
  gs = '',
  os = '',
  r = '',
  f = 'false',
  m = '',
  v = '0/1/false',
  n = '',
}: All): string {
  return `g=${g} p=${p} gs=${gs} os=${os} r=${r} f=${f} m=${m} v=${v} n=${n}`
}

/** Changes, one command each, and the line after each. */
function changes(steps: readonly (readonly [Act | readonly Act[], All])[]): (id: string) => readonly Call[] {
  return (id) =>
    steps.map(([change, after]) => {
      const list = (Array.isArray(change) ? change : [change]) as readonly Act[]
      return ask(
        'Replicas/Do',
        id,
        [...list.map((one) => ({ change: one as Json })), { ask: 'STATE' }],
        said(line(after)),
      )
    })
}

const replicatedCases: readonly Case[] = [
  { name: 'replicated: nothing yet', calls: (id) => [state('Replicas', id, line({}))] },
  {
    name: 'replicated: GCounter and PNCounter, to the ends of 64 bits',
    calls: changes([
      [{ increment: '3' }, { g: '3' }],
      [{ increment: '4' }, { g: '7' }],
      [{ add: '-5' }, { g: '7', p: '-5' }],
      [{ add: '9' }, { g: '7', p: '4' }],
      [[{ add: '-4' }, { add: '-9223372036854775808' }], { g: '7', p: '-9223372036854775808' }],
    ]),
  },
  {
    name: 'replicated: GSet and ORSet',
    calls: changes([
      [[{ grow: 'b' }, { grow: 'a' }, { grow: 'b' }], { gs: 'a,b' }],
      [[{ insert: 'x' }, { insert: 'ü' }], { gs: 'a,b', os: 'x,ü' }],
      [{ remove: 'x' }, { gs: 'a,b', os: 'ü' }],
      [{ insert: '' }, { gs: 'a,b', os: ',ü' }],
      [{ clear: true }, { gs: 'a,b' }],
    ]),
  },
  {
    name: 'replicated: LWWRegister with its clocks',
    calls: changes([
      [{ assign: { value: 'a' } }, { r: 'a' }],
      [{ assign: { value: 'b' } }, { r: 'b' }],
    ]),
  },
  {
    name: 'replicated: a register with a custom clock keeps the greater',
    calls: changes([
      [{ assign: { value: 'a', clock: 2, customClock: '9007199254740993' } }, { r: 'a' }],
      [{ assign: { value: 'b', clock: 2, customClock: '9007199254740992' } }, { r: 'a' }],
      [{ assign: { value: 'c', clock: 2, customClock: '9007199254740994' } }, { r: 'c' }],
      [{ assign: { value: 'd', clock: 3, customClock: '1' } }, { r: 'd' }],
    ]),
  },
  { name: 'replicated: Flag', calls: changes([[{ enable: true }, { f: 'true' }]]) },
  {
    name: 'replicated: Vote',
    calls: changes([
      [{ vote: true }, { v: '1/1/true' }],
      [{ vote: false }, { v: '0/1/false' }],
    ]),
  },
  {
    name: 'replicated: ORMap of counters',
    calls: changes([
      [[{ count: { key: 'b', by: '2' } }, { count: { key: 'a', by: '-1' } }], { m: 'a:-1,b:2' }],
      [{ count: { key: 'b', by: '3' } }, { m: 'a:-1,b:5' }],
      [{ uncount: 'b' }, { m: 'a:-1' }],
      [{ clearCounts: true }, {}],
    ]),
  },
  {
    name: 'replicated: a set in a map in a map',
    calls: changes([
      [[{ nest: { key: 'k', element: 'b' } }, { nest: { key: 'k', element: 'a' } }], { n: 'k:a+b' }],
      [{ nest: { key: 'j', element: 'c' } }, { n: 'j:c,k:a+b' }],
      [{ unnest: 'k' }, { n: 'j:c' }],
    ]),
  },
  {
    name: 'replicated: an entry is created with its default, and one that is there stays',
    calls: changes([
      [[{ createCount: 'b' }, { createNest: 'k' }], { m: 'b:0', n: 'k:' }],
      [[{ count: { key: 'b', by: '2' } }, { createCount: 'b' }], { m: 'b:2', n: 'k:' }],
      [[{ createCount: 'b' }, { createCount: 'a' }], { m: 'a:0,b:2', n: 'k:' }],
      [[{ uncount: 'b' }, { createCount: 'b' }], { m: 'a:0,b:0', n: 'k:' }],
      [[{ createNest: 'j' }, { nest: { key: 'j', element: 'x' } }], { m: 'a:0,b:0', n: 'j:x,k:' }],
    ]),
  },
  {
    name: 'replicated: operations together with deletion',
    calls: (id) => [
      ask('Replicas/Do', id, [{ change: { increment: '1' } }, { ask: 'STATE' }], said(line({ g: '1' }))),
      ask(
        'Replicas/Do',
        id,
        [{ change: { increment: '2' } }, { clear: true }, { change: { createCount: 'a' } }, { ask: 'STATE' }],
        said(line({ g: '3', m: 'a:0' })),
      ),
      ask('Replicas/Do', id, [{ ask: 'STATE' }], refused(5, 'Entity deleted')),
    ],
  },
  {
    name: 'replicated: write consistency, met at once on one host',
    calls: (id) => [
      ask(
        'Replicas/Do',
        id,
        [{ consistency: 1 }, { change: { increment: '1' } }, { ask: 'STATE' }],
        said(line({ g: '1' })),
      ),
      ask('Replicas/Do', id, [{ consistency: 2 }, { ask: 'STATE' }], said(line({ g: '1' }))),
      ask('Replicas/Do', id, [{ consistency: 2 }, { clear: true }, { say: 'gone' }], said('gone')),
      ask('Replicas/Do', id, [{ ask: 'STATE' }], refused(5, 'Entity deleted')),
    ],
  },
  {
    name: 'replicated: refused by each number',
    calls: (id) =>
      Array.from({ length: 16 }, (_, index) =>
        ask(
          'Replicas/Do',
          id,
          [{ consistency: 1 }, { refuse: { code: index + 1, message: 'no' } }],
          refused(index + 1, 'no'),
        ),
      ),
  },
  {
    name: 'replicated: a refusal drops operations',
    calls: (id) => [
      ask(
        'Replicas/Do',
        id,
        [{ change: { increment: '1' } }, { refuse: { code: 9, message: 'no' } }],
        refused(9, 'no'),
      ),
      state('Replicas', id, line({})),
    ],
  },
  {
    name: 'replicated: effects and a forward beside operations',
    calls: (id) => [
      ask(
        'Replicas/Do',
        id,
        [
          { change: { increment: '1' } },
          { effect: target('Events', 'Do', id, [{ note: 'x' }], true) },
          { forward: target('Values', 'Do', id, [{ say: 'v' }]) },
        ],
        said('v'),
      ),
      state('Replicas', id, line({ g: '1' })),
      state('Events', id, 'x'),
    ],
  },
  {
    name: 'replicated: what methods see of a set',
    calls: (id) => [
      ask('Members/Do', id, [{ note: 'b' }, { note: 'a' }, { note: 'c' }, { ask: 'STATE' }], said('a,b,c')),
      ask('Members/Do', id, [{ ask: 'SIZE' }, { ask: 'HAS' }], said('3 true'), { element: 'b' }),
      ask('Members/Blind', id, [{ ask: 'SIZE' }, { ask: 'HAS' }], said('3 -'), { element: 'b' }),
      ask('Members/One', id, [{ ask: 'SIZE' }, { ask: 'HAS' }, { ask: 'STATE' }], said('3 true b'), { element: 'b' }),
      ask('Members/One', id, [{ ask: 'HAS' }, { ask: 'STATE' }], said('false -'), { element: 'z' }),
      ask('Members/Some', id, [{ ask: 'STATE' }], said('a,c'), { look: ['c', 'z', 'a'] as Json }),
      ask('Members/Blind', id, [{ note: 'd' }, { drop: 'a' }, { say: 'ok' }], said('ok')),
      ask('Members/Do', id, [{ ask: 'STATE' }], said('b,c,d')),
      ask('Members/Do', id, [{ clear: true }, { ask: 'STATE' }], said('-')),
    ],
  },
]

const actionCases: readonly Case[] = [
  {
    name: 'actions: say, headers, metadata',
    calls: () => [
      {
        ...ask('Actions/Do', '', [{ say: 'a' }, { ask: 'STATE' }, { ask: 'ENTITY' }, { ask: 'METADATA' }], {
          ...said('a - - x-a=1'),
          headers: { 'x-said': 'b' },
        }),
        headers: { 'x-a': '1' },
        request: script('', [
          { say: 'a' },
          { ask: 'STATE' },
          { ask: 'ENTITY' },
          { ask: 'METADATA' },
          { header: { name: 'x-said', text: 'b' } },
        ]),
      },
    ],
  },
  {
    name: 'actions: a refusal keeps its effects',
    calls: (id) => [
      ask(
        'Actions/Do',
        '',
        [
          { effect: target('Events', 'Do', id, [{ note: 'x' }], true) },
          { refuse: { code: 5, message: 'none', detail: 'd' } },
        ],
        refused(5, 'none', 'd'),
      ),
      state('Events', id, 'x'),
    ],
  },
  {
    name: 'actions: a forward',
    calls: (id) => [
      ask('Actions/Do', '', [{ forward: target('Events', 'Do', id, [{ note: 'a' }, { ask: 'STATE' }]) }], said('a')),
    ],
  },
  {
    name: 'actions: a trap is INTERNAL, and the next call is fine',
    calls: () => [
      ask('Actions/Do', '', [{ fault: 'TRAP' }], 'fault', armed),
      ask('Actions/Do', '', [{ say: 'fine' }], said('fine')),
    ],
  },
]

/** The request as it is comes back; with `to`, in its one canonical form. */
function echo(name: string, from: Uint8Array, to: Uint8Array = from): Case {
  return {
    name: `echo: ${name}`,
    calls: () => [{ method: 'Actions/Echo', request: from, expected: { reply: to } }],
  }
}

const ones = 'ff ff ff ff ff ff ff ff ff 01'
const lowest = '80 80 80 80 80 80 80 80 80 01'
const highest = 'ff ff ff ff ff ff ff ff 7f'

const table = hex(
  fixed64(1, '00 00 00 00 00 00 f8 7f'),
  fixed32(2, '00 00 c0 7f'),
  ...Array.from({ length: 20 }, (_, i) => {
    const value = (i + 1).toString(16).padStart(2, '0')
    return sized(51, text(1, `k${String(i).padStart(2, '0')}`) + varint(2, value))
  }),
)

/** A tree of so many levels, each in the one above. */
function tree(levels: number): string {
  let inner = ''
  for (let level = 1; level < levels; level++) inner = sized(2, text(1, 'n') + inner)
  return text(1, 'n') + inner
}

const echoCases: readonly Case[] = [
  echo('nothing', hex()),
  echo(
    'numbers at their highest',
    hex(
      fixed64(1, 'ff ff ff ff ff ff ef 7f'),
      fixed32(2, 'ff ff 7f 7f'),
      varint(3, 'ff ff ff ff 07'),
      varint(4, highest),
      varint(5, 'ff ff ff ff 0f'),
      varint(6, ones),
      varint(7, 'fe ff ff ff 0f'),
      varint(8, 'fe ff ff ff ff ff ff ff ff 01'),
      fixed32(9, 'ff ff ff ff'),
      fixed64(10, 'ff ff ff ff ff ff ff ff'),
      fixed32(11, 'ff ff ff 7f'),
      fixed64(12, 'ff ff ff ff ff ff ff 7f'),
      varint(13, '01'),
    ),
  ),
  echo(
    'numbers at their lowest',
    hex(
      fixed64(1, 'ff ff ff ff ff ff ef ff'),
      fixed32(2, 'ff ff 7f ff'),
      varint(3, '80 80 80 80 f8 ff ff ff ff 01'),
      varint(4, lowest),
      varint(7, 'ff ff ff ff 0f'),
      varint(8, ones),
      fixed32(11, '00 00 00 80'),
      fixed64(12, '00 00 00 00 00 00 00 80'),
    ),
  ),
  echo(
    'infinities and the smallest',
    hex(fixed64(1, '00 00 00 00 00 00 f0 7f'), fixed32(2, '00 00 80 ff'), sized(21, '01 00 00 00 00 00 00 00')),
  ),
  echo('minus zero', hex(fixed64(1, '00 00 00 00 00 00 00 80'), fixed32(2, '00 00 00 80'))),
  echo('2^53 + 1 in 64 bits', hex(varint(4, '81 80 80 80 80 80 80 10'), varint(6, '81 80 80 80 80 80 80 10'))),
  echo(
    'texts of all kinds',
    hex(text(14, 'aü日\u{1f388}\u0000z'), text(34, ''), text(34, '\ufeffbom'), text(34, '\uffff')),
  ),
  echo('bytes that are no text', hex(sized(15, 'ff fe 00 80 c3 28'), sized(35, ''), sized(35, 'ed a0 80'))),
  echo(
    'an enum with its names, a negative one, and a number without a name',
    hex(varint(16, '01'), sized(36, `00 fe ff ff ff ff ff ff ff ff 01 07`)),
  ),
  echo(
    'lists, packed',
    hex(
      sized(21, '00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 80'),
      sized(22, '00 00 80 3f'),
      sized(23, `00 01 ${ones}`),
      sized(24, `00 ${lowest} ${highest}`),
      sized(25, '00 ff ff ff ff 0f'),
      sized(26, `00 ${ones}`),
      sized(27, '00 01 02 ff ff ff ff 0f'),
      sized(28, `00 01 ${ones}`),
      sized(29, '00 00 00 00 01 00 00 00'),
      sized(30, '01 00 00 00 00 00 00 00'),
      sized(31, 'ff ff ff ff'),
      sized(32, 'ff ff ff ff ff ff ff ff'),
      sized(33, '00 01 00'),
    ),
  ),
  echo('a list that is not packed', hex(varint(71, '01'), varint(71, '00'), varint(71, '02'))),
  echo(
    'present, and the default',
    hex(
      varint(41, '00'),
      varint(42, '00'),
      fixed64(43, '00 00 00 00 00 00 00 00'),
      varint(44, '00'),
      sized(45, ''),
      sized(46, ''),
      varint(47, '00'),
    ),
  ),
  echo(
    'a tree, and trees',
    hex(sized(17, text(1, 'r') + sized(2, text(1, 'l')) + sized(2, '')), sized(37, ''), sized(37, text(1, 't'))),
  ),
  echo(
    'maps, in the order of their keys',
    hex(
      sized(51, text(1, 'a') + varint(2, '01')),
      sized(51, text(1, 'b') + varint(2, ones)),
      sized(51, text(1, 'ü') + varint(2, '02')),
      sized(52, varint(1, lowest) + text(2, 'low')),
      sized(52, varint(1, highest) + text(2, 'high')),
      sized(53, varint(1, '01') + sized(2, text(1, 't'))),
      sized(54, varint(1, 'ff ff ff ff 0f') + sized(2, 'ff')),
      sized(55, varint(1, '01') + fixed64(2, '00 00 00 00 00 00 f0 3f')),
      sized(55, varint(1, '02') + fixed64(2, '00 00 00 00 00 00 00 40')),
    ),
  ),
  ...(
    [
      ['text', text(61, 'a')],
      ['an empty text', sized(61, '')],
      ['zero', varint(62, '00')],
      ['bytes', sized(63, 'ff')],
      ['a message', sized(64, text(1, 't'))],
      ['an empty message', sized(64, '')],
      ['an enum', varint(65, 'fe ff ff ff ff ff ff ff ff 01')],
      ['false', varint(66, '00')],
    ] as const
  ).map(([name, field]) => echo(`oneof: ${name}`, hex(field))),
  echo('oneof: the last one counts', hex(text(61, 'a'), varint(62, '01')), hex(varint(62, '01'))),
  echo(
    'oneof: a message merges into the same one',
    hex(sized(64, text(1, 'a')), sized(64, sized(2, ''))),
    hex(sized(64, text(1, 'a') + sized(2, ''))),
  ),
  echo(
    'a message that comes twice is merged',
    hex(sized(17, text(1, 'a') + sized(2, '')), sized(17, sized(2, text(1, 'b')))),
    hex(sized(17, text(1, 'a') + sized(2, '') + sized(2, text(1, 'b')))),
  ),
  echo(
    'fields out of order, and twice: the last one counts',
    hex(varint(5, '02'), varint(3, '01'), varint(5, '03')),
    hex(varint(3, '01'), varint(5, '03')),
  ),
  echo(
    'defaults that were written are left out',
    hex(varint(3, '00'), sized(14, ''), fixed64(1, '00 00 00 00 00 00 00 00'), varint(13, '00')),
    hex(),
  ),
  echo(
    'packed where it is not expected, and the other way round',
    hex(varint(23, '01'), sized(23, '02 03'), sized(71, '04 05'), varint(71, '06')),
    hex(sized(23, '01 02 03'), varint(71, '04'), varint(71, '05'), varint(71, '06')),
  ),
  echo(
    'varints longer than they need be',
    hex(varint(5, '81 80 00'), varint(13, '80 01')),
    hex(varint(5, '01'), varint(13, '01')),
  ),
  echo(
    '64 bits where 32 are kept',
    hex(varint(5, ones), varint(3, '81 80 80 80 10')),
    hex(varint(3, '01'), varint(5, 'ff ff ff ff 0f')),
  ),
  echo(
    'fields that nobody knows are left out',
    hex(
      varint(1000, '01'),
      fixed64(1001, '01 02 03 04 05 06 07 08'),
      sized(1002, 'ff'),
      fixed32(1003, '01 02 03 04'),
      varint(3, '01'),
    ),
    hex(varint(3, '01')),
  ),
  echo(
    'a key that comes twice: the last one counts',
    hex(sized(51, text(1, 'a') + varint(2, '01')), sized(51, text(1, 'a') + varint(2, '02'))),
    hex(sized(51, text(1, 'a') + varint(2, '02'))),
  ),
  echo('90 messages in each other', hex(sized(17, tree(90)))),
  // TypeScript's fuel ends at about 600 KiB of text in a command (sdk/typescript/README.md, Limits).
  echo('a text of 512 KiB', hex(text(14, 'abcdefgh'.repeat(65_536)))),
  echo('bytes of one mebibyte', hex(sized(15, 'ff00'.repeat(524_288)))),
  {
    name: 'a table of 20 keys and NaN',
    calls: () => [ask('Actions/Table', '', [], { reply: table })],
  },
]

/** All; a table at the end shows them (conformance.test.ts). */
const heard = (to: Json, note: string): Act => ({ timed: { target: to, asks: true, note } }) as Act

const askCases: readonly Case[] = ['Events', 'Values', 'Members'].map((service) => {
  const shown = (words: string): string => (service === 'Values' ? `[${words}]` : words)
  return {
    name: `asks: ${service} hears what it asked for`,
    calls: (id) => [
      ask(`${service}/Do`, id, [heard(target('Events', 'Do', `${id}-2`, [{ say: 'ü' }]), 'n')], said('')),
      state(service, id, shown('n=ü'), true),
      ask(`${service}/Do`, `${id}-3`, [heard(target('Events', 'Do', id, [{ refuse: { code: 9 } }]), '')], said('')),
      state(service, `${id}-3`, shown('!REFUSED'), true),
    ],
  }
})

const ticketCases: readonly Case[] = ['Events', 'Values', 'Members', 'Replicas'].map((service) => ({
  name: `tickets: a caller of ${service} waits for a later command`,
  calls: (id) => {
    // What the command causes resolves its ticket.
    const waits = (ticket: string, answer: object, expected: Expected): Call => {
      const resolve = { ticket, method: 'Do', ...answer } as Json
      const to = target(service, 'Do', id, [{ resolve }])
      return ask(`${service}/Do`, id, [{ timed: { target: to, after: 1_000 } }, { later: { ticket } }], expected)
    }
    return [
      waits('t', { text: 'there ü' }, said('there ü')),
      waits('u', { refuse: { code: 9, message: 'no ü', detail: 'more' } }, refused(9, 'no ü', 'more')),
    ]
  },
}))

export const cases: readonly Case[] = [
  ...eventCases,
  ...faultCases,
  ...valueCases,
  ...replicatedCases,
  ...actionCases,
  ...askCases,
  ...ticketCases,
  ...echoCases,
]

export { table }
