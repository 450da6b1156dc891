// Guards action.T1, which is that of each kind: what is wrong in a service is a compile error, at the line where it is wrong.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Kind } from '../../sdk/build/kinds.ts'
import { languages } from '../../sdk/build/languages/languages.ts'
import { told } from '../../sdk/build/languages/typescript/told.ts'
import { problemsOf } from '../support/project.ts'

const Types = suite('types of a service')

/** The template's service with one change: its first error, with the first line of its explanation. */
async function errorAfter(from: string, to: string, kind: Kind = 'event-sourced'): Promise<string> {
  const change = (text: string): string => {
    assert.ok(text.includes(from), from)
    return text.replace(from, to)
  }
  const problems = await problemsOf({ 'src/service.ts': change }, kind)
  return problems.slice(0, 2).join('\n') || 'no error'
}

const project = { root: '', name: 'tally', kind: 'event-sourced', sdk: '*' } as const
const template = (await languages.typescript.starter.files(project))['src/service.ts']!
const add = `accept(Added({ amount })).reply((after) => ({ value: after.value }))`
const cases: readonly [string, string, string, RegExp][] = [
  [
    'a missing method',
    '    get: (state) => accept().reply(state),\n',
    '',
    /:6:3: method get has no handler \(TS2322\)\n {2}Type '/,
  ],
  [
    'an unknown method',
    'get: (state)',
    'got: (state) => accept().reply(state),\n    get: (state)',
    /:11:5: there is no method got \(TS2322\)/,
  ],
  ['a reply of another type', 'accept().reply(state)', 'accept().reply({ value: 1 })', /:11:\d+: TS2322/],
  ['a computed reply of another type', '({ value: after.value })', '({ val: after.value })', /:8:\d+: TS2322/],
  ['no reply at all', 'accept().reply(state)', 'accept()', /:11:\d+: the reply is missing: end with .*\(TS2322\)/],
  [
    'an asynchronous handler',
    'get: (state) =>',
    'get: async (state) =>',
    /:11:\d+: handlers are synchronous: this one returns a Promise \(TS2322\)/,
  ],
  [
    'an event without its fold',
    'Added: (state, { amount }) => ({ value: state.value + amount }),',
    '',
    /:13:3: event Added has no evolve \(TS2322\)/,
  ],
  [
    'a fold for no message',
    'Added: (state,',
    'Removed: (state: { value: bigint }) => state,\n    Added: (state,',
    /:14:5: there is no event Removed \(TS2353\)/,
  ],
  [
    'typescript/told.W1: two missing methods',
    / {4}add: [\s\S]*reply\(state\),\n/.exec(template)![0],
    '',
    /:6:3: methods add, get have no handler \(TS\d+\)/,
  ],
  ['an asynchronous fold', 'Added: (state', 'Added: async (state', /:14:\d+: handlers are synchronous/],
  [
    'typescript/told.W2: a field of another type, deep in a type',
    add,
    add.replace('after.value', '1'),
    /: TS2322: value: Type 'number' is not/,
  ],
  ['a fold to another state', 'value: state.value + amount', 'value: 1', /:14:\d+: TS2322/],
  [
    'a 64-bit number that is no bigint',
    'Added({ amount })',
    'Added({ amount: 1 })',
    /:9:\d+: TS2322: Type 'number' is not assignable to type 'bigint'/,
  ],
  [
    'a change of the state in place',
    'accept().reply(state)',
    '{ state.value = 1n; return accept().reply(state) }',
    /:11:\d+: TS2540/,
  ],
  [
    'an `after` in a function inside of a handler, where its type is not known',
    add,
    `((work: () => never) => work())(() => ${add} as never)`,
    /:9:\d+: TS18046: 'after' is of type 'unknown'/,
  ],
  [
    'how far an event is written',
    'accept().reply(state)',
    "accept().consistency('all').reply(state)",
    /:11:\d+: TS2322: Type 'Operation' is not/,
  ],
  ['a plain object as event', 'accept(Added({ amount }))', 'accept({ amount })', /:8:\d+: TS\d+/],
  ['a code that does not exist', "'INVALID_ARGUMENT'", "'WRONG'", /:10:\d+: TS2345/],
  [
    'an annotation of `after` that is not the state',
    '(after) => ({ value: after.value })',
    '(after: { v: bigint }) => ({ value: after.v })',
    /:8:\d+: TS2322/,
  ],
]
for (const [name, from, to, expected] of cases) {
  Types(`${name} is an error at its line`, async () => {
    const error = await errorAfter(from, to)
    assert.ok(expected.test(error), error)
  })
}

Types('typescript/told.W3: what is told in words comes before what it causes', () => {
  const problem = (message: string) => ({ file: 'a.ts', line: 1, column: 1, message })
  const caused = problem(`TS2322: Type '"Added"' is not assignable to type '"Gone"'.`)
  const cause = problem(
    `TS2741: Property 'Gone' is missing in type '{}' but required in type '{ readonly Gone: Fold<Gone>; }'.`,
  )
  const messages = told([caused, cause], () => '').map(({ message }) => message.split('\n')[0])
  assert.equal(messages, ['event Gone has no evolve (TS2741)', caused.message])
})

Types('a guard keeps the types of its handler, and has them itself', async () => {
  const nope = /TS2339: Property 'nope' does not exist on type '\{ readonly value: bigint; \}'/
  const guarded = async (check: string, handler: string): Promise<string> => {
    const change = (text: string): string =>
      text
        .replace('eventSourced,', 'eventSourced, guard,')
        .replace(/add: [\s\S]*(?= {4}get:)/, `add: guard(${check}, (_, { amount }) => ${handler}),\n`)
    return (await problemsOf({ 'src/service.ts': change })).slice(0, 2).join('\n') || 'no error'
  }
  const check = "({ value }, { amount }, { now }) => (value + amount > BigInt(now) ? refuse(3, 'no') : undefined)"
  assert.is(await guarded(check, add), 'no error')
  assert.match(await guarded(check, add.replace('after.value', 'after.nope')), nope)
  assert.match(await guarded("(state) => (state.nope ? refuse(3, 'no') : undefined)", add), nope)
})

Types('update, remove and accept chain as one type, and `after` is what is left', async () => {
  const one = (reply: string) => {
    const choice = "(current === undefined ? accept() : current.text === '' ? remove() : update(current))"
    return errorAfter(
      '() => remove().reply({})',
      `(current) => ${choice}.metadata('x-a', 'b').reply(${reply})`,
      'value',
    )
  }
  assert.is(await one('{}'), 'no error')
  assert.is(await one('(after) => (after === undefined ? {} : {})'), 'no error')
  assert.match(await one('(after) => ({ nope: after.text })'), /TS18048: 'after' is possibly 'undefined'/)
})

Types('an event that is emitted no longer may keep its fold', async () => {
  assert.is(await errorAfter(add, 'accept().reply({ value: amount })'), 'no error')
})

const kinds: readonly [Kind, readonly [string, string, string, RegExp][]][] = [
  [
    'value',
    [
      [
        'a missing method',
        '    delete: () => remove().reply({}),\n',
        '',
        /:6:3: method delete has no handler \(TS2741\)/,
      ],
      ['a value of another type', 'update(note)', 'update({ id: 1 })', /:\d+:\d+: TS2322/],
      ['a reply of another type', 'accept().reply(current)', 'accept().reply({ id: 1 })', /:10:\d+: TS2322/],
      ['a value that may not be there', 'current === undefined ?', 'id === "" ?', /:10:\d+: TS2769/],
      ['an event', 'remove()', 'accept(Note({}))', /:11:\d+: TS2322/],
      ['a stream', 'remove().reply({})', 'remove().stream({})', /:11:\d+: the reply is missing/],
      [
        'effects of a refusal',
        "'text must not be empty')",
        "'text must not be empty').effect(null!)",
        /:\d+:\d+: TS2322/,
      ],
    ],
  ],
  [
    'replicated',
    [
      [
        'a missing method',
        '    list: (set) => accept().reply(namesOf(set)),\n',
        '',
        /:9:3: method list has no handler \(TS2741\)/,
      ],
      ['an operation that the kind does not have', 'set.remove(name)', 'set.enable()', /:12:\d+: TS2339/],
      ['an element of another type', 'set.remove(name)', 'set.remove(1)', /:12:\d+: TS2345/],
      ['a message for an operation', 'set.remove(name)', 'Members({})', /:12:\d+: TS2322/],
      [
        'a stream of a unary method',
        'accept().reply(namesOf(set))',
        'accept().stream(namesOf(set))',
        /:13:\d+: the reply is missing/,
      ],
      ['a streamed method without `changed`', 'changed: (set) => emit(namesOf(set))', '', /:17:\d+: TS2741/],
      [
        'no streams at all',
        '  streams: {\n    watch: { changed: (set) => emit(namesOf(set)) },\n  },\n',
        '',
        /:\d+:\d+: TS2345: Property 'streams' is missing/,
      ],
      ['an element of another type that is streamed', 'emit(namesOf(set))', 'emit({ name: 1 })', /:17:\d+: TS2322/],
      ['two elements at once', 'emit(namesOf(set))', 'emit(namesOf(set), namesOf(set))', /:17:\d+: TS2322/],
      [
        'a view of no field',
        '  streams: {',
        "  views: { join: element('user') },\n  streams: {",
        /:16:\d+: TS2304|:16:\d+: TS2322/,
      ],
    ],
  ],
  [
    'action',
    [
      ['a missing method', '    sum: clientStream({', '    summ: clientStream({', /:15:5: TS2561/],
      ['another shape', 'count: serverStream({', 'count: clientStream({', /:\d+:\d+: TS/],
      [
        'a unary handler of a streamed method',
        'sum: clientStream({',
        'sum: () => accept().reply({ value: 0n }), other: clientStream({',
        /:15:5: TS2322/,
      ],
      ['an element of another type', 'value: first', 'value: Number(first)', /:12:\d+: TS2322/],
      ['another state', 'first: first + 1n, last', 'first: String(first), last', /:12:\d+: TS2322/],
      ['a reply of another type', '.reply({ value: sum })', '.reply({ sum })', /:\d+:\d+: TS2322/],
      ['no reply', 'accept().reply({ value: sum })', 'accept()', /:18:\d+: the reply is missing/],
      ['a misspelt field of a reply', 'reply({ text:', 'reply({ txt:', /:7:\d+: TS2322/],
    ],
  ],
]
for (const [kind, cases] of kinds) {
  for (const [name, from, to, expected] of cases) {
    Types(`${kind}: ${name} is an error`, async () => {
      const error = await errorAfter(from, to, kind)
      assert.ok(expected.test(error), error)
    })
  }
}

// What a service may say of a later time: of a fixture, whose .proto has a method that hears answers.
const asking = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../fixtures/guests/asking/${path}`, import.meta.url)), 'utf8')
const [words, wordsProto] = [
  asking('src/service.ts').replaceAll('gen/asking.ts', 'gen/service.ts'),
  asking('proto/asking.proto'),
]
const asks = "ask(charge, 'charged')"
const inAction = 'accept().at(ms, charge, { within: 0.5 })'
const saying: readonly [string, string, string, RegExp][] = [
  ['nothing wrong', asks, asks, /^no error$/],
  ['an ask that no method hears', asks, "ask(charge, 'chargd')", /TS2322: Type '"chargd"' is not/],
  ['an ask that a method without `answers` hears', asks, "ask(charge, 'place')", /TS2322: Type '"place"' is not/],
  ['a note of another type', asks, "ask(charge, 'charged', Told({ text }))", /TS2322: Property 'order' is missing/],
  [
    'an effect that is due twice',
    asks,
    "ask(charge, 'charged', ChargeNote({}), { after: 1, at: 2 })",
    /TS2322: Type 'number' is not assignable to type 'undefined'/,
  ],
  ['a name that is no text', "{ name: text || 'none', within: ms }", '{ name: 1 }', /TS2769: Type 'number' is not/],
  [
    'a ticket of a method that is not there',
    "resolve(text || 'none', 'enter', { text })",
    "resolve(text, 'entr', { text })",
    /TS2322: Type '"entr"' is not/,
  ],
  [
    'another reply to a ticket',
    "resolve(text || 'none', 'enter', { text })",
    "resolve(text, 'enter', { text: 1 })",
    /TS2322: text: Type 'number' is not/,
  ],
  [
    'a named effect of an action',
    inAction,
    "accept().at(ms, charge, { name: 'x' })",
    /an effect has a name: only entities have that, in methods that do not stream \(TS2322\)/,
  ],
  ['a cancel of an action', inAction, "accept().cancel('x')", /effects are cancelled: only entities/],
  [
    'a later reply of an action',
    `${inAction}.after(ms, charge).reply({ text })`,
    "accept().later('x')",
    /the reply comes later: only/,
  ],
  ['an ask of an action', inAction, "accept().ask(charge, 'run')", /an answer is asked for: only/],
  ['a ticket of an action', inAction, "accept().resolve('x', 'run', { text })", /a ticket is resolved: only/],
  [
    'a named effect of a method that streams',
    'accept().at(ms, charge).stream',
    "accept().at(ms, charge, { name: 'x' }).stream",
    /an effect has a name: only/,
  ],
]
for (const [name, from, to, expected] of saying) {
  Types(`words of a later time: ${name}`, async () => {
    assert.ok(words.includes(from), from)
    const problems = await problemsOf({ 'src/service.ts': words.replace(from, to), 'proto/service.proto': wordsProto })
    const error = problems.slice(0, 4).join('\n') || 'no error'
    assert.ok(expected.test(error), error)
  })
}

Types('what the README says of a later time compiles', async () => {
  const readme = readFileSync(fileURLToPath(new URL('../../sdk/typescript/README.md', import.meta.url)), 'utf8')
  const [, handlers, hears] = /### A later time[\s\S]*?```ts\n([\s\S]*?)```[\s\S]*?```proto\n([\s\S]*?)\n\n/.exec(
    readme,
  )!
  const proto = `syntax = "proto3";
    package payments.v1;
    import "google/protobuf/empty.proto";
    import "google/rpc/status.proto";
    import "innkeeper/options.proto";
    service Payments { rpc Charge(ChargeRequest) returns (ChargeReply); }
    message ChargeRequest { string card = 1 [(innkeeper.entity_key) = true]; int64 amount = 2; }
    message ChargeReply { string receipt = 1; }
    message PlaceRequest { string id = 1 [(innkeeper.entity_key) = true]; string card = 2; int64 amount = 3; }
    message PlaceReply { string receipt = 1; }
    message ChargeNote { string id = 1; }
    message Placed { int64 amount = 1; }
    message Paid {}
    message Failed {}
    ${readme.match(/message ChargeAnswer \{[\s\S]*?\n\}/)![0]}
    service Orders {
      rpc Place(PlaceRequest) returns (PlaceReply);
      rpc Expire(PlaceRequest) returns (PlaceReply);
      ${hears}
    }`
  const service = `
    import { accept, call, eventSourced, hours, json, minutes, refuse, seconds, value } from '@innkeeper/sdk'
    import { ChargeNote, Failed, Orders, Paid, Payments, Placed } from './gen/service.ts'
    const orders = eventSourced(Orders, {
      state: {},
      decide: { ${handlers} expire: () => accept().reply({ receipt: '' }) },
      evolve: { Placed: (state) => state, Paid: (state) => state, Failed: (state) => state },
    })
    const payments = value(Payments, {
      value: json<{ paid: boolean }>(),
      decide: { charge: () => accept().reply({ receipt: '' }) },
    })
    export default [orders, payments]`
  assert.equal(await problemsOf({ 'src/service.ts': service, 'proto/service.proto': proto }), [])
})

Types.run()
