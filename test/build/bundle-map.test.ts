// Guards the places of a bundle: the author's lines, whatever the bundle holds before them, by names that no folder changes.
import { SourceMap } from 'node:module'
import { rolldown } from 'rolldown'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleMap, sourceName } from '../../sdk/build/languages/typescript/bundle-map.ts'

const source = [
  "const words = ['日本', '🎈', `ü",
  'ö`]',
  'export function first() {',
  "  const text = words.join('é')",
  "  if (text === 'ö') throw new Error('one')",
  "  throw new RangeError(text + '🎈🎈🎈')",
  '}',
  "export const second = () => first() || '日' + never('two')",
  'function never(text) {',
  "  throw new TypeError('日' + text)",
  '}',
].join('\n')

async function bundled(): Promise<{ code: string; map: { sources: string[]; mappings: string } }> {
  const plugin = { name: 'source', resolveId: (id: string) => id, load: () => source }
  const bundle = await rolldown({ input: 'source.js', plugins: [plugin], logLevel: 'silent' })
  const [chunk] = (await bundle.generate({ format: 'esm', minify: true, sourcemap: 'hidden' })).output
  return { code: chunk.code, map: chunk.map! }
}

const { code, map } = await bundled()
const made = bundleMap(code, map, (name) => name.replace(/^.*\//, ''))
const sourceMap = (given: object): SourceMap =>
  new SourceMap({ sourcesContent: [], names: [], sourceRoot: '', ...given, version: 3 } as never)
const [ours, theirs] = [sourceMap(made), sourceMap(map)]

function lineIn(found: SourceMap, line: number, column: number): number | undefined {
  const entry = found.findEntry(line, column)
  return 'originalLine' in entry ? entry.originalLine : undefined
}

const Bundle = suite('bundle map')

Bundle('bundle-map.B2: the line of every character is the one that the bundler says, by bytes', () => {
  assert.equal(made.sources, ['source.js'])
  const lines = new Set<number | undefined>()
  for (const [line, text] of code.split('\n').entries()) {
    for (let column = 0; column < text.length; column++) {
      const expected = lineIn(theirs, line, column)
      lines.add(expected)
      assert.is(lineIn(ours, line, Buffer.byteLength(text.slice(0, column))), expected, text.slice(column, column + 20))
    }
  }
  assert.ok(lines.size > 5)
})

Bundle('bundle-map.B1: what the bundler says of columns and names is left out', () => {
  assert.ok(made.mappings.length < map.mappings.length)
  assert.equal(Object.keys(made), ['file', 'sources', 'mappings'])
})

Bundle('bundle-map.B3: a source has the name that it has in every folder', () => {
  const name = (file: string): string => sourceName(file, '/home/ann/shop', '/opt/checkout/sdk/typescript/')
  assert.is(name('/home/ann/shop/src/service.ts'), 'src/service.ts')
  assert.is(name('/home/ann/shop/src/gen/shop.ts'), 'src/gen/shop.ts')
  assert.is(name('/opt/checkout/sdk/typescript/guest/held.ts'), '@innkeeper/sdk/guest/held.ts')
  assert.is(name('/home/ann/shop/node_modules/@innkeeper/sdk/dist/guest.js'), '@innkeeper/sdk/dist/guest.js')
  assert.is(name('/home/ann/node_modules/zod/index.js'), 'node_modules/zod/index.js')
  assert.is(name('/home/ann/node_modules/.pnpm/a@1/node_modules/@b/c/d.js'), 'node_modules/@b/c/d.js')
  assert.is(name('/home/ann/common/money.ts'), '../common/money.ts')
})

Bundle.run()
