// Guards the C SDK: protobuf's conformance cases and hostile bytes through the generated codec, natively and with sanitizers,
// compared with the TypeScript one; what an author sees of a mistake; the kit; the header as C++.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { credentialProblem, transportProblem } from '../../host/header-names.ts'
import { buildProject as build } from '../../sdk/build/build.ts'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { findC } from '../../sdk/build/languages/c/build.ts'
import { generateC } from '../../sdk/build/languages/c/code.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { findTool, MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject } from '../support/building.ts'
import { built, component } from '../support/components.ts'
import { isSound, linked, Requests } from '../support/counter.ts'
import { typeScriptEverything, written } from '../support/everything.ts'
import { Later } from '../support/later.ts'
import { protoCases } from '../support/proto-cases.ts'
import { protos } from '../support/protos.ts'
import { skip } from '../support/skip.ts'
import { Words } from '../support/words.ts'

const C = suite('c')
const root = fileURLToPath(new URL('../../', import.meta.url))
const sdk = join(root, 'sdk/c')
const work = mkdtempSync(join(tmpdir(), 'innkeeper-c-test-'))
C.after(() => rmSync(work, { recursive: true }))

const wordsProto = `syntax = "proto3";
package words.v1;
import "innkeeper/options.proto";
service Class { rpc New(Template) returns (Struct); }
message Template { string operator = 1 [(innkeeper.entity_key) = true]; }
message Struct {
  string new = 1;
  oneof default { string case = 2; int32 int = 3; This this = 4; }
  map<string, This> union = 5;
  repeated Enum enum = 6;
}
message This { string delete = 1; }
enum Enum { ENUM_NONE = 0; TRUE = 1; }
`

/** test/support/c/kit.c has its services and what is tested of them. */
const kitProto = `syntax = "proto3";
package kit.v1;
import "cloudstate/entity_key.proto";
import "innkeeper/options.proto";
service Sum { rpc Add(Number) returns (Number); }
service Note { rpc Put(Number) returns (Number); rpc Drop(Number) returns (Number); }
service Room { rpc Join(Number) returns (stream Number); rpc Look(Number) returns (Number); }
service Talk {
  rpc Ask(Number) returns (Number);
  rpc Count(Number) returns (stream Number);
  rpc Total(stream Number) returns (Number);
  rpc Echo(stream Number) returns (stream Number);
}
service Keys {
  rpc Say(Keyed) returns (Said);
  rpc Forget(State) returns (Said);
  rpc Weigh(Weight) returns (Said);
}
service Sums {
  option (innkeeper.view) = { row: "State", from: ["kit.v1.Sum", "kit.v1.Note"] };
  rpc All(State) returns (stream State) { option (innkeeper.query) = { sql: "SELECT value FROM sums" }; }
}
service Wrong {
  option (innkeeper.view) = { row: "State", from: ["kit.v1.Sum", "kit.v1.Note"] };
  rpc All(State) returns (stream State) { option (innkeeper.query) = { sql: "SELECT value FROM wrong" }; }
}
service Crowd {
  option (innkeeper.view) = { row: "State", from: ["kit.v1.Room"] };
  rpc All(State) returns (stream State) { option (innkeeper.query) = { sql: "SELECT value FROM crowd" }; }
}
service Guests {
  option (innkeeper.view) = { row: "State", from: ["kit.v1.Room"] };
  rpc All(State) returns (stream State) { option (innkeeper.query) = { sql: "SELECT value FROM guests" }; }
}
message Weight { double weight = 1 [(innkeeper.entity_key) = true]; }
message Number { string id = 1 [(innkeeper.entity_key) = true]; int64 value = 2; }
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
enum Kind { NONE = 0; }
message Said { string text = 1; }
message Added { int64 value = 1; }
message State { int64 value = 1; }
`

const cc = findTool({ variable: 'CC', names: ['cc', 'gcc', 'clang'] })?.path
const cxx = findTool({ variable: 'CXX', names: ['c++', 'g++', 'clang++'] })?.path
const tools = findC()

/** The machine's own compiler, for programs that run here. @throws Error with what it says */
function compile(compiler: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

/** Sanitizers, where the machine has their libraries. */
function sanitizers(compiler: string): readonly string[] {
  const flags = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
  const source = join(work, 'empty.c')
  writeFileSync(source, 'int main(void) { return 0; }\n')
  return spawnSync(compiler, [...flags, source, '-o', join(work, 'empty')]).status === 0 ? flags : []
}

if (cc === undefined) skip(C, 'the codec, natively', 'there is no C compiler (cc, gcc, clang)')
else {
  const project = readProject(join(root, 'test/conformance/c'))
  const { schema, bytes } = await compileProtos(project)
  const gen = join(work, 'gen')
  await writeGenerated(gen, generateC(schema, project.files, bytes))
  const program = join(work, 'codec')
  const generated = readdirSync(gen, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.c'))
  const sources = [join(root, 'test/support/c/codec.c'), ...generated.map((path) => join(gen, path))]
  compile(cc, [
    ...['-std=c11', '-O1', '-Wall', '-Wextra', '-Werror', ...sanitizers(cc), `-I${sdk}`, `-I${gen}`],
    ...[...sources, join(sdk, 'innkeeper.c'), '-o', program],
  ])

  /** What the codec makes of each: hexadecimal, or `! problem`. */
  const through = (inputs: readonly Uint8Array[]): readonly string[] => {
    const lines = inputs.map((input) => Buffer.from(input).toString('hex')).join('\n')
    const output = execFileSync(program, { input: `${lines}\n`, encoding: 'utf8', maxBuffer: 2 ** 28 })
    return output.split('\n').slice(0, -1)
  }

  C('message.C1: the codec passes the cases of protobuf', () => {
    const results = through(protoCases.map(({ input }) => input))
    assert.is(results.length, protoCases.length)
    const wrong = protoCases.flatMap(({ name, output }, index) => {
      const got = results[index]!
      const expected = output === 'refused' ? '!' : Buffer.from(output).toString('hex')
      return (output === 'refused' ? got.startsWith('!') : got === expected) ? [] : [`${name}: ${got}, not ${expected}`]
    })
    assert.equal(wrong, [])
    console.log(`# c: ${protoCases.length} cases of protobuf`)
  })

  const Everything = await typeScriptEverything('c')

  C('the codec refuses and writes what the TypeScript one does: cases cut off anywhere, and with bytes changed', () => {
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
      const got = results[index]!
      // A tag whose number has more than 32 bits is refused by C alone.
      if (got === '! a tag is no field number') continue
      assert.is(got.startsWith('!') ? '!' : got, written(Everything, input), Buffer.from(input).toString('hex'))
    }
  })

  C('what was written reads as the same', () => {
    const once = through(protoCases.map(({ input }) => input)).filter((line) => !line.startsWith('!'))
    assert.equal(through(once.map((line) => Buffer.from(line, 'hex'))), once)
  })

  C('the kit: the rules of the counter', async () => {
    const rules = join(work, 'rules')
    const counter = join(root, 'guests/counter/c')
    const generated = join(work, 'counter/gen')
    const project = readProject(counter)
    const descriptors = await compileProtos(project)
    await writeGenerated(generated, generateC(descriptors.schema, project.files, descriptors.bytes))
    compile(cc, [
      ...['-std=c11', '-Wall', '-Wextra', ...sanitizers(cc), `-I${sdk}`, `-I${join(work, 'counter')}`],
      ...[join(counter, 'test/rules.c'), join(counter, 'src/service.c'), join(generated, 'counter.c')],
      ...[join(generated, 'component.c'), join(sdk, 'innkeeper_test.c'), '-o', rules],
    ])
    assert.match(execFileSync(rules, { encoding: 'utf8' }), /^5 of 5 tests passed/)
  })

  C('the kit: every kind, and mistakes that it finds', async () => {
    const generated = join(work, 'kit/gen')
    const { schema: kinds, bytes: descriptors } = await protos({ 'kit.proto': kitProto })
    await writeGenerated(generated, generateC(kinds, ['kit.proto'], descriptors))
    const program = join(work, 'kit/kit')
    compile(cc, [
      ...['-std=c11', '-Wall', '-Wextra', '-Werror', ...sanitizers(cc), `-I${sdk}`, `-I${join(work, 'kit')}`],
      ...[join(root, 'test/support/c/kit.c'), join(generated, 'kit.c'), join(generated, 'component.c')],
      ...[join(sdk, 'innkeeper_test.c'), '-o', program],
    ])
    const { stdout, stderr } = spawnSync(program, { encoding: 'utf8' })
    const lines = stderr.trim().split('\n')
    // The tests whose names begin with `wrong` are to fail, each once.
    assert.equal(
      lines.filter((line) => !/ wrong_/.test(line)),
      [],
    )
    const [, passed, count] = /^(\d+) of (\d+) tests/m.exec(stdout) ?? []
    assert.is(Number(count) - Number(passed), lines.length, stderr)
    assert.ok(lines.length >= 26)
    const told = (test: string) =>
      lines.find((line) => line.includes(`wrong_since_the_header_${test}: `))?.split(': ')[2]
    const since = (test: string) =>
      lines.find((line) => line.includes(` wrong_since_${test}: `))?.replace(/^.*? wrong_\w+: /, '')
    const forgot = 'kit.v1.Sum/Add: the field id names the entity and is empty; set it in the request'
    assert.is(since('the_request_has_no_key'), forgot)
    const another = 'begin another one with given'
    assert.is(since('the_request_names_another_entity'), `Add is asked of b, but the test is about a; ${another}`)
    assert.is(
      since('the_request_names_another_than_was_given'),
      `Add is asked of a, but the test is about me; ${another}`,
    )
    const none = 'no field of kit.v1.State is marked (innkeeper.entity_key) = true'
    assert.is(since('no_field_is_a_key'), `kit.v1.Keys/Forget names no entity: ${none}`)
    assert.is(
      since('the_key_is_a_fraction'),
      'kit.v1.Keys/Weigh: name the entity by given_entity, since its key is a fraction',
    )
    assert.is(since('a_circle_does_not_end'), 'kit.v1.Note/Put is the last of 17 hops, too many: what calls itself?')
    const notHere = 'and its service is not here: give it to together'
    assert.is(since('a_forward_is_for_a_service_that_is_not_here'), `kit.v1.Sum/Add is called, ${notHere}`)
    const law = (row: string, what: string) => `the row "${row}" breaks law L7: rows depend on ${what}`
    assert.is(since('a_view_depends_on_the_order'), law('all', 'the order of changes of different entities'))
    assert.is(since('a_view_depends_on_values_in_between'), law('v', "values that are not their entity's newest"))
    assert.is(since('a_row_is_another'), 'the row a is not what was expected: 0805, expected 0806')
    assert.is(since('a_row_was_not_said'), 'there is a row that was not said: b')
    assert.is(since('a_row_is_not_there'), 'there is no row c')
    for (const who of ['together', 'a_room', 'an_action'])
      assert.match(since(`${who}_remembers`)!, 'comes to something else')
    assert.is(told('reaches_no_function'), credentialProblem('Authorization'))
    assert.is(told('is_of_the_transport'), transportProblem('grpc-timeout'))
    // Each line of a command once, though it is decided three times; a step that only logs has said nothing.
    const logged = stdout.split('\n').filter((line) => /^(sum|room|talk): /.test(line))
    assert.equal(logged, [
      'sum: warn: 200 is much',
      ...['room: debug: 1 are there', 'room: debug: 2 are there', 'room: debug: 3 are there'],
      ...['talk: info: item', 'talk: info: item', 'talk: info: item'],
    ])
  })

  C('the kit: effects that are due later, asks, cancels and tickets', async () => {
    const fixture = readProject(join(root, 'test/fixtures/later/c'))
    const { schema: shop, bytes: descriptors } = await compileProtos(fixture)
    const generated = join(work, 'later/gen')
    await writeGenerated(generated, generateC(shop, fixture.files, descriptors))
    const files = readdirSync(generated, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.c'))
    const program = join(work, 'later/kit')
    compile(cc, [
      ...['-std=c11', '-Wall', '-Wextra', '-Werror', ...sanitizers(cc), `-I${sdk}`, `-I${join(work, 'later')}`],
      ...[join(root, 'test/support/c/later.c'), join(fixture.directory, 'src/service.c')],
      ...[...files.map((path) => join(generated, path)), join(sdk, 'innkeeper_test.c'), '-o', program],
    ])
    const { stdout, stderr } = spawnSync(program, { encoding: 'utf8' })
    const told = stderr.trim().split('\n')
    assert.equal(
      told.map((line) => line.replace(/^\S+ /, '').replace(': ', ' | ')),
      [
        'wrong_since_the_caller_does_not_wait | the caller is answered: it does not wait',
        'wrong_since_the_ticket_is_still_open | the caller still waits: its ticket is open',
        'wrong_since_what_a_turn_brings_was_not_said | an effect on later.v1.Bank/Charge, which is not here, was not said',
        'wrong_since_more_is_pending | an effect is due later: later.v1.Bank/Charge',
        'wrong_since_the_resolution_brings_nothing | there is no such metadata of the resolution',
        'wrong_since_it_is_due_later | the effect is due at a time, expected at once',
        'wrong_since_it_is_due_at_another_time | the due time is 90000000 ms, expected 5',
        'wrong_since_it_has_a_name | the name of the effect is "n", expected ""',
        'wrong_since_the_note_is_another | the note is not what was expected: 0a046e6f7465, expected ',
        'wrong_since_a_cancel_was_not_said | an effect is cancelled, and that was not said: ü',
        'wrong_since_a_resolution_was_not_said | a ticket is resolved, and that was not said: u',
        'wrong_since_the_ticket_is_open_for_longer | the ticket is open for another time',
      ],
    )
    assert.match(stdout, /^9 of 21 tests passed/m)
  })

  C('the kit: a fault ends the tests with its words', async () => {
    const fixture = readProject(join(root, 'test/fixtures/words/c'))
    const { schema: lines, bytes: descriptors } = await compileProtos(fixture)
    await writeGenerated(join(work, 'words/gen'), generateC(lines, fixture.files, descriptors))
    const rules = join(work, 'words/rules.c')
    writeFileSync(
      rules,
      `#include "gen/words.h"
#include "innkeeper_test.h"
IK_TEST(faults) { given(&lines_service); when("Do", IK_OF(words_line, .id = ik_text_of("a"), .text = ik_text_of("fault"))); }
`,
    )
    const program = join(work, 'words/rules')
    compile(cc, [
      ...['-std=c11', `-I${sdk}`, `-I${join(work, 'words')}`, rules, join(fixture.directory, 'src/service.c')],
      ...[join(work, 'words/gen/words.c'), join(work, 'words/gen/component.c'), join(sdk, 'innkeeper_test.c')],
      ...['-o', program],
    ])
    const { stderr, signal } = spawnSync(program, { encoding: 'utf8' })
    assert.match(stderr, /^fault: \S*src\/service\.c:\d+: no luck with 7 of fault\n/)
    assert.is(signal, 'SIGABRT')
  })
}

if (cxx === undefined) skip(C, 'the header as C++', 'there is no C++ compiler (c++, g++, clang++)')
else {
  C('the headers are C++ too', async () => {
    const generated = join(work, 'cxx/gen')
    const { schema, bytes } = await protos({ 'words.proto': wordsProto })
    await writeGenerated(generated, generateC(schema, ['words.proto'], bytes))
    const source = join(work, 'cxx/service.cc')
    writeFileSync(
      source,
      `#include "gen/words.h"
CLASS_EVENT_SOURCED(words_struct)
ik_answer class_new(const words_struct *state, const words_template *request, words_struct *reply, ik_context *context) {
  words_this event = {request->operator_};
  class_emit_this(context, &event);
  *reply = *state;
  return IK_REPLY;
}
void class_on_this(words_struct *state, const words_this *event) {
  state->new_ = event->delete_;
  words_struct_add_enum(state, WORDS_ENUM_TRUE);
  state->default_case = WORDS_STRUCT_INT;
  state->default_.int_ = WORDS_ENUM_NONE;
  words_struct_put_union(state, state->new_, words_this_new());
}
`,
    )
    compile(cxx, ['-std=c++17', '-Wall', '-Werror', `-I${sdk}`, '-fsyntax-only', source])
  })
}

if (tools instanceof MissingTool) skip(C, 'components', tools.message)
else {
  C('component.M2, c/build.K3: the counter is small, imports nothing, and keeps the laws', async () => {
    const { bytes } = await component('counter/c')
    assert.ok(bytes.length <= 16.5 * 1024, `${bytes.length} bytes`)
    await isSound(bytes, 'innkeeper-c')
  })

  C('a large request leaves no more than it took itself, however often it comes', async () => {
    const requests = new Requests(await linked((await component('counter/c')).bytes))
    const small = requests.decide(100)
    assert.is(small, 2 * 65_536)
    const large = requests.decide(1_000_000)
    assert.ok(large <= small + 1_100_000, `${large} bytes`)
    for (let round = 0; round < 100; round++) assert.is(requests.decide(round % 2 === 0 ? 1_000_000 : 100), large)
    assert.is(requests.guest.generation, 0)
  })

  const words = async () => new Words(await linked((await built('test/fixtures/words/c', 'words-c')).bytes))

  C('log lines come with the outcome of their command', async () => {
    const guest = await words()
    guest.checkLogs()
    guest.checkReplicatedLogs()
    guest.checkActionLogs()
    // A state that is made again after a refusal folds what was folded before: silently.
    assert.equal(guest.batch('fold', 'refuse what was emitted', 'refuse'), [
      ['info before', 'info folded x'],
      ['info folded y'],
      ['info refused'],
    ])
    assert.equal(guest.batch('bytes'), [['info a?b']])
  })

  C('a fault tells its words and its place', async () => {
    const guest = await words()
    const said: Readonly<Record<string, RegExp>> = {
      fault: /^src\/service\.c:\d+: no luck with 7 of fault$/,
      assert: /^src\/service\.c:\d+: assertion failed: way\.length > 100$/,
      format: /^innkeeper\.c:\d+: ik_format does not know the conversion %f$/,
      long: /^src\/service\.c:\d+: ü+$/,
      memory: /^innkeeper\.c:\d+: there is no memory left$/,
      text: /^innkeeper\.c:\d+: a string is not UTF-8$/,
      answer: /^innkeeper\.c:\d+: Do answers with what it cannot answer$/,
    }
    for (const [way, pattern] of Object.entries(said)) assert.match(guest.way(way).words ?? '', pattern)
    // As much as there is room for, in whole characters.
    const { length } = Buffer.from(guest.way('long').words!)
    assert.ok(length === 4_096 || length === 4_095, `${length} bytes`)
    guest.checkFaultsOfTheSdk({
      unknownEvent: /^innkeeper\.c:\d+: the service does not fold the event words\.v1\.Line$/,
      event: /^innkeeper\.c:\d+: a stored event is no words\.v1\.Said: the message is cut off$/,
      state: /^innkeeper\.c:\d+: the stored state is no words\.v1\.State: the message is cut off$/,
      note: /^innkeeper\.c:\d+: the note of the stream is no words\.v1\.Line: the message is cut off$/,
      operation: /^innkeeper\.c:\d+: an operation where the value can only be looked at$/,
    })
  })

  const later = async () => new Later(await linked((await built('test/fixtures/later/c', 'later-c')).bytes))

  C('effects that are due later, names, cancels, asks and tickets cross the boundary as they were said', async () => {
    const guest = await later()
    guest.checkDue()
    guest.checkEntities()
    guest.checkAsks()
    guest.checkAnswers()
  })

  C('innkeeper.T1, innkeeper.T2: what is no time, no name or not for this method is a fault in words', async () => {
    const guest = await later()
    guest.checkMistakes({
      noNumber: /: ik_seconds: that is no number of milliseconds$/,
      tooMany: /: ik_after: 9223372036854775807 milliseconds are too many$/,
      noName: /: the name of an effect is empty$/,
      noTicket: /: a ticket is empty$/,
      tooLong: /: a ticket is open for 4294967295 seconds at most$/,
      askOfAnother: /: Checked hears the answers of later.v1.Bank\/Charge, and the call is to later.v1.Book\/Do$/,
      more: {
        'Shop/no text': /: the name of an effect is not UTF-8$/,
        'Shop/both': /: an effect is due either after_ms or at_ms$/,
        'Shop/twice': /: ik_after says when it is due; its terms say it again$/,
        'Shop/synchronous later': /: a synchronous effect is due at once$/,
        'Shop/ask and wait': /: a synchronous effect has no answer$/,
        'Book/of another': /: later.v1.Shop\/Checked is a method of another service than later.v1.Book$/,
        'Bank/name': /: names of effects: an action has none, only entities do$/,
        'Bank/later': /: tickets: an action has none, only entities do$/,
        'Room/name/Open': /: names of effects: a method that streams has none$/,
        'Room/cancel/Open': /: cancels: a method that streams has none$/,
      },
    })
  })

  C('traps of WebAssembly have no words of the service', async () => {
    const guest = await words()
    for (const way of ['divide', 'deep']) {
      const { reason, words: none } = guest.way(way)
      assert.equal([reason, none], ['trap', undefined], way)
    }
  })

  C('a mistake is told at its place', async () => {
    assert.equal(await problems((text) => text.replace('request->amount', 'request->amout')), [
      "src/service.c:10:29: no member named 'amout' in 'struct counter_add_request'; did you mean 'amount'?",
    ])
    const [type] = await problems((text) => text.replace('counter_value *reply', 'counter_added *reply'))
    assert.match(type!, "src/service.c:8:11: conflicting types for 'counter_add'")
    assert.equal(
      await problems((text) => text.replace('  *reply = *state;\n  return IK_REPLY;\n}', '  *reply = *state;\n}')),
      ['src/service.c:17:1: non-void function does not return a value in all control paths'],
    )
    assert.equal(
      await problems((text) => text.replace('return ik_refuse(context, IK_FAILED', 'ik_refuse(context, IK_FAILED')),
      ["src/service.c:14:5: ignoring return value of function declared with 'warn_unused_result' attribute"],
    )
  })

  C(
    'service.C2, in-words.W1: what is missing is told with its prototype, and what is misspelt by its name',
    async () => {
      assert.equal(await problems((text) => text.replace(/ik_answer counter_get[^}]*}/, '')), [
        'src/service.c:4: method Get has no handler',
        '  counter_get is missing: ik_answer counter_get(const STATE *state, const counter_get_request *request, counter_value *reply, ik_context *context)',
      ])
      assert.equal(await problems((text) => text.replace('counter_on_added', 'counter_on_aded')), [
        'src/service.c:28:6: counter_on_aded is not declared by a generated header; make it static if it is a helper',
      ])
      assert.equal(await problems((text) => text.replace(/void counter_on_added[^}]*}/, '')), [
        'src/service.c:4: event Added has no evolve',
        '  counter_on_added is missing: void counter_on_added(STATE *state, const counter_added *event)',
      ])
      const [nothing] = await problems(() => '#include "gen/counter.h"\n')
      assert.match(nothing!, 'src/service.c: defines no service')
    },
  )

  C(
    'c/build.K4: the SDK of the project comes before that of the build, and is compiled again once it is another',
    async () => {
      const folder = join(work, 'copied')
      const copy = join(folder, 'innkeeper-sdk')
      cpSync(join(root, 'guests/counter/c/src'), join(folder, 'src'), { recursive: true })
      const settings = { language: 'c', proto: join(root, 'guests/proto'), files: ['counter.proto'] }
      writeFileSync(join(folder, 'service.json'), JSON.stringify(settings))
      cpSync(sdk, copy, { recursive: true })
      const text = readFileSync(join(copy, 'innkeeper.c'), 'utf8')
      for (const name of ['innkeeper-1', 'innkeeper-2']) {
        writeFileSync(join(copy, 'innkeeper.c'), text.replaceAll('innkeeper-c', name))
        const { file } = await build(folder)
        assert.is((await linked(readFileSync(file))).description.sdkName, name)
      }
    },
  )

  C('build.K2: time, chance, files and memory of a library are refused by name', async () => {
    const after = (line: string) => (text: string) => text.replace('  int64_t amount', `  ${line}\n  int64_t amount`)
    assert.equal(await problems((text) => `#include <time.h>\n${text}`), [
      'src/service.c:1:10: time.h is not available in a service: use ik_now(context)',
    ])
    assert.equal(await problems(after('time(NULL);')), [
      'src/service.c:10:3: time is not available in a service: use ik_now(context)',
    ])
    assert.equal(await problems((text) => after('(void)time(NULL);')(`long time(long *);\n${text}`)), [
      'src/service.c: time is not available in a service: use ik_now(context)',
    ])
    assert.equal(await problems((text) => after('(void)rand();')(`int rand(void);\n${text}`)), [
      'src/service.c: rand is not available in a service: use ik_random(context)',
    ])
    assert.equal(await problems(after('(void)malloc(1);')), [
      'src/service.c:10:9: malloc is not available in a service: use ik_allocate, or ik_allocate_zeroed: the memory of a call is freed after it',
    ])
    const log = "use ik_log_info, ik_log_warn and their like for the host's log"
    assert.equal(await problems(after('printf("x");')), [
      `src/service.c:10:3: printf is not available in a service: ${log}`,
    ])
    assert.equal(await problems((text) => `#include <assert.h>\n${text}`), [
      'src/service.c:1:10: assert.h is not available in a service: use ik_assert',
    ])
    const reach = `__attribute__((import_module("env"), import_name("read"))) int reach(void);\n`
    assert.equal(await problems((text) => after('(void)reach();')(reach + text)), [
      'src/service.c: read is not available in a service: a component has no files and no output',
    ])
  })
}

C('the code in the README is that of the guests', () => {
  const readme = readFileSync(join(sdk, 'README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```c\n([\s\S]*?)```/g)]
  assert.ok(snippets.length >= 4)
  for (const [, path, code] of snippets) assert.ok(readFileSync(join(root, path!), 'utf8').includes(code!), path)
})

C.run()

/** The lines of `inn build` for the counter with its source changed; none if it builds. */
async function problems(change: (text: string) => string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(work, 'project-'))
  const counter = join(root, 'guests/counter/c')
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const text = readFileSync(join(counter, 'src/service.c'), 'utf8')
  write('src/service.c', change(text))
  write('service.json', JSON.stringify({ language: 'c', proto: join(root, 'guests/proto'), files: ['counter.proto'] }))
  try {
    await buildProject(folder)
    return []
  } catch (error) {
    if (error instanceof BuildError) return error.message.split('\n')
    throw error
  }
}
