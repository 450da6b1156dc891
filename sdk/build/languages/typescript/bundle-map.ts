// Bundle map: where the places of a bundle lie in an author's sources, as a component carries it (link/source-map.ts).
//
// B1. Lines are exact, columns are none: a mark stands only where file or line change, which makes the map a third.
// B2. Columns of the bundle count bytes, as QuickJS does, and not the bundler's UTF-16.
// B3. Sources have names that are the same in every folder: `src/service.ts` of the project, `@innkeeper/sdk/...`,
//     `node_modules/name/...`.

import { isAbsolute, relative, sep } from 'node:path'
import type { StoredSourceMap } from '../../../../host/guest/fault-text.ts'

/** What frames call the bundle (sdk/typescript/guest/fault.ts). */
const bundleName = 'service.js'

/** As bundlers give it: source map version 3. */
interface GivenMap {
  readonly sources: readonly string[]
  readonly mappings: string
}

/** @param nameOf the name of a source as the bundler has it. */
export function bundleMap(
  code: string,
  { sources, mappings }: GivenMap,
  nameOf: (source: string) => string,
): StoredSourceMap {
  return { file: bundleName, sources: sources.map(nameOf), mappings: thinned(mappings, code) }
}

/** The name of a file that went into the bundle of a project. `sdk`: where the SDK lies if it is not under node_modules. */
export function sourceName(file: string, project: string, sdk: string): string {
  const below = relative(project, file)
  const name = (below.startsWith('..') || isAbsolute(below) ? file : below).split(sep).join('/')
  if (file.startsWith(sdk)) return `@innkeeper/sdk/${relative(sdk, file).split(sep).join('/')}`
  const dependency = /(?:^|\/)node_modules\/(?!.*\/node_modules\/)(.*)$/.exec(name)?.[1]
  if (dependency !== undefined)
    return dependency.startsWith('@innkeeper/sdk/') ? dependency : `node_modules/${dependency}`
  return below.split(sep).join('/')
}

interface Mark {
  readonly column: number
  /** Undefined: from here on nothing of the sources. */
  readonly source: number | undefined
  readonly line: number
}

function thinned(mappings: string, code: string): string {
  const texts = code.split('\n')
  const lines = decoded(mappings)
  let [source, line] = [0, 0]
  const written = lines.map((marks, index) => {
    const bytesBefore = byteColumns(texts[index] ?? '')
    let before: Mark | undefined
    let column = 0
    const segments: string[] = []
    for (const mark of marks) {
      if (before !== undefined && mark.source === before.source && mark.line === before.line) continue
      before = mark
      const at = bytesBefore(mark.column)
      let segment = encoded(at - column)
      column = at
      if (mark.source !== undefined) {
        segment += encoded(mark.source - source) + encoded(mark.line - line) + encoded(0)
        source = mark.source
        line = mark.line
      }
      segments.push(segment)
    }
    return segments.join(',')
  })
  return written.join(';')
}

/** For columns in rising order: how many bytes of UTF-8 a line has before one. */
function byteColumns(text: string): (column: number) => number {
  let [counted, bytes] = [0, 0]
  return (column) => {
    bytes += Buffer.byteLength(text.slice(counted, column))
    counted = column
    return bytes
  }
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The marks of each line of the bundle. */
function decoded(mappings: string): readonly (readonly Mark[])[] {
  let [source, line] = [0, 0]
  return mappings.split(';').map((segments) => {
    let column = 0
    return segments.split(',').flatMap((segment): readonly Mark[] => {
      const [columns, sources, lines] = numbers(segment)
      if (columns === undefined) return []
      column += columns
      if (sources === undefined || lines === undefined) return [{ column, source: undefined, line }]
      source += sources
      line += lines
      return [{ column, source, line }]
    })
  })
}

/** Base 64 VLQ: five bits a digit, the lowest first, the sixth bit for more; the lowest bit of all is the sign. */
function numbers(segment: string): readonly number[] {
  const found: number[] = []
  let [value, shift] = [0, 0]
  for (const digit of segment) {
    const bits = digits.indexOf(digit)
    value |= (bits & 31) << shift
    shift += 5
    if ((bits & 32) !== 0) continue
    found.push((value & 1) === 1 ? -(value >>> 1) : value >>> 1)
    value = shift = 0
  }
  return found
}

function encoded(number: number): string {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1
  let text = ''
  do {
    const bits = rest & 31
    rest >>>= 5
    text += digits[rest > 0 ? bits | 32 : bits]
  } while (rest > 0)
  return text
}
