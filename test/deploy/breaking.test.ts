// Guards what a new version of a .proto may change: a table of our own, and random changes that are compared with `buf breaking`.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import protobuf from 'protobufjs/minimal.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireBreaks } from '../../host/deploy/breaking.ts'
import { bufPath } from '../../sdk/build/buf.ts'

const Breaking = suite('breaking the wire')
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'innkeeper-test-'))

/** A descriptor set of these files, kept under this name. */
async function compiled(name: string, files: Record<string, string>): Promise<Uint8Array> {
  const work = mkdtempSync(join(folder, 'proto-'))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(work, `${file}.proto`), text)
  const out = join(folder, `${name}.binpb`)
  await run(process.execPath, [bufPath(), 'build', '-o', out], { cwd: work })
  return readFileSync(out)
}

const ending = / \(it breaks the wire; --force overrides\)$/

const proto3 = 'syntax = "proto3"; package p;\n'

const changes: readonly (readonly [change: string, before: string, after: string, said: readonly string[]])[] = [
  ['a new name', 'message M { string a = 1; }', 'message M { string b = 1; }', []],
  ['a new field', 'message M { string a = 1; }', 'message M { string a = 1; int32 b = 2; }', []],
  ['a message that is gone', 'message M { string a = 1; }', 'message N { string a = 1; }', []],
  [
    'another type',
    'message M { int64 a = 1; }',
    'message M { string a = 1; }',
    ['p.M: field 1 "a" changed type from "int64" to "string"'],
  ],
  ['more bits', 'message M { int32 a = 1; bool b = 2; }', 'message M { int64 a = 1; uint32 b = 2; }', []],
  [
    'fewer bits',
    'message M { int64 a = 1; uint32 b = 2; sint64 c = 3; }',
    'message M { int32 a = 1; bool b = 2; sint32 c = 3; }',
    [
      'p.M: field 1 "a" changed type from "int64" to "int32"',
      'p.M: field 2 "b" changed type from "uint32" to "bool"',
      'p.M: field 3 "c" changed type from "sint64" to "sint32"',
    ],
  ],
  ['text becomes bytes', 'message M { string a = 1; }', 'message M { bytes a = 1; }', []],
  [
    'bytes become text',
    'message M { bytes a = 1; }',
    'message M { string a = 1; }',
    ['p.M: field 1 "a" changed type from "bytes" to "string"'],
  ],
  [
    'a field that is gone',
    'message M { string a = 1; int32 b = 2; }',
    'message M { string a = 1; }',
    ['p.M: field 2 "b" was deleted without reserving its number; write `reserved 2;`'],
  ],
  [
    'a field that is gone and reserved',
    'message M { string a = 1; int32 b = 7; }',
    'message M { string a = 1; reserved 2 to 6, 7 to max; }',
    [],
  ],
  [
    'numbers that are free again',
    'message M { reserved 2, 4 to 9; }',
    'message M { reserved 1 to 3, 5 to 9; }',
    ['p.M: the numbers 4 to 9 are not reserved any more'],
  ],
  ['ranges that touch', 'message M { reserved 4 to 9; }', 'message M { reserved 7 to 9, 1 to 5, 6; }', []],
  [
    'one value becomes a list',
    'message M { int32 a = 1; }',
    'message M { repeated int32 a = 1; }',
    ['p.M: field 1 "a" changed from one value to a list'],
  ],
  ['a value becomes optional', 'message M { int32 a = 1; }', 'message M { optional int32 a = 1; }', []],
  [
    'in and out of a oneof',
    'message M { int32 a = 1; oneof o { int32 b = 2; int32 c = 3; } }',
    'message M { oneof o { int32 a = 1; } int32 b = 2; oneof n { int32 c = 3; } }',
    [
      'p.M: field 1 "a" moved from no oneof to oneof o',
      'p.M: field 2 "b" moved from oneof o to none',
      'p.M: field 3 "c" moved from oneof o to oneof n',
    ],
  ],
  [
    'another message',
    'message A {} message B {} message M { A a = 1; }',
    'message A {} message B {} message M { B a = 1; }',
    ['p.M: field 1 "a" changed type from "p.A" to "p.B"'],
  ],
  ['a map of another name', 'message M { map<string, int32> a = 1; }', 'message M { map<string, int32> b = 1; }', []],
  [
    'a map of other values, and of another name',
    'message M { map<string, int32> a = 1; map<int32, string> c = 2; }',
    'message M { map<string, string> b = 1; map<int32, bytes> d = 2; }',
    ['p.M: field 1 "a" changed type from "a map" to "a map of other types"'],
  ],
  [
    'nested types, too',
    'message M { message N { int32 a = 1; } enum E { X = 0; Y = 1; } }',
    'message M { message N { string a = 1; } enum E { X = 0; } }',
    [
      'p.M.N: field 1 "a" changed type from "int32" to "string"',
      'p.M.E: the value Y was deleted without reserving its number; write `reserved 1;`',
    ],
  ],
  [
    'values of enums',
    'enum E { A = 0; B = 1; C = 2; }',
    'enum E { Z = 0; reserved 1; }',
    ['p.E: the value C was deleted without reserving its number; write `reserved 2;`'],
  ],
  [
    'an enum becomes a number',
    'enum E { A = 0; } message M { E a = 1; }',
    'message M { int32 a = 1; }',
    ['p.M: field 1 "a" changed type from "p.E" to "int32"'],
  ],
  [
    'an enum that moves',
    'enum E { A = 0; } message M { E a = 1; }',
    'message M { E a = 1; enum E { A = 0; B = 1; } }',
    [],
  ],
  [
    'methods',
    'message A {} message B {} service S { rpc Do(A) returns (A); rpc Go(A) returns (stream A); rpc Gone(A) returns (A); }',
    'message A {} message B {} service S { rpc Do(B) returns (B); rpc Go(stream A) returns (A); }',
    [
      'p.S/Do: the request changed from p.A to p.B',
      'p.S/Do: the answer changed from p.A to p.B',
      'p.S/Go: its request became a stream',
      'p.S/Go: its answer is no stream any more',
    ],
  ],
]

const proto2: typeof changes = [
  [
    'proto2: defaults and required fields',
    'message M { optional int32 a = 1 [default = 5]; optional int32 b = 2 [default = 0]; optional int32 c = 3; }',
    'message M { optional int32 a = 1 [default = 6]; optional int32 b = 2; required int32 c = 3; required int32 d = 4; }',
    [
      'p.M: field 1 "a" changed default value from "5" to "6"',
      'p.M: field 3 "c" changed from one value to a required value',
      'p.M: field 4 "d" was added as required: stored messages do not have it',
    ],
  ],
]

// All in one run of the compiler each: a package for each row.
const [before, after]: [Record<string, string>, Record<string, string>] = [{}, {}]
const rows = [...changes.map((row) => ['proto3', row] as const), ...proto2.map((row) => ['proto2', row] as const)]
for (const [at, [syntax, [, was, is]]] of rows.entries()) {
  before[`p${at}`] = `syntax = "${syntax}"; package p${at};\n${was}`
  after[`p${at}`] = `syntax = "${syntax}"; package p${at};\n${is}`
}
const found = await wireBreaks(await compiled('before', before), await compiled('after', after))

for (const [at, [, [change, , , said]]] of rows.entries()) {
  Breaking(`${change}: ${said.length === 0 ? 'fine' : 'refused'}`, () => {
    const sentences = found.filter((sentence) => sentence.startsWith(`p${at}.`))
    for (const sentence of sentences) assert.match(sentence, ending)
    assert.equal(
      sentences.map((sentence) => sentence.replace(ending, '').replaceAll(`p${at}.`, 'p.')),
      said,
    )
  })
}

/** A set of one file with a message whose parts are written by hand: compilers take minutes for it. */
function setOf(parts: (message: protobuf.Writer) => void): Uint8Array {
  const [set, file, message] = [protobuf.Writer.create(), protobuf.Writer.create(), protobuf.Writer.create()]
  parts(message.uint32(10).string('M'))
  file.uint32(10).string('a.proto').uint32(34).bytes(message.finish())
  return set.uint32(10).bytes(file.finish()).finish()
}

Breaking('breaking.K3: 20,000 fields that are gone and 20,000 ranges are searched, not scanned', async () => {
  const numbers = Array.from({ length: 20_000 }, (_, at) => 2 * at + 1)
  const was = setOf((message) => {
    for (const number of numbers)
      message.uint32(18).fork().uint32(10).string('f').uint32(24).int32(number).uint32(40).int32(5).ldelim()
  })
  const is = setOf((message) => {
    for (const number of numbers)
      message
        .uint32(74)
        .fork()
        .uint32(8)
        .int32(number)
        .uint32(16)
        .int32(number + 1)
        .ldelim()
  })
  assert.equal(await wireBreaks(was, is), [])
  assert.is((await wireBreaks(is, was)).length, 100)
})

// Random changes: a message or an enum for each of many tries, all in one file, so that one run of buf judges them.

const types = [
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'bool',
  'fixed32',
  'sfixed32',
  'fixed64',
  'sfixed64',
  'float',
  'double',
  'string',
  'bytes',
  'Color',
  'Shade',
  'Part',
  'Piece',
] as const
const field = fc.record({
  type: fc.constantFrom(...types),
  label: fc.constantFrom('', '', 'repeated ', 'optional '),
  oneof: fc.constantFrom('', '', '', 'o', 'n'),
  fate: fc.constantFrom('there', 'there', 'there', 'gone', 'reserved'),
})
const message = fc.array(field, { minLength: 1, maxLength: 5 })
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never
const pair = fc.tuple(message, fc.array(fc.option(field), { minLength: 5, maxLength: 5 }))

function messageText(name: string, fields: readonly Field[]): string {
  const lines = { '': '', o: '', n: '' }
  for (const [at, { type, label, oneof, fate }] of fields.entries()) {
    if (fate === 'reserved') lines[''] += `reserved ${at + 1};`
    else if (fate === 'there') {
      const inside = oneof as keyof typeof lines
      lines[inside] += `${inside === '' ? label : ''}${type} f${at} = ${at + 1};`
    }
  }
  const oneofs = (['o', 'n'] as const).filter((one) => lines[one] !== '').map((one) => `oneof ${one} { ${lines[one]} }`)
  return `message ${name} { ${lines['']} ${oneofs.join(' ')} }\n`
}

const common = `${proto3}enum Color { NONE = 0; } enum Shade { DARK = 0; } message Part {} message Piece {}\n`
const bits: Record<string, number> = { int32: 32, uint32: 32, int64: 64, uint64: 64, bool: 1, sint32: 32, sint64: 64 }

Breaking(
  'breaking.K1, breaking.K2: random changes are refused where `buf breaking` finds something, but for the three rules of K2',
  async () => {
    const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
    const pairs = fc.sample(pair, { numRuns: 600, seed })
    let [was, is] = [common, common]
    const narrower = new Set<string>()
    for (const [at, [fields, changes]] of pairs.entries()) {
      const changed = fields.map((one, index) => changes[index] ?? one)
      was += messageText(`M${at}`, fields)
      is += messageText(`M${at}`, changed)
      for (const [index, { type, fate }] of fields.entries()) {
        const next = changed[index]!
        if (fate === 'there' && next.fate === 'there' && (bits[type] ?? 0) > (bits[next.type] ?? 64))
          narrower.add(`M${at}`)
      }
    }
    const ours = new Map<string, string>()
    for (const sentence of await wireBreaks(
      await compiled('before', { a: was }),
      await compiled('after', { a: is }),
      undefined,
      10_000,
    ))
      ours.set(/^p\.(M\d+)/.exec(sentence)![1]!, sentence)
    const rules = JSON.stringify({ version: 'v2', breaking: { use: ['WIRE'] } })
    const args = ['breaking', join(folder, 'after.binpb'), '--against', join(folder, 'before.binpb'), '--config', rules]
    const told = await run(process.execPath, [bufPath(), ...args, '--error-format', 'json']).catch(
      (error: { stdout: string }) => error,
    )
    const bufs = new Set(told.stdout.matchAll(/\\"(M\d+)\\"/g).map(([, name]) => name!))
    assert.ok(bufs.size > 100 && bufs.size < 600, `${bufs.size} of 600 changes break`)
    for (const name of bufs) assert.ok(ours.has(name), `seed ${seed}: buf refuses ${name}, we do not`)
    for (const [name, sentence] of ours)
      assert.ok(bufs.has(name) || narrower.has(name), `seed ${seed}: buf does not refuse ${name}: ${sentence}`)
  },
)

Breaking.after(() => rmSync(folder, { recursive: true, force: true }))

Breaking.run()
