// Guards the Swift SDK: protobuf's conformance cases and hostile bytes through the generated codec, compared with the TypeScript
// one; what an author sees of a mistake; the kit; the allocator, natively.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { load } from '../../host/guest/load.ts'
import { credentialProblem, transportProblem } from '../../host/header-names.ts'
import { defaultLimits } from '../../host/limits.ts'
import { buildProject as build } from '../../sdk/build/build.ts'
import { findSwift } from '../../sdk/build/languages/swift/build.ts'
import { testSwift } from '../../sdk/build/languages/swift/test.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { findTool, MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject } from '../support/building.ts'
import { built, component } from '../support/components.ts'
import { isSound, linked, Requests } from '../support/counter.ts'
import { typeScriptEverything, written } from '../support/everything.ts'
import { Later } from '../support/later.ts'
import { protoCases } from '../support/proto-cases.ts'
import { skip } from '../support/skip.ts'
import { Words } from '../support/words.ts'

const Swift = suite('swift')
const root = fileURLToPath(new URL('../../', import.meta.url))
const sdk = join(root, 'sdk/swift')
const work = mkdtempSync(join(tmpdir(), 'innkeeper-swift-test-'))
Swift.after(() => rmSync(work, { recursive: true }))

const keysProto = `syntax = "proto3";
package keys.v1;
import "cloudstate/entity_key.proto";
import "innkeeper/options.proto";
service Keys {
  rpc Say(Outer.Keyed) returns (Said);
  rpc Forget(Said) returns (Said);
  rpc Weigh(Weight) returns (Said);
}
message Weight { double weight = 1 [(innkeeper.entity_key) = true]; }
message Outer {
  message Keyed {
    string text = 3 [(innkeeper.entity_key) = true];
    bytes data = 1 [(innkeeper.entity_key) = true];
    int32 number = 2 [(cloudstate.entity_key) = true];
    bool flag = 4 [(cloudstate.legacy_entity_key) = true];
    string other = 5;
    sint32 signed = 6 [(innkeeper.entity_key) = true];
    uint64 wide = 7 [(innkeeper.entity_key) = true];
    sfixed64 fixed = 8 [(innkeeper.entity_key) = true];
    Kind kind = 9 [(innkeeper.entity_key) = true];
    string may_be_empty = 16 [(innkeeper.entity_key) = true, (innkeeper.allow_empty_key) = true];
  }
}
enum Kind { NONE = 0; }
message Said { string text = 1; }
`

const keysService = `import Innkeeper

struct Entity: KeysValue {
  func say(_ request: Outer_Keyed, value: Said?, context: Context) -> ValueDecision<Said, Said> {
    .accept().reply(Said(text: context.entity))
  }
  func weigh(_ request: Weight, value: Said?, context: Context) -> ValueDecision<Said, Said> {
    .accept().reply(Said(text: context.entity))
  }
  func forget(_ request: Said, value: Said?, context: Context) -> ValueDecision<Said, Said> {
    .accept().reply(Said(text: context.entity))
  }
}

let services: [Service] = [.value(Entity())]
`

const keysTests = `import Innkeeper

let tests: [Test] = [
  Test("keys") {
    given(.value(Entity()))
      .when(KeysCalls.say(Outer_Keyed(
        text: "a", data: [1, 2, 255, 0], number: -5, flag: true, signed: -7, wide: .max, fixed: -9, kind: Kind(rawValue: 3))))
      .reply(Said(text: "a-AQL/AA==--5-true--7-18446744073709551615--9-3-"))
    given(.value(Entity()))
      .when(KeysCalls.say(Outer_Keyed(text: "a", data: [1], mayBeEmpty: "z"))).reply(Said(text: "a-AQ==-0-false-0-0-0-0-z"))
    given(.value(Entity())).entity("me").when(KeysCalls.say(Outer_Keyed())).reply(Said(text: "me"))
      .when(KeysCalls.weigh(Weight(weight: 1.5))).reply(Said(text: "me"))
  },
  Test("no key") {
    given(.value(Entity())).when(KeysCalls.forget(Said())).reply(Said())
  },
  Test("a fraction") {
    given(.value(Entity())).when(KeysCalls.weigh(Weight(weight: 1.5))).reply(Said(text: "1.5"))
  },
]
`

const cc = findTool({ variable: 'CC', names: ['cc', 'gcc', 'clang'] })?.path
if (cc === undefined) skip(Swift, 'the allocator, natively', 'there is no C compiler (cc, gcc, clang)')
else {
  Swift('the allocator, natively: blocks do not overlap, and memory stays flat', () => {
    const sanitize = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    const program = join(work, 'memory')
    const sources = [join(root, 'test/support/swift/memory.c'), join(sdk, 'abi/memory.c')]
    const args = ['-std=c11', '-Wall', '-Werror', '-DIK_ABI_ONLY', `-I${join(root, 'sdk/c')}`, `-I${join(sdk, 'abi')}`]
    // Without the sanitizers' libraries the test says less, but says it.
    const compiled = [sanitize, []].some(
      (more) => spawnSync(cc, [...args, ...more, ...sources, '-o', program]).status === 0,
    )
    assert.ok(compiled)
    execFileSync(program, { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
  })
}

const tools = findSwift()
if (tools instanceof MissingTool) skip(Swift, 'components', tools.message)
else {
  Swift('swift/build.W4: the counter is small, imports nothing, and keeps the laws', async () => {
    const { bytes } = await component('counter/swift')
    assert.ok(bytes.length <= 72 * 1024, `${bytes.length} bytes`)
    await isSound(bytes, 'innkeeper-swift')
  })

  Swift('a large request leaves no more than some times what it took, however often it comes', async () => {
    const requests = new Requests(await linked((await component('counter/swift')).bytes))
    const small = requests.decide(100)
    assert.ok(small <= 8 * 65_536, `${small} bytes`)
    const large = requests.decide(1_000_000)
    assert.ok(large <= small + 4_000_000, `${large} bytes`)
    for (let round = 0; round < 100; round++) assert.is(requests.decide(round % 2 === 0 ? 1_000_000 : 100), large)
    assert.is(requests.guest.generation, 0)
  })

  const artefact = await linked((await built('test/conformance/swift', 'conformance-swift')).bytes)
  const echo = load(artefact, defaultLimits).action!
  /** What the codec makes of each: hexadecimal, or `!`. */
  const through = (inputs: readonly Uint8Array[]): readonly string[] => {
    const results: string[] = []
    for (let at = 0; at < inputs.length; at += 256) {
      const commands = inputs.slice(at, at + 256).map((payload) => {
        return { method: 'Echo', payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
      })
      for (const { answer } of echo.call('innkeeper.conformance.v1.Actions', commands)) {
        results.push(answer.kind === 'message' ? Buffer.from(answer.payload).toString('hex') : '!')
      }
    }
    return results
  }

  Swift('the codec passes the cases of protobuf', () => {
    const results = through(protoCases.map(({ input }) => input))
    assert.is(results.length, protoCases.length)
    const wrong = protoCases.flatMap(({ name, output }, index) => {
      const expected = output === 'refused' ? '!' : Buffer.from(output).toString('hex')
      return results[index] === expected ? [] : [`${name}: ${results[index]}, not ${expected}`]
    })
    assert.equal(wrong, [])
    console.log(`# swift: ${protoCases.length} cases of protobuf`)
  })

  const Everything = await typeScriptEverything('swift')

  Swift(
    'the codec refuses and writes what the TypeScript one does: cases cut off anywhere, and with bytes changed',
    () => {
      const inputs: Uint8Array[] = []
      for (const { input } of protoCases) {
        for (let end = 0; end < Math.min(input.length, 60); end++) inputs.push(input.subarray(0, end))
      }
      const some = protoCases.map(({ input }) => input).filter((input) => input.length < 400)
      const changed = fc
        .tuple(
          fc.array(fc.constantFrom(...some), { minLength: 1, maxLength: 6 }),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        )
        .map(([parts, changes]) => {
          const bytes = Uint8Array.from(parts.flatMap((part) => [...part]))
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
          return bytes
        })
      inputs.push(...fc.sample(changed, 4_000), ...fc.sample(fc.uint8Array({ maxLength: 60 }), 2_000))
      const results = through(inputs)
      for (const [index, input] of inputs.entries()) {
        // A tag whose number has more than 32 bits is refused here alone.
        if (
          results[index] === '!' &&
          /8[0-9a-f]|[9a-f][0-9a-f]/.test(Buffer.from(input).toString('hex')) &&
          overlong(input)
        )
          continue
        assert.is(results[index], written(Everything, input), Buffer.from(input).toString('hex'))
      }
    },
  )

  Swift('what was written reads as the same', () => {
    const once = through(protoCases.map(({ input }) => input)).filter((line) => line !== '!')
    assert.equal(through(once.map((line) => new Uint8Array(Buffer.from(line, 'hex')))), once)
  })

  Swift('the kit: the rules of the counter', async () => {
    const tested = await testSwift(readProject(join(root, 'guests/counter/swift')))
    assert.is(tested.length, 5)
    assert.equal(
      tested.filter(({ failure }) => failure !== undefined),
      [],
    )
  })

  Swift('the kit: effects that are due later, asks, cancels and tickets', async () => {
    const tested = await testSwift(readProject(join(root, 'test/fixtures/later/swift')))
    const told = tested.map(({ name, failure }) => [name, failure?.replace(/^Tests\/Kit\.swift:\d+: /, '')])
    assert.equal(told, [
      ['effects that are due later', undefined],
      ['names, asks and cancels', undefined],
      ['answers are heard', undefined],
      ['tickets', undefined],
      ['wrong: it is due later', 'the effect is due at another time'],
      ['wrong: it has a name', 'the effect has another name, or none'],
      ['wrong: it is to be answered in time', 'the effect is to be answered within another time'],
      ['wrong: the note is another', 'the answer of the effect is heard by another method, or with another note'],
      ['wrong: a cancel was not said', 'there is one cancelled effect more: ü'],
      ['wrong: a resolution was not said', 'there is one resolved ticket more: u'],
      ['wrong: a resolution brings more', 'another ticket is resolved, or otherwise: t of Place'],
      ['wrong: the ticket is open for longer', 'the reply does not come later so: the ticket t, open for ever'],
      ['services together have a clock', undefined],
      ['asks are heard together', undefined],
      ['an ask has its time', undefined],
      ['tickets are resolved together', undefined],
      ['a ticket has its time', undefined],
      ['wrong: the ticket is still open', 'the reply comes later: its ticket is open'],
      [
        'wrong: what a turn brings was not said',
        'there is one effect more, for a service that is not here: later.v1.Bank/Charge',
      ],
    ])
  })

  Swift('the kit: every kind, and mistakes that it finds', async () => {
    const tested = await testSwift(readProject(join(root, 'test/conformance/swift')))
    for (const { name, failure } of tested)
      assert.is(failure !== undefined, name.startsWith('wrong'), `${name}: ${failure}`)
    assert.ok(tested.length >= 18)
    const failures = tested.flatMap(({ failure }) => failure ?? [])
    const failureOf = (wrong: string) => tested.find(({ name }) => name === `wrong: ${wrong}`)?.failure
    assert.match(failureOf('an event that was not named')!, /^Tests\/Kit\.swift:\d+: there is one event more/)
    assert.match(failureOf('a refusal is read')!, /^Tests\/Kit\.swift:\d+: /)
    const why = (wrong: string) => failureOf(wrong)!.replace(/^Tests\/Kit\.swift:\d+: /, '')
    const events = 'innkeeper.conformance.v1.Events/Do'
    const actions = 'innkeeper.conformance.v1.Actions'
    assert.is(why('too many hops'), `${actions}/Do is the last of 17 hops, too many: what calls itself?`)
    assert.is(
      why('a forward to what is not here'),
      `${events} is called, and its service is not here: give it to together()`,
    )
    assert.is(
      why('an effect outside that was not named'),
      `there is one effect more, for a service that is not here: ${events}`,
    )
    assert.is(why('a parked effect that was not named'), `there is one parked effect more: ${events} refuses: no`)
    assert.is(why('a stream of services together'), `${actions}/Count streams: test it by given()`)
    assert.is(why('a service that is there twice'), `${actions} is here twice`)
    assert.is(why('a service that remembers, together'), 'the same command is decided otherwise the second time')
    assert.is(
      why('a request without its key'),
      `${events}: the field id names the entity and is empty; set it in the request`,
    )
    const another = 'begin another one with given()'
    assert.is(why('a request that names another entity'), `Do is asked of b, but the test is about entity; ${another}`)
    assert.is(
      why('a request that names another than was given'),
      `Do is asked of entity, but the test is about me; ${another}`,
    )
    assert.is(why('another event is read'), 'the event is another: innkeeper.conformance.v1.Noted')
    assert.is(why('a view has other rows'), 'the row "a" is another than was said')
    assert.is(why('a view has a row'), 'there is a row "a"')
    const law = (row: string, what: string) => `the row "${row}" breaks law L7: rows depend on ${what}`
    assert.is(why('a view depends on the order of entities'), law('one', 'the order of changes of different entities'))
    assert.is(why('a view depends on values in between'), law('a', "values that are not their entity's newest"))
    assert.match(
      failureOf('a view puts a row whose key was not named')!,
      /the row "other" is none that the change may touch; name its key in `rows`$/,
    )
    assert.match(
      failureOf('a view changes what it can only look at')!,
      /an operation where the value can only be looked at$/,
    )
    assert.match(failures.at(-3)!, /^Tests\/Kit\.swift:\d+: /)
    assert.ok(failures.at(-3)!.endsWith(`: ${credentialProblem('authorization')}`), failures.at(-3))
    assert.ok(failures.at(-2)!.endsWith(`: ${transportProblem('grpc-timeout')}`), failures.at(-2))
    assert.match(failures.at(-1)!, /^Sources\/Service\/Script\.swift:\d+: armed to fail$/)
  })

  Swift('the kit: keys of every type, as the host reads them', async () => {
    const folder = join(work, 'keys')
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    write('proto/keys.proto', keysProto)
    write('Sources/Service/Service.swift', keysService)
    write('Tests/Keys.swift', keysTests)
    write('service.json', JSON.stringify({ name: 'keys', language: 'swift' }))
    const tested = await testSwift(readProject(folder))
    assert.is(tested.length, 3)
    assert.is(tested[0]!.failure, undefined)
    const none = 'no field of keys.v1.Said is marked (innkeeper.entity_key) = true'
    assert.ok(tested[1]!.failure!.endsWith(`: keys.v1.Keys/Forget names no entity: ${none}`), tested[1]!.failure)
    const fraction = 'keys.v1.Keys/Weigh: name the entity by entity(), since its key is a fraction'
    assert.ok(tested[2]!.failure!.endsWith(`: ${fraction}`), tested[2]!.failure)
  })

  Swift('the kit: log lines, and the words of faults', async () => {
    const tested = await testSwift(readProject(join(root, 'test/fixtures/words/swift')))
    const logs = tested.map((one) => [one.name, one.logs])
    assert.equal(Object.fromEntries(logs.slice(0, 5)), {
      levels: ['debug: debug', 'info: info', 'warn: warn', 'error: error'],
      print: ['info: a print; 1', 'info: c', 'info: d', 'info: e', 'info: f', 'info: '],
      fold: ['info: before', 'info: folded x'],
      rooms: ['info: changed', 'info: left', 'info: adding'],
      talks: ['info: do a', 'info: item ', 'info: item b', 'info: cancelled', 'info: item ', 'info: end'],
    })
    const failures = tested.flatMap(({ failure }) => failure ?? [])
    // What Swift's own checks find has their place, but for `nil!` and `assert`.
    const patterns = [
      /^Sources\/Service\/Service\.swift:\d+: no luck with 4 letters$/,
      /^Swift\/\w+\.swift:\d+: Fatal error: Index out of range$/,
      /^Component\/Service\.swift:\d+: Fatal error: Unexpectedly found nil/,
      /^Component\/Service\.swift:\d+: Assertion failed: no luck$/,
      /^Swift\/\w+\.swift:\d+: Fatal error: Division by zero$/,
      /^a fault without words: a number that overflows is one$/,
    ]
    assert.is(failures.length, patterns.length)
    for (const [index, pattern] of patterns.entries()) assert.match(failures[index]!, pattern)
  })

  const words = async () => new Words(await linked((await built('test/fixtures/words/swift', 'words-swift')).bytes))

  const later = async () => new Later(await linked((await built('test/fixtures/later/swift', 'later-swift')).bytes))

  Swift('Context.C3: effects that are due later, names, cancels, asks and tickets cross the boundary', async () => {
    const guest = await later()
    guest.checkDue()
    guest.checkEntities()
    guest.checkAsks()
    guest.checkAnswers()
  })

  Swift('Effect.E1, Effect.E2: what is no time, no name or not for this method is a fault in words', async () => {
    const guest = await later()
    guest.checkMistakes({
      noNumber: /: a span of time is no number of milliseconds$/,
      tooMany: /: more milliseconds than an effect can wait$/,
      noName: /: the name of an effect is empty$/,
      noTicket: /: a ticket is empty$/,
      tooLong: /: a ticket is open for 4294967295 seconds at most$/,
      askOfAnother: /: Checked hears the answers of later.v1.Bank\/Charge, and the call is to later.v1.Book\/Do$/,
      more: {
        'Shop/both': /: an effect is due either after or at$/,
        'Book/of another': /: later.v1.Shop\/Checked is a method of another service$/,
        'Bank/later': /: tickets: an action has none, only entities do$/,
        'Room/name/Open': /: names of effects: a method that streams has none$/,
        'Room/cancel/Open': /: cancels: a method that streams has none$/,
      },
    })
  })

  Swift('log lines come with the outcome of their command', async () => {
    const guest = await words()
    guest.checkLogs()
    guest.checkReplicatedLogs()
    guest.checkActionLogs()
  })

  Swift('what is printed is lines at the level info', async () => {
    const guest = await words()
    assert.equal(guest.batch('print', 'unended print', 'refuse'), [
      ['info a print; 1', 'info c', 'info d', 'info e', 'info f', 'info '],
      ['info unended'],
      ['info refused'],
    ])
    assert.equal(guest.batch('long print'), [[`info ${'ü'.repeat(8_192)}`]])
  })

  Swift('a fault tells its words and its place', async () => {
    const guest = await words()
    const own = (said: string) => new RegExp(`^Sources/Service/Service\\.swift:\\d+: ${said}$`)
    const said: Readonly<Record<string, RegExp>> = {
      fatalError: own('no luck'),
      text: own('no luck with 4 letters'),
      nothing: own('fatal error'),
      precondition: own('no luck'),
      'precondition text': own('no luck with 17 letters'),
      'precondition nothing': own('precondition failed'),
      preconditionFailure: own('no luck'),
      fault: own('no luck'),
      long: own('ü+'),
      memory: /^abi\/memory\.c:\d+: there is no memory left$/,
      'not among':
        /^Sources\/Innkeeper\/EventSourced\.swift:\d+: the event words\.v1\.Line is not among the service's `events`$/,
    }
    for (const [way, pattern] of Object.entries(said)) assert.match(guest.way(way).words ?? '', pattern)
    const { length } = Buffer.from(guest.way('long').words!)
    assert.ok(length === 4_096 || length === 4_095, `${length} bytes`)
    const sdkOwn = (said: string) => new RegExp(`^Sources/Innkeeper/\\w+\\.swift:\\d+: ${said}$`)
    guest.checkFaultsOfTheSdk({
      unknownEvent: sdkOwn("the event words\\.v1\\.Line is not among the service's `events`"),
      event: sdkOwn('an event is no words\\.v1\\.Said: the message is cut off'),
      state: sdkOwn('the stored state is no words\\.v1\\.State: the message is cut off'),
      note: sdkOwn('the note of the stream is no words\\.v1\\.Line: the message is cut off'),
      operation: sdkOwn('an operation where the value can only be looked at'),
    })
  })

  Swift("checks of Swift's own are traps without words", async () => {
    const guest = await words()
    for (const way of ['index', 'overflow', 'nil', 'divide', 'number', 'deep']) {
      const { reason, words: none } = guest.way(way)
      assert.equal([reason, none], ['trap', undefined], way)
    }
    // Not looked at where code is optimised.
    assert.equal(guest.batch('assert'), [[]])
  })

  Swift('swift/told.W1: an event that is accepted and folded nowhere is told where it is accepted', async () => {
    const [problem, ...more] = await problems((text) => text.replace(/ {4}\.on\(Added\.self.*\n/, ''))
    assert.match(problem!, /^Sources\/Service\/Service\.swift:\d+:\d+: event Added has no evolve: /)
    assert.equal(more, [])
  })

  Swift('service.S1: a mistake is told at its place', async () => {
    assert.equal(await problems((text) => text.replace('request.amount', 'request.amout')), [
      "Sources/Service/Service.swift:12:26: value of type 'AddRequest' has no member 'amout'",
    ])
    assert.equal(await problems((text) => text.replace(/ {2}func get[^}]*}\n/, '')), [
      'Sources/Service/Service.swift:6:8: method get has no handler',
      "  type 'Counter' does not conform to protocol 'CounterEventSourced': protocol requires function 'get(_:state:context:)' with type '(GetRequest, Value, Context) -> Decision<Value, Value>'",
    ])
    assert.equal(
      await problems((text) => text.replace('get(_ request: GetRequest, state: Value, context: Context)', '$& async')),
      [
        'Sources/Service/Service.swift:6:8: handlers are synchronous: a service waits for nothing',
        "  type 'Counter' does not conform to protocol 'CounterEventSourced': protocol requires function 'get(_:state:context:)' with type '(GetRequest, Value, Context) -> Decision<Value, Value>'",
      ],
    )
    const [reply] = await problems((text) => text.replace('.reply(state)', '.accept()'))
    assert.match(reply!, 'Service.swift:22:6: the reply is missing: end with .reply(message)')
    const [global] = await problems((text) => text.replace('let valueMax', 'var count = 0\nlet valueMax'))
    assert.match(global!, "Service.swift:4:5: var 'count' is not concurrency-safe")
    assert.equal(await problems((text) => text.replace(/let services.*/, '')), [
      'Sources/Service/Service.swift: declares no services: write `let services: [Service] = [...]`',
    ])
    assert.equal(await problems((text) => text.replace('[.eventSourced(Counter())]', '[]')), [
      'Sources/Service/Service.swift: has no service: `services` lists them, as in [.eventSourced(Counter())]',
    ])
  })

  Swift('time, chance, hashing and Foundation are refused by name, at their place', async () => {
    const get = (code: string) => (text: string) =>
      text.replace('    .reply(state)', `    ${code}; return .reply(state)`)
    assert.equal(await problems((text) => text.replace('import Innkeeper', 'import Foundation')), [
      'Sources/Service/Service.swift:2:8: Foundation is not available in a service: only Embedded Swift is available, without Foundation; for time use context.now, for randomness use context.random(), context.randomBytes(n) or context.uuid()',
    ])
    assert.equal(await problems(get('_ = ContinuousClock().now')), [
      'Sources/Service/Service.swift:22:9: ContinuousClock is not available in a service: use context.now',
    ])
    const chance = 'use context.random(), context.randomBytes(n) or context.uuid()'
    assert.equal(await problems(get('if Int.random(in: 0..<9) == 1 { return .refuse(.aborted, "no") }')), [
      `Sources/Service/Service.swift:22:11: chance of the system is not available in a service: ${chance}`,
    ])
    assert.equal(await problems(get('dump(state)')), [
      "Sources/Service/Service.swift:22:5: dump is not available in a service: use print, or log.debug(...) and its like, for the host's log",
    ])
    const loop =
      'var seen: [String: Int64] = ["a": 1, request.id: 2]; for (_, v) in seen where v > 2 { return .reply(Value()) }; seen["b"] = 1'
    const [hash] = await problems(get(loop))
    assert.match(hash!, 'Service.swift:22:15: Dictionary and Set are not available in a service')
    assert.match(hash!, 'use Map')
  })

  Swift('names.C2, swift/build.W2: names that are words of Swift, types of the SDK, or hold themselves', async () => {
    writeProject(join(work, 'words'), wordsProto, 'words.proto', wordsService)
    await buildProject(join(work, 'words'))
  })

  Swift('swift/build.W2, swift/build.W3: a project with a copy of the SDK, outside of the repository', async () => {
    const folder = join(work, 'copied')
    const proto = readFileSync(join(root, 'guests/proto/counter.proto'), 'utf8')
    const service = readFileSync(join(root, 'guests/counter/swift/Sources/Service/Service.swift'), 'utf8')
    writeProject(folder, proto, 'counter.proto', service)
    cpSync(sdk, join(folder, 'innkeeper-sdk'), { recursive: true })
    const { services } = await build(folder)
    assert.equal(services, ['examples.counter.v1.Counter'])
    const again = await build(folder)
    assert.ok(again.steps.find(({ step }) => step === 'compile')!.ms < 500)
  })
}

Swift('the code in the README is that of the guests', () => {
  const readme = readFileSync(join(sdk, 'README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```swift\n([\s\S]*?)```/g)]
  assert.ok(snippets.length >= 4)
  for (const [, path, code] of snippets) assert.ok(readFileSync(join(root, path!), 'utf8').includes(code!), path)
})

Swift.run()

const wordsProto = `syntax = "proto3";
package words.v1;
import "innkeeper/options.proto";
import "google/protobuf/timestamp.proto";
service Class { rpc Init(Context) returns (Decision); rpc Func(Context) returns (Decision); }
message Context { string operator = 1 [(innkeeper.entity_key) = true]; }
message Decision {
  string init = 1;
  string self = 2;
  oneof default { string case = 3; int32 int = 4; Map this = 5; Decision inner = 6; }
  map<string, Map> where = 7;
  repeated Enum enum = 8;
  Deep deep = 9;
  google.protobuf.Timestamp timestamp = 10;
  message Part { string guard = 1; }
  Part part = 11;
  bytes read = 12;
  map<bool, Enum> flags = 13;
}
message Map { string func = 1; }
message Deep { Deep next = 1; Decision back = 2; }
message Timestamp { int32 own = 1; }
enum Enum { ENUM_NONE = 0; TRUE = 1; ENUM_2D = 2; NIL = 3; }
`
const wordsService = `import Innkeeper
struct Classes: ClassEventSourced {
  let events: [On<Decision>] = [.on(Map.self) { state, map in state.where[map.func] = map }]
  func init_(_ request: Context, state: Decision, context: Innkeeper.Context) -> Innkeeper.Decision<Decision, Decision> {
    var made = Decision(init_: "a", self_: "b", default: .case("x"), enum: [.true, .nil, .enum2d])
    made.deep = Deep(next: Deep(), back: Decision())
    made.timestamp = GoogleProtobuf_Timestamp(seconds: 1)
    made.part = Decision_Part(guard: Timestamp(own: 1).own == 1 ? "g" : "")
    return .accept(Map(func: "f")).reply(made)
  }
  func \`func\`(_ request: Context, state: Decision, context: Innkeeper.Context) -> Innkeeper.Decision<Decision, Decision> {
    .reply { $0 }
  }
}
let services: [Service] = [.eventSourced(Classes())]
`

function writeProject(folder: string, proto: string, name: string, service: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write(`proto/${name}`, proto)
  write('Sources/Service/Service.swift', service)
  write('service.json', JSON.stringify({ language: 'swift' }))
}

/** The lines of `inn build` for the counter with its source changed; none if it builds. */
async function problems(change: (text: string) => string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(work, 'project-'))
  const text = readFileSync(join(root, 'guests/counter/swift/Sources/Service/Service.swift'), 'utf8')
  writeProject(folder, readFileSync(join(root, 'guests/proto/counter.proto'), 'utf8'), 'counter.proto', change(text))
  try {
    await buildProject(folder)
    return []
  } catch (error) {
    if (error instanceof BuildError) return error.message.split('\n')
    throw error
  }
}

/** A tag of more than five bytes, or above 32 bits, somewhere at the top. */
function overlong(input: Uint8Array): boolean {
  for (let at = 0; at + 4 < input.length; at++) {
    if (input.subarray(at, at + 4).every((byte) => byte >= 128) && (input[at + 4]! >= 16 || input[at + 4]! >= 128))
      return true
  }
  return false
}
