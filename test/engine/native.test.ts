// Guards the engine's reference counts and memory: natively, under AddressSanitizer, with random commands for services of every kind.
// Nothing is read or written beyond its end or after it was given back, and a round of calls leaves as much alive as the round before.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FieldType, MessageType, Schema } from '../../host/schema/schema.ts'
import { withoutStandard } from '../../host/schema/standard.ts'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { bundleProject } from '../../sdk/build/languages/typescript/build.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { tableOf } from '../../sdk/build/languages/typescript/table.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { quickjsSources } from '../../sdk/typescript/engine/make.ts'
import { Random } from '../fuzz/random.ts'
import { skip } from '../support/skip.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const rounds = 6
const callsOfRound = 60

/** Services by the number of their kind; 4: streams of an action. */
const projects = {
  counter: { folder: 'guests/counter/typescript', services: { 'examples.counter.v1.Counter': 0 } },
  cart: { folder: 'guests/cart/typescript', services: { 'examples.cart.v1.ShoppingCart': 0 } },
  profile: { folder: 'guests/profile/typescript', services: { 'examples.profile.v1.Profiles': 1 } },
  presence: { folder: 'guests/presence/typescript', services: { 'examples.presence.v1.Presence': 2 } },
  orders: { folder: 'guests/orders/typescript', services: { 'examples.checkout.v1.Orders': 3 } },
  mutating: {
    folder: 'test/fixtures/guests/mutating',
    services: { 'test.mutating.v1.Bags': 0, 'test.mutating.v1.Notes': 1, 'test.mutating.v1.Chats': 4 },
  },
  shifting: {
    folder: 'test/fixtures/guests/shifting',
    services: { 'test.shifting.v1.Trees': 0, 'test.shifting.v1.Boxes': 1, 'test.shifting.v1.Calls': 3 },
  },
  asking: {
    folder: 'test/fixtures/guests/asking',
    services: {
      'test.asking.v1.Orders': 0,
      'test.asking.v1.Payments': 1,
      'test.asking.v1.Rooms': 2,
      'test.asking.v1.Jobs': 3,
    },
  },
  every: { folder: 'test/fixtures/guests/every-type', services: { 'test.every.v1.Echo': 0 } },
} as const

// --- Calls, as native.c reads them ------------------------------------------------------------------------------------

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u32(bytes.length), bytes])
const text = (value: string): Buffer => sized(Buffer.from(value))

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value >>> 0; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest & 127) | 128)
  }
}

const texts = ['a', 'b', 'größer 日本', '']
/** By the name of the field: what `mutating` and `shifting` do. */
const textsOfField = new Map<string, readonly string[]>([
  [
    'way',
    [
      ...['items', 'sort', 'nested', 'map', 'map value', 'set', 'bytes', 'root'],
      ...['shrink', 'holes', 'clear', 'replace', 'define', 'delete', 'grow', 'throw', 'again'],
    ],
  ],
  ['place', ['list', 'map', 'oneof', 'case', 'item', 'root']],
  ['word', ['after', 'at', 'name', 'ask', 'note', 'cancel', 'later', 'open', 'refuse', 'none']],
])
const wide = new Set(['double', 'fixed64', 'sfixed64'])
const narrow = new Set(['float', 'fixed32', 'sfixed32'])

function anyOf(
  random: Random,
  name: string,
  type: FieldType,
  depth: number,
): { readonly wire: number; readonly bytes: Buffer } {
  if (type.kind === 'message') return { wire: 2, bytes: lengthBefore(messageOf(random, type.message, depth + 1)) }
  const scalar = type.kind === 'scalar' ? type.scalar : 'int32'
  if (scalar === 'string')
    return { wire: 2, bytes: lengthBefore(Buffer.from(random.pick(textsOfField.get(name) ?? texts))) }
  if (scalar === 'bytes') return { wire: 2, bytes: lengthBefore(random.bytes(random.below(6))) }
  if (wide.has(scalar)) return { wire: 1, bytes: random.bytes(8) }
  if (narrow.has(scalar)) return { wire: 5, bytes: random.bytes(4) }
  return { wire: 0, bytes: varint(random.once(4) ? random.edge() : random.below(3)) }
}

const lengthBefore = (bytes: Buffer): Buffer => Buffer.concat([varint(bytes.length), bytes])

function messageOf(random: Random, { fields }: MessageType, depth = 0): Buffer {
  const parts: Buffer[] = []
  for (const { name, number, type, repeated } of fields) {
    const once = textsOfField.has(name) || random.below(5) > 0 ? 1 : 0
    for (let left = depth > 3 ? 0 : repeated ? random.below(4) : once; left > 0; left--) {
      if (type.kind === 'map') {
        const [key, item] = [
          anyOf(random, name, { kind: 'scalar', scalar: type.key }, depth),
          anyOf(random, name, type.value, depth),
        ]
        const entry = Buffer.concat([varint(8 | key.wire), key.bytes, varint(16 | item.wire), item.bytes])
        parts.push(varint((number << 3) | 2), lengthBefore(entry))
      } else {
        const { wire, bytes } = anyOf(random, name, type, depth)
        parts.push(varint((number << 3) | wire), bytes)
      }
    }
  }
  return Buffer.concat(parts)
}

/** Of a method that does not stream requests: mostly its request, sometimes a damaged one, seldom a method that is not there. */
function commandOf(random: Random, schema: Schema, service: string, kind: number): Buffer {
  const unary = [...schema.services.get(service)!.methods.values()].filter(
    (method) => !method.clientStreaming && !(kind === 3 && method.serverStreaming),
  )
  const method = random.pick(unary)
  const payload = messageOf(random, method.input)
  if (random.once(8) && payload.length > 0) payload[random.below(payload.length)] = random.below(256)
  const metadata = u32(random.once(3) ? 1 : 0)
  return Buffer.concat([text(random.once(30) ? 'Nothing' : method.name), sized(payload), metadata])
}

function callsOf(random: Random, schema: Schema, services: Readonly<Record<string, number>>): Buffer {
  const calls: Buffer[] = []
  for (let index = 0; index < callsOfRound; index++) {
    const [service, kind] = random.pick(Object.entries(services))
    const head = [u32(kind), u32(random.below(8)), u32(random.once(3) ? 1 : 0), text(service)]
    if (kind === 4) {
      const method = [...schema.services.get(service)!.methods.values()][0]!
      const items = Array.from({ length: random.below(5) }, () => sized(messageOf(random, method.input)))
      calls.push(Buffer.concat([...head, text(method.name), u32(items.length), ...items]))
    } else {
      const batch = Array.from({ length: 1 + random.below(5) }, () => commandOf(random, schema, service, kind))
      const view = kind === 2 ? [sized(Buffer.alloc(0))] : []
      calls.push(Buffer.concat([...head, ...view, u32(batch.length), ...batch]))
    }
  }
  return Buffer.concat([u32(calls.length), ...calls])
}

// --- The engine for this machine ----------------------------------------------------------------------------------------

const work = mkdtempSync(join(tmpdir(), 'innkeeper-native-'))
const binary = join(work, 'native')

/** A reason why it cannot be built here, or undefined. */
function unavailable(): string | undefined {
  writeFileSync(join(work, 'try.c'), 'int main(void) { return 0; }')
  const compiler = ['clang', 'gcc'].find(
    (name) => spawnSync(name, ['-fsanitize=address', 'try.c', '-o', 'try'], { cwd: work }).status === 0,
  )
  if (compiler === undefined) return 'no C compiler with AddressSanitizer was found'
  if (spawnSync('cargo', ['--version']).status !== 0) return 'cargo was not found, which brings the sources of QuickJS'
  const from = quickjsSources(work)
  const src = join(work, 'src')
  mkdirSync(src)
  for (const file of readdirSync(from)) if (/\.[ch]$/.test(file)) cpSync(join(from, file), join(src, file))
  cpSync(join(root, 'sdk/typescript/engine/src'), src, { recursive: true })
  for (const name of ['sdk/c/innkeeper.c', 'sdk/c/innkeeper.h', 'test/engine/native.c'])
    cpSync(join(root, name), join(src, name.split('/').at(-1)!))
  const flags = ['-g', '-O1', '-fsanitize=address', '-w', '-D_GNU_SOURCE', '-fno-strict-aliasing', '-funsigned-char']
  // Frames of this machine are larger than those of the component.
  const files = ['native.c', 'libregexp.c', 'libunicode.c', 'dtoa.c']
  const built = spawnSync(compiler, [...flags, '-DSTACK_BYTES=4000000', ...files, '-lm', '-o', binary], { cwd: src })
  if (built.status !== 0) throw new Error(built.stderr.toString().slice(0, 4000))
  return undefined
}

const Native = suite('native engine')
const reason = unavailable()

for (const [name, { folder, services }] of Object.entries(projects)) {
  const title = `${name}: nothing is touched that is not there, and what is alive does not grow`
  if (reason !== undefined) skip(Native, title, reason)
  else
    Native(title, async () => {
      const project = readProject(join(root, folder))
      const { bytes, schema } = await compileProtos(project)
      await writeGenerated(project.gen, generate(schema, project.files))
      const bundle = await bundleProject(project, withoutStandard(bytes), tableOf(schema, project.files), new Map())
      if ('problems' in bundle) throw new Error(bundle.problems.map(({ message }) => message).join('\n'))
      writeFileSync(join(work, `${name}.js`), bundle.script)
      writeFileSync(join(work, `${name}.calls`), callsOf(new Random(seed), schema, services))
      // What a process has at its end is no leak; what a round leaves behind is.
      const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }
      const args = [`${name}.js`, `${name}.calls`, String(rounds)]
      const ran = spawnSync(binary, args, { cwd: work, env, timeout: 300_000 })
      const told = `SEED=${seed}\n${ran.stdout}${ran.stderr.toString().slice(0, 6000)}`
      assert.is(ran.status, 0, told)
      const alive = ran.stdout
        .toString()
        .trim()
        .split('\n')
        .slice(rounds / 2)
      assert.is(new Set(alive).size, 1, told)
    })
}

Native.after(() => rmSync(work, { recursive: true }))
Native.run()
