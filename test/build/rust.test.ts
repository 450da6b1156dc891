// Guards the build of Rust guests: the counter and its rules, errors with their places, and that what a guest cannot have is
// refused by what was linked.
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentWit } from '@bytecodealliance/jco'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Basis, Decided, EventSourcedGuest, GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { buildProject as build } from '../../sdk/build/build.ts'
import { findRust } from '../../sdk/build/languages/rust/build.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { MissingTool, runTool } from '../../sdk/build/toolchain.ts'
import { conformance } from '../conformance/languages.ts'
import { buildProject } from '../support/building.ts'
import { component } from '../support/components.ts'
import { skip } from '../support/skip.ts'
import { checkTalkative, told } from '../support/talkative.ts'

const Rust = suite('rust')
const root = fileURLToPath(new URL('../../', import.meta.url))
const counter = join(root, 'guests/counter/rust')
/** A project of the counter's form whose source is the test's. One folder, so that its dependencies are built once. */
const probe = join(root, 'test/fixtures/gen/rust-probe')
const cargo = await findRust()
const service = 'examples.counter.v1.Counter'
/** Get of the entity `a`. */
const get: GuestCommand = {
  method: 'Get',
  payload: Buffer.from([10, 1, 97]),
  metadata: [],
  nowMs: 0,
  seed: new Uint8Array(16),
}

Rust('the README shows code that is tested', () => {
  const readme = readFileSync(join(root, 'sdk/rust/README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```rust\n([\s\S]*?)```/g)]
  assert.ok(snippets.length >= 5)
  for (const [, path, snippet] of snippets) {
    const source = readFileSync(join(root, path!), 'utf8')
    for (const part of snippet!.split(/^ *\/\/ \.\.\.\n/m)) assert.ok(source.includes(part), `${path}:\n${part}`)
  }
})

Rust('says what to install where a toolchain is missing', async () => {
  const none = await findRust({ PATH: '/nowhere', INNKEEPER_TOOLCHAINS: '/nowhere' })
  assert.instance(none, MissingTool)
  assert.match((none as MissingTool).message, /^Rust: cargo was not found\. Install Rust: /)
})

if (cargo instanceof MissingTool) skip(Rust, 'builds', cargo.message)
else {
  Rust('build.R2: the counter is a component without imports, of its one kind, that keeps the laws', async () => {
    const { bytes } = await component('counter/rust')
    assert.ok(bytes.length < 60_000, `${bytes.length} bytes`)
    const wit = await componentWit(bytes)
    assert.match(wit, `export ${interfaces['event-sourced']}`)
    assert.not.match(wit, `export ${interfaces.value}`)
    for (const [, imported] of wit.matchAll(/^\s*import (\S+);/gm)) assert.is(imported, interfaces.types)
    const linked = await link(bytes, defaultLimits)
    assert.ok(linked.ok, JSON.stringify(linked))
    if (!linked.ok) return
    const { description } = linked.artefact
    assert.is(description.sdkName, 'innkeeper-rust')
    assert.is(description.services[0]?.stateType, 'examples.counter.v1.Value')
    const fresh = () => load(linked.artefact, defaultLimits, () => false, true)
    const { broken } = checkLaws(description.services[0]!, loadSchema(description.descriptors), fresh, 1)
    assert.equal(broken, [])
  })

  const rules: readonly (readonly [string, () => Promise<unknown>, number])[] = [
    ['guests/counter/rust', () => component('counter/rust'), 4],
    ['guests/cart/rust', () => component('cart/rust'), 6],
    ['guests/booking/rust', () => component('booking/rust'), 12],
    ['test/conformance/rust', () => conformance('rust'), 42],
    ['sdk/rust', async () => {}, 7],
    ['sdk/rust/build', async () => {}, 5],
  ]
  for (const [folder, build, passed] of rules) {
    Rust(`the tests in ${folder}, by cargo`, async () => {
      await build()
      const ran = await runTool(cargo, ['test', '--quiet'], { cwd: join(root, folder) })
      assert.ok(ran.ok, `${ran.stdout}${ran.stderr}`)
      assert.match(ran.stdout, `${passed} passed`)
    })
  }

  Rust('before a build, the error says to build', async () => {
    await written((source) => source)
    const ran = await runTool(cargo, ['check', '--message-format', 'short'], { cwd: probe })
    assert.is(ran.ok, false)
    assert.match(ran.stderr, /src\/gen is not there, or not whole: run `inn build` first/)
  })

  Rust('errors have their place', async () => {
    const problems = await problemsOf((source) => source.replace('reply(*state)', 'reply(state.value)'))
    assert.is(problems.length, 1, problems.join('\n'))
    assert.match(problems[0]!, /^src\/lib\.rs:39:\d+: E0308: mismatched types/)
  })

  const mistakes: readonly (readonly [string, (source: string) => string, RegExp])[] = [
    ['a missing method', (source) => source.replace(/ {4}fn get[^}]*}\n/, ''), /method get has no handler$/],
    [
      'an event that is not folded',
      (source) => source.replace('{ Added }', '{ Added, GetRequest }'),
      /event GetRequest has no evolve$/,
    ],
    [
      'an event of no enum',
      (source) => source.replace('accept(())', 'accept(GetRequest::default())'),
      /E0277: `.*GetRequest` is no event/,
    ],
    [
      'no reply',
      (source) => source.replace('accept(()).reply(*state)', 'accept(())'),
      /the reply is missing: end with \.reply\(message\)$/,
    ],
    ['an asynchronous handler', (source) => source.replace('fn get', 'async fn get'), /handlers are synchronous: /],
    ['a handler of no method', (source) => source.replace('fn get', 'fn got'), /there is no method got$/],
  ]
  for (const [name, change, message] of mistakes) {
    Rust(`${name} is a compile error`, async () => {
      const problems = await problemsOf(change)
      assert.ok(
        problems.some((line) => message.test(line) && line.startsWith('src/lib.rs:')),
        problems.join('\n'),
      )
    })
  }

  const inGet = (code: string) => (source: string) =>
    source
      .replace('_: GetRequest', 'request: GetRequest')
      .replace('        accept(())', `        ${code}\n        accept(())`)
  const clock = 'src/lib.rs:39:28: the clock is not available in a service: use context.now(), milliseconds since 1970'
  const refused: readonly (readonly [string, string, string])[] = [
    [
      'SystemTime',
      'let t = std::time::SystemTime::now(); assert!(t.elapsed().is_ok() || request.id.is_empty());',
      clock,
    ],
    ['Instant', 'let t = std::time::Instant::now(); assert!(t.elapsed().as_secs() > request.id.len() as u64);', clock],
    [
      'HashMap',
      'let m: std::collections::HashMap<_, _> = request.id.chars().zip(0..).collect(); assert!(m.keys().next().is_none());',
      'src/lib.rs:39:34: a HashMap or HashSet has another order in every instance: use BTreeMap or BTreeSet, or a hasher without random keys',
    ],
    ['a thread', 'let t = std::thread::spawn(|| ()); t.join().unwrap();', 'src/lib.rs:39:30: a service has no threads'],
    [
      'sleep',
      'std::thread::sleep(std::time::Duration::from_millis(request.id.len() as u64));',
      'src/lib.rs:39:22: a service cannot sleep: it answers at once',
    ],
    [
      'an import',
      'unsafe extern "C" { fn now() -> f64; } assert!(unsafe { now() } > request.id.len() as f64);',
      'src/lib.rs: imports env.now, which a component cannot reach',
    ],
  ]
  for (const [name, code, problem] of refused) {
    Rust(`${name} is refused`, async () => assert.equal(await problemsOf(inGet(code)), [problem]))
  }

  const constants: readonly (readonly [string, string])[] = [
    ['files are not there', 'assert!(std::fs::read(&request.id).is_err() && std::fs::write("/x", b"").is_err());'],
    ['the environment is empty', 'assert!(std::env::var(&request.id).is_err());'],
    [
      'sockets do not connect',
      'assert!(std::net::TcpStream::connect(("127.0.0.1", request.id.len() as u16)).is_err());',
    ],
    ['output goes nowhere', 'println!("{}", request.id); eprintln!("{}", request.id);'],
    [
      'a map with a hasher of its own',
      'let m: std::collections::HashMap<char, u32, std::hash::BuildHasherDefault<std::hash::DefaultHasher>> = request.id.chars().zip(0..).collect(); assert!(m.len() <= request.id.len());',
    ],
  ]
  for (const [name, code] of constants) {
    Rust(`allowed, and always the same: ${name}`, async () => {
      await written(inGet(code))
      const guest = await guestOf((await buildProject(probe)).file)
      const warm = [ask(guest), ask(guest)]
      guest.drop()
      for (const answer of warm) assert.equal(answer, ask(guest))
    })
  }

  /** With the words that are told: they begin with the place in the author's code, where Rust knows one. */
  const traps: readonly (readonly [string, string, string | RegExp | undefined])[] = [
    ['a panic', 'panic!("no {}", request.id);', 'src/lib.rs:39:9: no a'],
    [
      'a failed assertion',
      'assert_eq!(request.id.len(), 2);',
      'src/lib.rs:39:9: assertion `left == right` failed\n  left: 1\n right: 2',
    ],
    [
      'unwrap of None',
      'request.id.strip_prefix("b").unwrap();',
      'src/lib.rs:39:38: called `Option::unwrap()` on a `None` value',
    ],
    [
      'a number that is none',
      'request.id.parse::<i64>().unwrap();',
      'src/lib.rs:39:35: called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }',
    ],
    [
      'an index out of range',
      'let _ = request.id.as_bytes()[3];',
      'src/lib.rs:39:17: index out of bounds: the len is 1 but the index is 3',
    ],
    [
      'overflow',
      'let mut n = i64::MAX; n += request.id.len() as i64; let state = &Value { value: n };',
      'src/lib.rs:39:31: attempt to add with overflow',
    ],
    [
      'division by zero',
      'let n = 7 / (request.id.len() - 1); assert!(n > 0);',
      'src/lib.rs:39:17: attempt to divide by zero',
    ],
    [
      'a cell that is borrowed twice',
      'let c = std::cell::RefCell::new(request); let _one = c.borrow_mut(); let _two = c.borrow_mut();',
      'src/lib.rs:39:91: RefCell already borrowed',
    ],
    ['words that are too long', 'panic!("{}", "ü".repeat(5000));', `src/lib.rs:39:9: ${'ü'.repeat(2039)}`],
    [
      'metadata of the wrong type',
      'return accept(()).metadata("x-bin", "text").reply(*state);',
      'src/lib.rs:39:27: assertion `left == right` failed: metadata x-bin: names that end in -bin take bytes, all others text\n  left: true\n right: false',
    ],
    ['env::vars', 'assert!(std::env::vars().next().is_none());', /^\S+\.rs:\d+:\d+: not supported on this platform$/],
    ['process::exit', 'std::process::exit(request.id.len() as i32);', undefined],
    [
      'recursion without end',
      'fn deep(n: &mut u64) -> u64 { let mut a = [*n; 64]; *n += 1; std::hint::black_box(&mut a); deep(n) + a[3] } assert!(deep(&mut 0) > request.id.len() as u64);',
      undefined,
    ],
    [
      'more memory than there is',
      'let mut all = Vec::new(); loop { all.push(vec![request.id.len() as u8; 1 << 20]); }',
      'memory allocation of 1048576 bytes failed',
    ],
  ]
  for (const [name, code, words] of traps) {
    Rust(`a trap that tells why, and the next call is fine: ${name}`, async () => {
      await written(inGet(code))
      const guest = await guestOf((await buildProject(probe)).file)
      const told = wordsOf(() => ask(guest))
      if (words instanceof RegExp) assert.match(told ?? '', words)
      else assert.is(told, words)
      const added = guest.decide(
        service,
        'a',
        { kind: 'initial' },
        [{ ...get, method: 'Add', payload: Buffer.from([16, 1]) }],
        false,
      )
      assert.is(added.kind === 'decided' && added.decisions[0]!.outcome.answer.kind, 'message')
    })
  }

  Rust('names that Rust spells alike, and words of the SDK: the component says those of the .proto', async () => {
    await written(() => twins.source)
    await mkdir(join(probe, 'proto'), { recursive: true })
    await writeFile(join(probe, 'proto/twins.proto'), twins.proto)
    await writeFile(join(probe, 'service.json'), JSON.stringify({ language: 'rust' }))
    const guest = await guestOf((await buildProject(probe)).file)
    const decide = (method: string) => {
      const command = { ...get, method }
      const decided = guest.decide('twins.v1.Context', 'a', { kind: 'initial' }, [command], true)
      if (decided.kind !== 'decided') throw new Error(decided.kind)
      return decided.decisions[0]!.events.map(({ typeName }) => typeName)
    }
    assert.equal(decide('Do'), ['twins.v1.added'])
    assert.equal(decide('do'), ['twins.v1.Added'])
    assert.equal(decide('Evolve'), ['twins.v1.Box.added'])
    assert.equal(decide('Options'), [])
  })

  Rust('what cannot be read, and an event that is not listed, are told by their names', async () => {
    const { bytes } = await component('counter/rust')
    const linked = await link(bytes, defaultLimits)
    if (!linked.ok) throw new Error(linked.reasons.join('; '))
    const guest = load(linked.artefact, defaultLimits).eventSourced!
    const evolve = (basis: Basis, typeName: string, data: Uint8Array) =>
      wordsOf(() => guest.evolve(service, 'a', basis, [{ typeName, data }], true))
    const noMessage = Uint8Array.of(0x0b)
    const added = 'examples.counter.v1.Added'
    assert.match(
      evolve({ kind: 'initial' }, 'examples.counter.v1.Gone', new Uint8Array()) ?? '',
      /src\/event_sourced\.rs:\d+:\d+: examples\.counter\.v1\.Counter has no event examples\.counter\.v1\.Gone: its `events!` does not list it$/,
    )
    assert.match(
      evolve({ kind: 'initial' }, added, noMessage) ?? '',
      /: examples\.counter\.v1\.Counter: an event is no examples\.counter\.v1\.Added: failed to decode/,
    )
    assert.match(
      evolve({ kind: 'state', bytes: noMessage }, added, new Uint8Array()) ?? '',
      /: examples\.counter\.v1\.Counter: the stored state is no examples\.counter\.v1\.Value: failed to decode/,
    )
  })

  const talkative = (source: string): string =>
    source
      .replace(
        '=> state.value += added.amount',
        '=> { log::debug!("folds {}", added.amount); state.value += added.amount }',
      )
      .replace('if amount <= 0 {', 'log::warn!("asked for {amount}"); if amount <= 0 {')
      .replace('|after: &Value| *after', '|after: &Value| { log::info!("is {}", after.value); *after }')
      .replace(
        'accept(()).reply(*state)',
        'log::error!("read"); if state.value == 7 { panic!("seven") } accept(()).reply(*state)',
      )
      .replace('const VALUE_MAX', 'use innkeeper::log;\n\nconst VALUE_MAX')

  Rust(
    'log lines are those of one command, with what its fold and its reply say; stored events say nothing',
    async () => {
      await written(talkative)
      const guest = await guestOf((await buildProject(probe)).file)
      const add = (amount: number): GuestCommand => ({ ...get, method: 'Add', payload: Uint8Array.of(16, amount) })
      const logsOf = (...commands: readonly GuestCommand[]) => {
        const decided = guest.decide(service, 'a', { kind: 'initial' }, commands, false)
        if (decided.kind !== 'decided') throw new Error(decided.kind)
        return decided.decisions.map(({ outcome }) => told(outcome))
      }
      const stored = { typeName: 'examples.counter.v1.Added', data: Uint8Array.of(8, 5) }
      guest.evolve(service, 'a', { kind: 'initial' }, [stored, stored], true)
      assert.equal(logsOf(add(2), add(0), get, add(3)), [
        ['warn asked for 2', 'debug folds 2', 'info is 2'],
        ['warn asked for 0'],
        ['error read'],
        ['warn asked for 3', 'debug folds 3', 'info is 5'],
      ])
    },
  )

  Rust('lines of replicated entities come once, be there something to tell or not', async () => {
    await written((source) => source)
    const models = join(root, 'test/conformance/rust/src')
    await rm(join(probe, 'src'), { recursive: true })
    await cp(models, join(probe, 'src'), { recursive: true, filter: (path) => !path.endsWith('gen') })
    const members = await readFile(join(models, 'members.rs'), 'utf8')
    const changes: readonly (readonly [text: string, by: string])[] = [
      [
        'if set.has(&"bad".into()) {',
        'innkeeper::log::info!("changed"); if set.size() == 0 { return Ok(silent()); } if set.has(&"bad".into()) {',
      ],
      ['accept(set.add(&"left".into()))', 'innkeeper::log::warn!("left"); accept(set.add(&"left".into()))'],
      ['|script| script.look.clone()', '|script| { innkeeper::log::info!("looks"); script.look.clone() }'],
    ]
    for (const [text] of changes) assert.ok(members.includes(text), text)
    const changed = changes.reduce((source, [text, by]) => source.replace(text, by), members)
    await writeFile(join(probe, 'src/members.rs'), changed)
    await writeFile(
      join(probe, 'service.json'),
      JSON.stringify({ language: 'rust', proto: '../../../conformance/proto' }),
    )
    const { file } = await buildProject(probe)
    const linked = await link(await readFile(file), defaultLimits)
    if (!linked.ok) throw new Error(linked.reasons.join('; '))
    checkTalkative(linked.artefact)
  })

  Rust('cargo test shows log lines, each once, and those before a panic', async () => {
    await written(talkative)
    await build(probe)
    await mkdir(join(probe, 'tests'), { recursive: true })
    const rules = (await readFile(join(counter, 'tests/rules.rs'), 'utf8')).replaceAll(
      'use counter::',
      'use rust_probe::',
    )
    const shown = `
#[test]
fn shown() {
    given::<Service>([Added { amount: 1 }]).when(add(2)).then(Added { amount: 2 }, Value { value: 3 }).when(add(4)).then(
        Added { amount: 4 },
        Value { value: 7 },
    ).when(get());
}
`
    await writeFile(join(probe, 'tests/rules.rs'), `${rules}${shown}`)
    const ran = await runTool(cargo, ['test', '--quiet', '--test', 'rules', 'shown'], { cwd: probe })
    assert.is(ran.ok, false)
    const said = ran.stdout.split('\n').filter((line) => /^(debug|info|warn|error): |^seven$/.test(line))
    assert.equal(said, [
      ...['warn: asked for 2', 'debug: folds 2', 'info: is 3'],
      ...['warn: asked for 4', 'debug: folds 4', 'info: is 7'],
      ...['error: read', 'seven'],
    ])
  })

  Rust('build.R3: the same source has the same bytes', async () => {
    await written((source) => source)
    const once = await readFile((await build(probe)).file)
    await written((source) => `${source}\n// A comment.\n`)
    const again = await readFile((await build(probe)).file)
    assert.ok(once.equals(again))
    for (const path of [root, process.env['HOME'] ?? root]) assert.is(once.includes(path), false, path)
  })
}

async function guestOf(file: string): Promise<EventSourcedGuest> {
  const linked = await link(await readFile(file), defaultLimits)
  if (!linked.ok) throw new Error(linked.reasons.join('; '))
  return load(linked.artefact, defaultLimits).eventSourced!
}

/** What a fault tells. */
function wordsOf(call: () => unknown): string | undefined {
  try {
    call()
  } catch (error) {
    assert.instance(error, GuestFault)
    return (error as GuestFault).words
  }
  assert.unreachable('no fault')
}

function ask(guest: EventSourcedGuest): Decided {
  return guest.decide(service, 'a', { kind: 'initial' }, [get], false)
}

Rust.after(() => rm(probe, { recursive: true, force: true }))
Rust.run()

/** The counter's project with another source, not built yet. */
async function written(change: (source: string) => string): Promise<void> {
  await rm(join(probe, 'src'), { recursive: true, force: true })
  await mkdir(join(probe, 'src'), { recursive: true })
  await cp(join(counter, 'build.rs'), join(probe, 'build.rs'))
  if (existsSync(join(counter, 'Cargo.lock'))) {
    const lock = await readFile(join(counter, 'Cargo.lock'), 'utf8')
    await writeFile(join(probe, 'Cargo.lock'), lock.replace('name = "counter"', 'name = "rust-probe"'))
  }
  const manifest = await readFile(join(counter, 'Cargo.toml'), 'utf8')
  await writeFile(
    join(probe, 'Cargo.toml'),
    manifest.replace('name = "counter"', 'name = "rust-probe"').replaceAll('../../../sdk', '../../../../sdk'),
  )
  await writeFile(
    join(probe, 'service.json'),
    JSON.stringify({ language: 'rust', proto: '../../../../guests/proto', files: ['counter.proto'] }),
  )
  await writeFile(join(probe, 'src/lib.rs'), change(await readFile(join(counter, 'src/lib.rs'), 'utf8')))
}

/** A service called as a word of the SDK, with names that Rust spells alike, and methods called as what a trait has besides. */
const twins = {
  proto: `syntax = "proto3";
package twins.v1;
import "innkeeper/options.proto";
message Ask { string id = 1 [(innkeeper.entity_key) = true]; }
message added { int64 n = 1; }
message Added { int64 n = 1; }
message Count { int64 n = 1; oneof n_ { string s = 2; } }
message count { int64 n = 1; }
message Box { message added { int64 n = 1; } enum Added { NONE = 0; } Added kind = 1; }
service Context {
  rpc Do(Ask) returns (Count);
  rpc do(Ask) returns (count);
  rpc Evolve(Ask) returns (Count);
  rpc Options(Ask) returns (count);
}
`,
  source: `pub mod proto {
    ::innkeeper::include_proto!();
}

use proto::twins::v1::context::event_sourced::*;
use proto::twins::v1::r#box::Added2 as Boxed;
use proto::twins::v1::{Added, Added2, Ask, Count, Count2, context};

pub struct Service;

innkeeper::events! {
    pub enum Event { Added, Added2, Boxed }
}

impl Context for Service {
    type State = Count;
    type Event = Event;

    fn evolve(_: &mut Count, _: Event) {}

    fn r#do(_: &Count, _: Ask, _: &innkeeper::Context) -> Decision<Self, Count> {
        accept(Added2 { n: 1 }).reply(Count::default())
    }

    fn do_(_: &Count, _: Ask, _: &innkeeper::Context) -> Decision<Self, Count2> {
        accept(Added { n: 1 }).reply(Count2::default())
    }

    fn evolve_(_: &Count, _: Ask, _: &innkeeper::Context) -> Decision<Self, Count> {
        accept(Boxed { n: 1 }).reply(Count::default())
    }

    fn options_(_: &Count, _: Ask, _: &innkeeper::Context) -> Decision<Self, Count2> {
        accept(()).reply(Count2::default())
    }
}

innkeeper::serve! {
    event_sourced: context => Service,
}
`,
}

/** The lines that `inn build` prints. */
async function problemsOf(change: (source: string) => string): Promise<readonly string[]> {
  await written(change)
  try {
    await buildProject(probe)
    return []
  } catch (error) {
    if (error instanceof BuildError) return error.message.split('\n')
    throw error
  }
}
