// Guards the Go SDK: its guests build and keep the laws, mistakes have their place, what a guest cannot have is refused by name,
// what a dependency still reaches is a constant or a trap, and the codec reads and writes as the TypeScript one does.
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { componentWit } from '@bytecodealliance/jco'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { streamsOf } from '../../host/deploy/methods.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { Basis, EventSourcedGuest, GuestCommand, StreamInput } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { findGo } from '../../sdk/build/languages/go/build.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { MissingTool, runTool } from '../../sdk/build/toolchain.ts'
import type { MessageType } from '../../sdk/typescript/codec/message.ts'
import { buildProject } from '../support/building.ts'
import { component } from '../support/components.ts'
import { every, everyTypeFolder, plain } from '../support/every.ts'
import { generated } from '../support/generated.ts'
import { skip } from '../support/skip.ts'
import { checkTalkative, told } from '../support/talkative.ts'

type Fields = Record<string, unknown>
type Files = Readonly<Record<string, string>>

const root = fileURLToPath(new URL('../../', import.meta.url))
const Go = suite('go')
const go = findGo()
const on = (name: string, check: () => Promise<void> | void): void => {
  if (go instanceof MissingTool) skip(Go, name, go.message)
  else Go(name, check)
}

/** A project with the SDK of this checkout, in a folder of its own. */
async function withGo<T>(files: Files, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-go-'))
  const all: Files = {
    'service.json': '{ "name": "tally" }',
    'go.mod': `module tally\n\ngo 1.24\n\nrequire innkeeper v0.0.0\n\nreplace innkeeper => ${join(root, 'sdk/go')}\n`,
    ...files,
  }
  try {
    for (const [path, text] of Object.entries(all)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function build(folder: string): Promise<Artefact> {
  const { file } = await buildProject(folder)
  return await linked(readFileSync(file))
}

async function linked(bytes: Uint8Array): Promise<Artefact> {
  const result = await link(bytes, defaultLimits)
  if (!result.ok) throw new Error(result.reasons.join('\n'))
  return result.artefact
}

const counterProto = readFileSync(join(root, 'guests/proto/counter.proto'), 'utf8')
const counterSource = readFileSync(join(root, 'guests/counter/go/service.go'), 'utf8')
const counter = counterSource.replace('counter/gen', 'tally/gen')

/** What `inn build` has to say of the counter with this source. */
function problemsOf(source: string, more: Files = {}): Promise<readonly string[]> {
  return withGo({ 'proto/tally.proto': counterProto, 'service.go': source, ...more }, async (folder) => {
    try {
      await buildProject(folder)
      return []
    } catch (error) {
      if (error instanceof BuildError) return error.message.split('\n')
      throw error
    }
  })
}

/** The line of a text in the counter's source. */
const lineOf = (source: string, text: string): number => source.slice(0, source.indexOf(text)).split('\n').length

const guests = ['counter', 'cart', 'profile', 'presence', 'orders'] as const

for (const guest of guests) {
  on(`go/build.G1: ${guest}: no imports but types, only its own kind, and the laws hold on random input`, async () => {
    const { bytes } = await component(`${guest}/go`)
    const wit = (await componentWit(bytes)).split('\n').filter((line) => /^\s*(import|export) /.test(line))
    const artefact = await linked(bytes)
    const { services, descriptors, sdkName, sdkVersion } = artefact.description
    const [service] = services
    assert.equal(
      wit.map((line) => line.trim()).sort(),
      [`export ${interfaces.about};`, `export ${interfaces[service!.kind]};`, `import ${interfaces.types};`].sort(),
    )
    assert.equal([sdkName, sdkVersion], ['innkeeper-go', '0.1.0'])
    const schema = loadSchema(descriptors)
    const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)
    assert.equal(checkLaws(service!, schema, fresh, 11).broken, [])
    assert.ok(bytes.length < 2.5 * 1024 * 1024, `${bytes.length} bytes`)
  })

  on(`go/build.G5: ${guest}: its rules pass under go test`, async () => {
    await component(`${guest}/go`)
    const cwd = join(root, 'guests', guest, 'go')
    const environment = { GOTOOLCHAIN: 'local', GOWORK: 'off' }
    const ran = await runTool(findGo() as Exclude<ReturnType<typeof findGo>, MissingTool>, ['test', './...'], {
      cwd,
      folders: [join(root, 'sdk/go')],
      environment,
    })
    assert.ok(ran.ok, `${ran.stdout}${ran.stderr}`)
  })
}

on('the SDK passes its own tests', async () => {
  const cwd = join(root, 'sdk/go')
  const environment = { GOTOOLCHAIN: 'local', GOWORK: 'off' }
  const tool = findGo() as Exclude<ReturnType<typeof findGo>, MissingTool>
  const ran = await runTool(tool, ['test', './...'], { cwd, folders: [], environment })
  assert.ok(ran.ok, `${ran.stdout}${ran.stderr}`)
  assert.match(ran.stdout, /^ok\s+innkeeper\/crdt\s/m)
})

on('a project without go.mod entry, without Services, or that is package main, is told so', async () => {
  assert.match(
    (await problemsOf(counter, { 'go.mod': 'module tally\n\ngo 1.24\n' }))[0]!,
    /^go\.mod: does not require the SDK/,
  )
  assert.match(
    (await problemsOf(counter.replace('var Services', 'var Other')))[0]!,
    /^service\.go:1: Services must be a \[\]innkeeper\.Service: undefined: author\.Services$/,
  )
  assert.match(
    (await problemsOf(counter.replace('package counter', 'package main')))[0]!,
    /^service\.go: is package main/,
  )
})

on(
  'go/code.O1: compile errors have their place: a missing handler, a reply of another type, an unknown name',
  async () => {
    const missing = counter.replace('func (counter) Get(', 'func (counter) Fetch(')
    const [first] = await problemsOf(missing)
    assert.match(first!, new RegExp(`^service\\.go:${lineOf(missing, 'counter{}')}:\\d+: method Get has no handler$`))
    const silent = counter.replace('.Reply(state)', '')
    const [reply] = await problemsOf(silent)
    assert.match(reply!, /^service\.go:\d+:\d+: the reply is missing: end with \.Reply\(message\)$/)
    const wrong = counter.replace('Reply(state)', 'Reply(&gen.Added{})')
    const [second] = await problemsOf(wrong)
    assert.match(second!, new RegExp(`^service\\.go:${lineOf(wrong, 'Reply(&gen.Added')}:\\d+: cannot use &gen.Added`))
    const [third] = await problemsOf(counter.replace('request.Amount', 'request.Amuont'))
    assert.match(third!, /^service\.go:\d+:\d+: request\.Amuont undefined/)
  },
)

on(
  'go/build.G2: what a guest cannot have, and what is not the same every time, is refused with its place',
  async () => {
    const misuse = `package counter

import (
	"crypto/rand"
	"fmt"
	"log"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"time"
)

type table map[string]int

func misuse(m table) int {
	for key := range m {
		fmt.Println(key)
	}
	go fmt.Sprint(os.Args)
	for range maps.Keys(m) {
	}
	_ = slices.Sorted(maps.Keys(m))
	sum := 0
	for _, value := range m { //innkeeper:unordered
		sum += value
	}
	time.Sleep(time.Second)
	rand.Read(nil)
	log.Print("that is fine")
	log.Fatal("no")
	log.Default().Fatalf("no")
	return sum + mathrand.IntN(3) + int(time.Now().Unix())
}
`
    const problems = await problemsOf(counter, { 'misuse.go': misuse })
    const places = problems.map((problem) => problem.replace(/^misuse\.go:(\d+):\d+: (.{0,28}).*$/, '$1 $2'))
    assert.equal(places, [
      '4 crypto/rand is not available',
      '9 os is not available in a ser',
      '17 the order of a map is anothe',
      '18 fmt.Println is not available',
      '20 goroutines are not available',
      '21 the order of maps.Keys is an',
      '28 time.Sleep is not available ',
      '31 log.Fatal is not available i',
      '32 log.Logger.Fatalf is not ava',
      '33 rand.IntN is not available i',
      '33 time.Now is not available in',
    ])
  },
)

on('an event without an Evolve is told where it is accepted', async () => {
  const source = counter.replace(', eventsourced.Evolve(added)', '')
  const [problem] = await problemsOf(source)
  assert.match(problem!, new RegExp(`^service\\.go:${lineOf(source, '&gen.Added')}:\\d+: event Added has no evolve: `))
})

const dependency = (source: string): Files => ({
  'go.mod': `module tally

go 1.24

require (
	innkeeper v0.0.0
	dep v0.0.0
)

replace innkeeper => ${join(root, 'sdk/go')}

replace dep => ./dep
`,
  'dep/go.mod': 'module dep\n\ngo 1.24\n',
  'dep/dep.go': source,
  'proto/tally.proto': `syntax = "proto3";
package test.probe.v1;
service Probe { rpc Do(Ask) returns (Told); }
message Ask { string what = 1; }
message Told { string text = 1; }
`,
  'service.go': `package probe

import (
	"dep"
	"innkeeper"
	"innkeeper/action"
	"tally/gen"
)

var Services = []innkeeper.Service{action.New(gen.ProbeAction(probe{}))}

type probe struct{}

func (probe) Do(r *gen.Ask, c *action.Command[*gen.Told]) action.Decision {
	return c.Accept().Reply(&gen.Told{Text: dep.Do(r.What)})
}
`,
})

on('a dependency that reaches for files is refused by name', async () => {
  const files = dependency(`package dep

import "os"

func Do(name string) string {
	data, _ := os.ReadFile(name)
	return string(data)
}
`)
  const problems = await problemsOf(files['service.go']!, files)
  assert.match(problems.join('\n'), /^service\.go: uses the system by path_open; a component has no files/m)
})

on(
  'go/build.G2: what a dependency reaches of time and chance is a constant, warm or fresh; who waits, traps',
  async () => {
    const files = dependency(`package dep

import (
	crypto "crypto/rand"
	"encoding/hex"
	"math/rand"
	"strconv"
	"time"
)

var kept = map[string]bool{}

func init() {
	for i := range 40 {
		kept[strconv.Itoa(i)] = true
	}
}

func Do(what string) string {
	switch what {
	case "time":
		return strconv.FormatInt(time.Now().UnixNano(), 10)
	case "bytes":
		b := make([]byte, 4)
		crypto.Read(b)
		return hex.EncodeToString(b)
	case "random":
		return strconv.Itoa(rand.Intn(1_000_000)) + " " + strconv.Itoa(rand.Intn(1_000_000))
	case "many":
		sum := 0
		for range 1000 {
			sum += rand.Intn(1_000_000)
		}
		return strconv.Itoa(sum)
	case "order":
		made := map[int]bool{}
		for i := range 20 {
			made[i] = true
		}
		text := ""
		for key := range made {
			text += strconv.Itoa(key) + " "
		}
		for key := range kept {
			text += key + " "
		}
		return text
	case "sleep":
		time.Sleep(time.Second)
	case "nap":
		time.Sleep(time.Millisecond)
	case "deadlock":
		<-make(chan int)
	case "noise":
		println("some", "noise")
	case "goroutine":
		go panic("elsewhere")
		<-make(chan int)
	case "nil":
		var none *string
		return *none
	case "deep":
		return Do(what) + "x"
	}
	return what
}
`)
    await withGo(files, async (folder) => {
      const artefact = await build(folder)
      const ask = (guest: ReturnType<typeof load>, ...whats: readonly string[]): readonly Outcome[] => {
        const commands = whats.map((what) => ({
          method: 'Do',
          payload: Uint8Array.from([10, what.length, ...Buffer.from(what)]),
          metadata: [],
          nowMs: 1,
          seed: new Uint8Array(16),
        }))
        return guest.action!.call('test.probe.v1.Probe', commands)
      }
      const fresh = () => load(artefact, defaultLimits)
      const warm = fresh()
      for (const what of ['time', 'bytes', 'random', 'order', 'many', 'random', 'order']) {
        const [one, other] = ask(warm, what, what)
        assert.equal(one, other, what)
        assert.equal(ask(fresh(), what), [one], what)
      }
      const texts = ask(fresh(), 'time', 'bytes').map(
        ({ answer }) => answer.kind === 'message' && answer.payload.slice(2),
      )
      assert.equal(texts.map(String), [String(Buffer.from('1').join()), Buffer.from('2a2a2a2a').join()])
      for (const what of ['sleep', 'nap', 'deadlock', 'nil', 'deep']) {
        const guest = fresh()
        assert.throws(
          () => ask(guest, what),
          (error: unknown) => error instanceof GuestFault && error.reason === 'trap',
          what,
        )
        // The instance is another one now.
        assert.is(ask(guest, 'time').length, 1)
      }
      // What the runtime prints is told, behind what the same call printed before.
      const lost = wordsOf(() => ask(fresh(), 'noise', 'goroutine'))
      assert.match(lost ?? '', /^some noise\npanic: elsewhere\n\ngoroutine [\s\S]*\\x09dep@v0\.0\.0\/dep\.go:\d+ /)
      const guest = fresh()
      ask(guest, 'noise')
      assert.match(wordsOf(() => ask(guest, 'deadlock')) ?? '', /^fatal error: all goroutines are asleep - deadlock!\n/)
    })
  },
)

/** An action whose handler does what it is asked to: `cases` are Go code by name. */
const probe = (imports: readonly string[], cases: Readonly<Record<string, string>>, more = ''): Files => ({
  'proto/tally.proto': `syntax = "proto3";
package test.probe.v1;
service Probe { rpc Do(Ask) returns (Told); rpc Count(Ask) returns (stream Told); }
message Ask { string what = 1; }
message Told { string text = 1; repeated Told more = 2; }
`,
  'service.go': `package probe

import (
${[...imports, 'innkeeper', 'innkeeper/action', 'tally/gen'].map((path) => `\t"${path}"`).join('\n')}
)

var Services = []innkeeper.Service{action.New(gen.ProbeAction(probe{}))}

type probe struct{}

type step = action.Step[*gen.Ask, *gen.Told]

// Count goes on to the next letter of what it is asked for, and says it to the log unless it is a dot.
func (probe) Count() action.ServerStreamHandler[*gen.Ask, *gen.Told] {
	return action.ServerStream[*gen.Ask, *gen.Ask, *gen.Told]{
		Start: func(request *gen.Ask, c *innkeeper.Context) (*gen.Ask, *innkeeper.Refusal) {
			return request, nil
		},
		Next: func(state *gen.Ask, s *step) *step {
			letter := state.What[:1]
			if letter != "." {
				s.Debug(letter)
			}
			if letter == "!" {
				return s.Emit(&gen.Told{Text: letter}).End()
			}
			return s.Keep(&gen.Ask{What: state.What[1:]})
		},
	}
}

func (probe) Do(r *gen.Ask, c *action.Command[*gen.Told]) action.Decision {
	switch r.What {
${Object.entries(cases)
  .map(([what, code]) => `\tcase "${what}":\n\t\t${code.replaceAll('\n', '\n\t\t')}`)
  .join('\n')}
	}
	return c.Accept().Reply(&gen.Told{})
}
${more}`,
})

const asked = (what: string): Uint8Array => Uint8Array.from([10, what.length, ...Buffer.from(what)])

function probed(guest: ReturnType<typeof load>, what: string): Outcome {
  const command = { method: 'Do', payload: asked(what), metadata: [], nowMs: 1, seed: new Uint8Array(16) }
  return guest.action!.call('test.probe.v1.Probe', [command])[0]!
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

on('go/build.G4: a fault tells its words, its place and the calls that led there', async () => {
  /** Code, and what is told; HERE is its place. */
  const faults: Readonly<Record<string, readonly [code: string, words: string | RegExp]>> = {
    text: ['panic("boom")', 'boom at HERE (tally.probe.Do)\n  tally.probe.Do HERE'],
    lines: ['panic("one\\ntwo")', 'one at HERE (tally.probe.Do)\ntwo\n  tally.probe.Do HERE'],
    long: ['panic(strings.Repeat("ü", 5000))', `${'ü'.repeat(1024)} at HERE (tally.probe.Do)\n  tally.probe.Do HERE`],
    error: ['panic(errors.New("no such thing"))', /^no such thing at HERE \(tally\.probe\.Do\)\n/],
    stringer: ['panic(kilo(3))', /^kkk at HERE \(/],
    struct: [
      'panic(struct{ A, B int }{1, 2})',
      /^panic at HERE \(tally\.probe\.Do\)\n {2}tally\.probe\.Do HERE\npanic: \(struct \{ A int; B int \}\) /,
    ],
    index: ['_ = []int{1, 2}[len(r.What)]', /^runtime error: index out of range \[5\] with length 2 at HERE \(/],
    nil: [
      '(*gen.Told)(nil).Text = "x"',
      /^runtime error: invalid memory address or nil pointer dereference at HERE \(/,
    ],
    map: ['map[string]int(nil)["x"] = 1', /^assignment to entry in nil map at HERE \(/],
    divide: ['_ = 1 / (len(r.What) - 6)', /^runtime error: integer divide by zero at HERE \(/],
    type: ['_ = any(r).(*gen.Told)', /^interface conversion: interface \{\} is \*gen\.Ask, not \*gen\.Told at HERE \(/],
    below: [
      'deeper(len(r.What))',
      /^runtime error: index out of range \[5\] with length 1 at service\.go:\d+ \(tally\.deeper\)\n {2}tally\.deeper service\.go:\d+\n {2}tally\.probe\.Do HERE$/,
    ],
    library: [
      '_ = strings.Repeat("x", -len(r.What))',
      /^strings: negative Repeat count at HERE \(tally\.probe\.Do\)\n {2}strings\.Repeat strings\/strings\.go:\d+\n {2}tally\.probe\.Do HERE$/,
    ],
    encode: [
      '_ = c.Accept().Reply(&gen.Told{More: []*gen.Told{nil}})',
      /^runtime error: invalid memory address .* at HERE \(tally\.probe\.Do\)\n {2}tally\/gen\.\(\*Told\)\.ProtoAppend gen\/tally_proto\.go:\d+\n/,
    ],
    again: [
      'defer func() { panic("again: " + recover().(string)) }()\npanic("first")',
      /^again: first at HERE \(tally\.probe\.Do\.func1\)\n/,
    ],
    header: ['innkeeper.Text("x-bin", "text")', /^metadata x-bin: names that end in -bin take bytes at HERE \(/],
    code: ['return c.Refuse(99, "no")', /^refuse: there is no such code at HERE \(/],
    nothing: [
      'return action.Decision{}',
      /^test\.probe\.v1\.Probe\/Do answered neither accept nor refuse at innkeeper@/,
    ],
    // What Go cannot recover, in its own words; the place is among the calls.
    deadlock: ['<-make(chan int)', /^fatal error: all goroutines are asleep - deadlock!\n[\s\S]*\\x09tally\/HERE /],
    memory: [
      'for kept := [][]byte{}; ; {\n\tkept = append(kept, make([]byte, 1<<20))\n}',
      /^runtime: out of memory: cannot allocate 1048576-byte block [\s\S]*\\x09tally\/service\.go:\d+ /,
    ],
  }
  const codes = Object.fromEntries(Object.entries(faults).map(([what, [code]]) => [what, code]))
  const files = probe(
    ['errors', 'strings'],
    codes,
    `
type kilo int

func (k kilo) String() string { return strings.Repeat("k", int(k)) }

func deeper(n int) { _ = make([]int, 1)[n] }
`,
  )
  await withGo(files, async (folder) => {
    const artefact = await build(folder)
    for (const [what, [code, words]] of Object.entries(faults)) {
      const guest = load(artefact, defaultLimits)
      const here = `service.go:${lineOf(files['service.go']!, code.split('\n')[0]!)}`
      const told = wordsOf(() => probed(guest, what))?.replaceAll(new RegExp(`${here}\\b`, 'g'), 'HERE')
      if (words instanceof RegExp) assert.match(told ?? '', words, what)
      else assert.is(told, words, what)
      assert.ok(Buffer.byteLength(told!) <= 4096)
      // The instance is another one now.
      assert.is(probed(guest, '').answer.kind, 'message')
    }
  })
})

on('stored events and states that cannot be read are told by their names', async () => {
  const { bytes } = await component('counter/go')
  const guest = load(await linked(bytes), defaultLimits).eventSourced!
  const evolve = (basis: Basis, typeName: string, data: Uint8Array) =>
    wordsOf(() => guest.evolve('examples.counter.v1.Counter', 'a', basis, [{ typeName, data }], true)) ?? ''
  const noMessage = Uint8Array.of(0x0b)
  const added = 'examples.counter.v1.Added'
  assert.match(
    evolve({ kind: 'initial' }, 'examples.counter.v1.Gone', new Uint8Array()),
    /^examples\.counter\.v1\.Counter has no Evolve for examples\.counter\.v1\.Gone at /,
  )
  assert.match(evolve({ kind: 'initial' }, added, noMessage), /a stored event is no examples\.counter\.v1\.Added: /)
  assert.match(
    evolve({ kind: 'state', bytes: noMessage }, added, new Uint8Array()),
    /the stored state is no examples\.counter\.v1\.Value: /,
  )
})

on('go/build.G4: log lines have levels; those of log and log/slog are among them', async () => {
  const cases = {
    levels: 'c.Debug("one")\nc.Info("two")\nc.Warn("three")\nc.Error("four")',
    helper: 'innkeeper.Log.Info("without a command")',
    printf: 'log.Printf("%d and %q", 5, "x")\nlog.Println("two\\nlines")\nc.Info("after")',
    slog: 'slog.Debug("asked", "n", 5)\nslog.With("user", "me").WithGroup("g").Warn("slow", "level", 3)\nslog.Error("x")\nlog.Print("plain")',
    quiet: '',
  }
  const expected = {
    levels: ['debug one', 'info two', 'warn three', 'error four'],
    helper: ['info without a command'],
    printf: ['info 5 and "x"', 'info two\nlines', 'info after'],
    slog: ['debug msg=asked n=5', 'warn msg=slow user=me g.level=3', 'error msg=x', 'info plain'],
    quiet: [],
  }
  await withGo(probe(['log', 'log/slog'], cases), async (folder) => {
    const guest = load(await build(folder), defaultLimits)
    for (const [what, lines] of Object.entries(expected)) assert.equal(told(probed(guest, what)), lines, what)
  })
  // log alone, without slog.
  await withGo(probe(['log'], { printf: cases.printf }), async (folder) => {
    assert.equal(told(probed(load(await build(folder), defaultLimits), 'printf')), expected.printf)
  })
})

on('lines of replicated entities come once, be there something to tell or not', async () => {
  const models = globSync('*.go', { cwd: join(root, 'test/conformance/go') })
  const files = Object.fromEntries(
    models.map((name) => [name, readFileSync(join(root, 'test/conformance/go', name), 'utf8')]),
  )
  const changes: readonly (readonly [file: string, text: string, by: string])[] = [
    [
      'members.go',
      '	if view.Has("bad") {',
      '	c.Info("changed")\n	if view.Size() == 0 {\n		return c.Silent()\n	}\n	if view.Has("bad") {',
    ],
    ['members.go', '	return c.Accept(view.Add("left"))', '	c.Warn("left")\n	return c.Accept(view.Add("left"))'],
    ['service.go', '{ return script.Look }', '{\n			innkeeper.Log.Info("looks")\n			return script.Look\n		}'],
  ]
  for (const [file, text, by] of changes) {
    assert.ok(files[file]!.includes(text), text)
    files[file] = files[file]!.replace(text, by)
  }
  files['proto/conformance.proto'] = readFileSync(join(root, 'test/conformance/proto/conformance.proto'), 'utf8')
  files['go.mod'] =
    `module conformance\n\ngo 1.24\n\nrequire innkeeper v0.0.0\n\nreplace innkeeper => ${join(root, 'sdk/go')}\n`
  await withGo(files, async (folder) => checkTalkative(await build(folder)))
})

on('lines of a step of a stream go with its first output, or with one that says nothing else', async () => {
  await withGo(probe([], { none: '' }), async (folder) => {
    const guest = load(await build(folder), defaultLimits, () => true).action!
    const step = (state: Uint8Array | undefined, inputs: readonly StreamInput[]) =>
      guest.stream('test.probe.v1.Probe', 'Count', state, inputs, 1, new Uint8Array(16))
    const start = [{ kind: 'start', metadata: [] }, { kind: 'item', payload: asked('a.!') }, { kind: 'end' }] as const
    const first = step(undefined, start)
    const second = step(first.state, [])
    const third = step(second.state, [])
    const shown = [first, second, third].map(({ outputs }) => outputs.map((one) => [one.answer.kind, ...told(one)]))
    assert.equal(shown, [[['none', 'debug a']], [], [['message', 'debug !']]])
  })
})

on('names of all kinds make code that compiles', async () => {
  const proto = `syntax = "proto3";
package test.names.v1;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "other_test.proto";
import "innkeeper/options.proto";

service Value { rpc Do(String) returns (test.other.v1.String); rpc type(String) returns (Value_); }
message Value_ { google.protobuf.Value value = 1; google.protobuf.Struct struct = 2; google.protobuf.Any any = 3; }
message String {
  string id = 1 [(innkeeper.entity_key) = true];
  string proto_name = 2;
  string ProtoRead = 3;
  string x = 4;
  string get_x = 5;
  int32 type = 6;
  int32 func = 7;
  int32 m = 8;
  int32 b = 9;
  int32 r = 10;
  int32 _under = 11;
  int32 a1_b2 = 12;
  oneof choice { string text = 13; string Choice_ = 14; Nested nested = 15; }
  message Nested { enum Kind { NONE = 0; } Kind kind = 1; map<string, Nested> more = 2; message Text {} }
  enum Kind { NONE = 0; SOME = 1; }
  Kind kind = 16;
  google.protobuf.Timestamp at = 17;
  google.protobuf.Int64Value wrapped = 18;
  test.other.v1.Old old = 19;
  int32 last = 536870911;
}
message ValueAction {}
message ValueActionHandler {}
message wire {}
message innkeeper_ {}
`
  const other = `syntax = "proto2";
package test.other.v1;
message String { optional string text = 1; }
message Old { required int32 needed = 1; optional Old old = 2; repeated int32 list = 3; optional Colour colour = 4 [default = RED]; }
enum Colour { RED = 1; }
`
  const service = `package names

import (
	"innkeeper"
	"innkeeper/action"
	"tally/gen"
)

var Services = []innkeeper.Service{action.New(gen.ValueAction_(names{}))}

type names struct{}

func (names) Do(_ *gen.String, c *action.Command[*gen.V1String]) action.Decision {
	return c.Accept().Reply(&gen.V1String{})
}

func (names) Type(_ *gen.String, c *action.Command[*gen.Value_]) action.Decision {
	return c.Accept().Reply(&gen.Value_{})
}
`
  const files = {
    'proto/tally.proto': proto,
    'proto/other_test.proto': other,
    'service.json': '{ "files": ["tally.proto"] }',
    'service.go': service,
  }
  await withGo(files, async (folder) => {
    await build(folder)
  })
})

const echoSource = `package echo

import (
	"innkeeper"
	"innkeeper/eventsourced"
	"tally/gen"
)

var Services = []innkeeper.Service{eventsourced.New(gen.EchoEventSourced[*gen.EchoRequest](echo{}))}

type echo struct{}

func (echo) Echo(
	_ *gen.EchoRequest,
	request *gen.EchoRequest,
	c *eventsourced.Command[*gen.EchoRequest, *gen.Every],
) eventsourced.Decision {
	if request.Every == nil {
		return c.Accept().Reply(&gen.Every{})
	}
	return c.Accept().Reply(request.Every)
}
`

on('go/code.O2: the codec reads and writes every type as the TypeScript one, and refuses what it refuses', async () => {
  const files = {
    'proto/every.proto': readFileSync(join(everyTypeFolder, 'proto/every.proto'), 'utf8'),
    'service.go': echoSource,
  }
  const limits = { ...defaultLimits, fuelPerCommand: 200_000_000 }
  const artefact = await withGo(files, build)
  const { Every, EchoRequest } = await generated<Record<string, MessageType<Fields>>>(everyTypeFolder, 'every.ts')
  const guest: EventSourcedGuest = load(artefact, limits).eventSourced!
  const echo = (payload: Uint8Array): Uint8Array | string => {
    const command: GuestCommand = { method: 'Echo', payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
    const decided = guest.decide('test.every.v1.Echo', 'a', { kind: 'initial' }, [command], false)
    if (decided.kind !== 'decided') throw new Error(decided.kind)
    const { answer } = decided.decisions[0]!.outcome
    return answer.kind === 'message' ? answer.payload : answer.kind === 'failure' ? answer.failure.message : answer.kind
  }
  const requestOf = (encoded: Uint8Array): Uint8Array => {
    const length: number[] = []
    for (let rest = encoded.length; ; rest >>>= 7) {
      length.push(rest > 127 ? (rest & 127) | 128 : rest)
      if (rest <= 127) break
    }
    return Uint8Array.from([18, ...length, ...encoded])
  }
  /** Maps are written in ascending order by one, as they were put by the other. */
  const same = (payload: Uint8Array): string | undefined => {
    const answered = echo(payload)
    let expected: object
    try {
      expected = plain((EchoRequest!.decode(payload)['every'] as object | undefined) ?? Every!())
    } catch (error) {
      const problem = `the request is no test.every.v1.EchoRequest: ${(error as Error).message}`
      assert.is(answered, problem)
      return problem
    }
    assert.ok(answered instanceof Uint8Array, String(answered))
    assert.equal(plain(Every!.decode(answered)), expected)
    assert.equal(echo(requestOf(answered)), answered)
    return undefined
  }
  fc.assert(
    fc.property(every, (value) => {
      same(requestOf(Every!.encode(Every!(value))))
    }),
    { numRuns: 500 },
  )
  const seen = new Set<string>()
  const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(every, damage, fc.nat(400), (value, changes, cut) => {
      const encoded = Every!.encode(Every!(value)).slice()
      for (const [at, byte] of changes) if (encoded.length > 0) encoded[at % encoded.length] = byte
      const problem = same(requestOf(encoded.subarray(0, encoded.length - (cut % 3))))
      if (problem !== undefined) seen.add(problem)
    }),
    { numRuns: 2_000, seed: 5 },
  )
  assert.ok(seen.size >= 5, [...seen].join('\n'))
  // Lengths that are only claimed allocate nothing.
  for (const claimed of [0xff, 0x7f]) {
    assert.match(String(echo(Uint8Array.of(18, 0xff, 0xff, 0xff, claimed, 0x07))), /the message is cut off$/)
  }
})

on('memory is bounded: half a gibibyte of large requests and replies fits 32 MiB', async () => {
  const files = {
    'proto/every.proto': readFileSync(join(everyTypeFolder, 'proto/every.proto'), 'utf8'),
    'service.go': echoSource,
  }
  const limits = { ...defaultLimits, guestMemoryBytesMax: 32 * 1024 * 1024 }
  const result = await withGo(files, async (folder) => {
    const { file } = await buildProject(folder)
    return await link(readFileSync(file), limits)
  })
  if (!result.ok) throw new Error(result.reasons.join('; '))
  const guest = load(result.artefact, limits).eventSourced!
  const size = 1024 * 1024
  // Every, with some_bytes.
  const length = (bytes: number): number[] => [(bytes & 127) | 128, ((bytes >> 7) & 127) | 128, bytes >> 14]
  const inner = [122, ...length(size), ...new Uint8Array(size)]
  const payload = Uint8Array.from([18, ...length(inner.length), ...inner])
  const command: GuestCommand = { method: 'Echo', payload, metadata: [], nowMs: 0, seed: new Uint8Array(16) }
  for (let call = 0; call < 256; call++) {
    guest.decide('test.every.v1.Echo', 'a', { kind: 'initial' }, [command], false)
  }
  assert.is(guest.generation, 0)
})

on('the README shows files that are built here', () => {
  const readme = readFileSync(join(root, 'sdk/go/README.md'), 'utf8')
  const snippets = [...readme.matchAll(/<!-- (\S+) -->\n```go\n([\s\S]*?)```/g)]
  assert.ok(snippets.length >= 4)
  for (const [, path, snippet] of snippets) {
    assert.ok(readFileSync(join(root, path!), 'utf8').includes(snippet!), `${path}:\n${snippet}`)
  }
})

Go('where there is no go command, one line says what to install', () => {
  const missing = findGo({ PATH: '', INNKEEPER_GO: '/nowhere/go' })
  assert.instance(missing, MissingTool)
  assert.match((missing as MissingTool).message, /^Go: the go command was not found\. Install Go 1\.24 or later/)
})

Go.run()
