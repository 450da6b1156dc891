// Guards what an author's code may do to the engine: each of it ends as a fault within the limits, and costs the next call nothing.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { componentWith } from '../support/project.ts'

const service = 's.v1.S'
const proto = `syntax = "proto3"; package s.v1; service S { rpc Do(T) returns (T); } message T { string text = 1; }`

/** Of the language: the same words in Node and in the engine. */
const language = String.raw`
  return [
    'a-b-c'.replace(new RegExp('(\\p{L})-', 'gu'), '$1+'), /(?<y>\d{4})/.exec('in 2024')?.groups?.['y'], 'É'.normalize('NFD').length,
    [3, 1, 2].toSorted().join(), JSON.stringify({ a: [1, { b: 2 }] }), 2n ** 100n, (1.1).toFixed(3), parseFloat('1e-7'),
    [...new Map([[1, new Set([2])]])].length, [1, [2, [3]]].flat(9).join(), new Date(86_400_000).toISOString(),
    new Date(2024, 1, 29, 12).getTime(), Date.UTC(2024, 0), new Date('2024-02-29T00:00:00').getHours(), Math.fround(0.1), 0.1 + 0.2,
    [10, 9, 1].sort().join(), 'ß'.toUpperCase(), String(Symbol('s')), [...'a😀'].length, [1, 2, 3].findLast((n) => n < 3),
    structured(),
  ].join(' ')
  function structured() {
    const { a, ...rest } = { a: 1, b: [2, { c: 3 }] }
    return Object.entries(rest).map(([key, value]) => key + JSON.stringify(value)).join() + a + [..."xy"].entries().next().value
  }`

const source = `import { accept, action } from '@innkeeper/sdk'
import { S } from './gen/tally.ts'
const deep = (n: number): number => 1 + deep(n + 1)
// Libraries write JavaScript, without types.
const spoken = function (this: unknown) { ${language} } as () => string
function tortured(how: string): string {
  switch (how) {
    case 'deep': return String(deep(0))
    case 'loop': for (;;) {}
    case 'list': { const list: object[] = []; for (;;) list.push({ list }) }
    case 'text': { let text = 'x'; for (;;) text += text }
    case 'map': { const map = new Map<number, object>(); for (let n = 0; ; n++) map.set(n, { n }) }
    case 'regexp': return String(/^(a+)+$/.test('a'.repeat(40) + 'b'))
    case 'circle': { const circle: Record<string, unknown> = { text: 'x'.repeat(1000) }; circle['self'] = circle; return 'ok' }
    case 'speak': return spoken()
    default: return how
  }
}
export default action(S, { methods: { do: ({ text }) => accept().reply({ text: tortured(text) }) } })
`

const files = { 'proto/tally.proto': proto, 'src/service.ts': source, 'test/service.test.ts': 'export {}\n' }
const linked = await link(await componentWith(files, 'action'), defaultLimits)
if (!linked.ok) throw new Error(linked.reasons.join('; '))
const { artefact } = linked
const schema = loadSchema(artefact.description.descriptors)
const input = schema.services.get(service)!.methods.get('Do')!.input
let memory: WebAssembly.Memory | undefined
const { Instance } = WebAssembly
WebAssembly.Instance = new Proxy(Instance, {
  construct(target, parameters: [WebAssembly.Module]) {
    const instance = new target(...parameters)
    memory = instance.exports['memory'] as WebAssembly.Memory
    return instance
  },
})
const guest = load(artefact, defaultLimits).action!

function command(text: string): GuestCommand {
  return { method: 'Do', payload: toMessage(schema, input, { text }), metadata: [], nowMs: 0, seed: new Uint8Array(16) }
}

function answer(text: string): string {
  const [outcome] = guest.call(service, [command(text)])
  assert.is(outcome!.answer.kind, 'message', text)
  return Buffer.from((outcome!.answer as { payload: Uint8Array }).payload.subarray(2)).toString()
}

const Torture = suite('torture of the engine')

for (const [how, reason, words] of [
  ['deep', 'trap', /RangeError: Maximum call stack size exceeded/],
  ['loop', 'fuel', undefined],
  ['list', 'fuel', undefined],
  ['text', 'trap', /./],
  ['map', 'fuel', undefined],
  ['regexp', 'fuel', undefined],
] as const)
  Torture(`${how}: a fault, and the next call is served`, () => {
    try {
      guest.call(service, [command(how)])
      assert.unreachable(how)
    } catch (error) {
      if (!(error instanceof GuestFault)) throw error
      assert.is(error.reason, reason, error.message)
      if (words !== undefined) assert.match(error.words ?? error.message, words)
    }
    assert.is(answer('after'), 'after')
  })

Torture('what the language says is what Node says', () => {
  const zone = process.env['TZ']
  process.env['TZ'] = 'UTC'
  const expected = new Function(language)() as string
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
  const [outcome] = guest.call(service, [command('speak')])
  const { payload } = outcome!.answer as { payload: Uint8Array }
  assert.ok(Buffer.from(payload).includes(expected), `${Buffer.from(payload)}\n${expected}`)
})

/** Of the instance that was made last, which serves. */
const memoryBytes = (): number => memory!.buffer.byteLength

Torture('garbage in circles is found: memory stays as it is over 100,000 commands', () => {
  const batch = Array.from({ length: 100 }, () => command('circle'))
  const marks: number[] = []
  for (let round = 0; round < 1000; round++) {
    guest.call(service, batch)
    if (round % 250 === 249) marks.push(memoryBytes())
  }
  assert.is(marks.at(-1), marks[0], marks.join(' '))
})

Torture('a million commands leave the memory as it was', () => {
  const batch = Array.from({ length: 1000 }, (_, index) => command(`number ${index % 7}`))
  guest.call(service, batch)
  const before = memoryBytes()
  for (let round = 0; round < 1000; round++) guest.call(service, batch)
  assert.is(memoryBytes(), before)
})

Torture.run()
