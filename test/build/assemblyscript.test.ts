// Guards what an operator learns of an AssemblyScript service: the words of its faults, with their place, and what it logs; and that
// the build finds which events it folds.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { testAssemblyScript } from '../../sdk/build/languages/assemblyscript/test.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { Failing, faultOf, line, packageName } from '../support/failing.ts'

const failing = await Failing.open('failing-assemblyscript', 'assembly/index.ts')
const AssemblyScript = suite('assemblyscript')

AssemblyScript('assemblyscript/build.A4: a failure is told with its place and its message', () => {
  for (const [what, words] of [
    ['error', 'boom'],
    ['unicode', 'größer 日本 🎈'],
    ['half', 'half \ufffd of a pair'],
    ['assert', 'a failure without a message'],
    ['assert words', 'zero is not above zero'],
    ['null', "Unexpected 'null' (not assigned or failed cast)"],
  ] as const) {
    const [file, row, column, ...message] = failing.words(what).split(':')
    assert.is(`${file}:${row}`, failing.place(what))
    assert.match(column!, /^\d+$/)
    assert.is(message.join(':'), ` ${words}`)
  }
  const long = failing.words('long')
  assert.ok(long.startsWith(failing.place('long')))
  assert.ok(long.endsWith(`: ${'ü'.repeat(1000)}`))
})

AssemblyScript("what the language's library finds wrong has its place there", () => {
  assert.match(failing.words('index'), /^~lib\/array\.ts:\d+:\d+: Index out of range$/)
  assert.match(failing.words('key'), /^~lib\/map\.ts:\d+:\d+: Key does not exist$/)
  assert.match(failing.words('length'), /^~lib\/array\.ts:\d+:\d+: Invalid length$/)
  assert.match(failing.words('field'), /^~lib\/string\.ts:\d+:\d+: Unpaired surrogate$/)
})

AssemblyScript('what the machine traps on has the words of the host', () => {
  const division = failing.fault('division')
  assert.equal([division.message, division.words], ['the function trapped: divide by zero', undefined])
  const deep = failing.fault('deep')
  assert.equal([deep.message, deep.words], ['the function ran out of stack: a recursion without an end?', undefined])
})

AssemblyScript('a misuse of the SDK is told in a sentence', () => {
  for (const [what, words] of [
    ['no answer', 'a handler gives one of a reply, a refusal, a forward and a ticket'],
    ['two answers', 'a handler gives one of a reply, a refusal, a forward and a ticket'],
    ['event without a fold', `there is no onForgotten for the event ${packageName}.Forgotten`],
    ['request as an event', `this service folds no ${packageName}.DoRequest`],
    ['detail without a refusal', 'there is no refusal to add a detail to'],
  ] as const)
    assert.match(failing.words(what), `: ${words}`)
})

AssemblyScript('every function leaves its words', () => {
  for (const [index, call] of failing.calls('error').entries()) {
    const { words = '' } = faultOf(call)
    // evolve is given an event that it does not know.
    if (index === 1) assert.match(words, `there is no onForgotten for the event ${packageName}.Forgotten`)
    else assert.ok(words.startsWith(`${failing.place('error')}:`), words)
  }
})

AssemblyScript(
  'lines go with the outcome of their command, in a batch too, and once where a refusal takes events back',
  () => {
    const logged = [
      line('debug', 'deciding log'),
      line('info', 'half \ufffd of a pair'),
      line('warn', ''),
      line('error', 'folding a'),
      line('debug', 'traced 1.0 2.5'),
      line('error', 'Assertion failed: zero'),
    ]
    const logs = failing.decide('log', 'say nothing', 'log and refuse', 'log').map(({ outcome }) => outcome.logs)
    assert.equal(logs, [logged, [], [line('error', 'folding lost')], logged])
  },
)

AssemblyScript('lines of a replay are dropped, and their memory with them', () => {
  for (let count = 0; count < 100; count++) failing.replay()
  assert.equal(failing.decide('say nothing')[0]!.outcome.logs, [])
})

AssemblyScript('a decision that the host renders has its lines once', () => {
  assert.equal(failing.rendered(), [line('info', 'deciding')])
})

AssemblyScript('lines of a subscriber that is told nothing go out all the same', () => {
  const [quiet, talking] = failing.told('', 'told')
  assert.is(quiet?.outcome, undefined)
  assert.is(talking?.outcome?.answer.kind, 'none')
  assert.equal(talking?.outcome?.logs, [line('info', 'told')])
})

AssemblyScript('lines of a step go with its first output, or with one that says nothing', () => {
  assert.equal(failing.chat('', 'a', ''), [['message', 'heard ', 'heard a', 'heard ']])
  assert.equal(failing.chat(''), [['none', 'heard ']])
  assert.equal(failing.chat(), [])
})

AssemblyScript(
  'folds.F1: the events that a service folds are found through imports of other names and classes in between',
  () => {
    const events = failing.artefact.description.services.map(({ name, events }) => [name, ...events])
    assert.equal(events, [
      [`${packageName}.Events`, `${packageName}.Happened`],
      [`${packageName}.Values`],
      [`${packageName}.Members`],
      [`${packageName}.Actions`],
    ])
  },
)

AssemblyScript('tests show what is logged once, also before a failure', async () => {
  const tested = await testAssemblyScript(readProject(failing.folder))
  assert.equal(
    tested.map(({ failure, logs }) => [failure?.replace(/:\d+:\d+/, ''), ...(logs ?? [])]),
    [
      [
        undefined,
        'debug: deciding log',
        'info: half \ufffd of a pair',
        'warn: ',
        'error: folding a',
        'debug: traced 1.0 2.5',
        'error: Assertion failed: zero',
      ],
      ['boom (index.ts)'],
      [undefined, 'info: heard a', 'info: heard '],
      ['Do refuses: no; expected: yes (testing.ts)', 'error: folding lost'],
    ],
  )
})

AssemblyScript.run()
