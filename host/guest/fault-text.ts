// Fault text: what a guest said of its own fault, made fit for the host's log.
//
//   | length u32 | UTF-8 text |     in guest memory, at the address in the core's exported global `innkeeper_fault`
//
// X1. At most `faultBytesMax` are read. Control characters are escaped, so that no text forges a log line or moves a cursor.
// X2. Places in a bundle become places in the author's sources, where the component brought a source map. A map that cannot be
//     read is no map.
// X3. Nothing here throws: a fault with odd words is still that fault.
//
// Owns: reading, places, escaping.   instance.ts owns: when.   The SDKs own: writing (wit/types.wit).

import { SourceMap } from 'node:module'
import { printable } from '../printable.ts'
import type { GuestMemory } from './memory.ts'

/** Name of the global that the core with the memory exports. */
export const faultGlobal = 'innkeeper_fault'

/** Bytes of text that are read, and characters of the result. */
export const faultBytesMax = 4_096

/** A source map as it is stored with an artefact: version 3, without names and contents. `file`: what frames call the bundle, of letters,
 *  digits, `_`, `-` and `.` only. */
export interface StoredSourceMap {
  readonly file: string
  readonly sources: readonly string[]
  readonly mappings: string
}

/** What the guest wrote before it trapped, or undefined where it wrote nothing. */
export function faultText(memory: GuestMemory, address: number, places: Places | undefined): string | undefined {
  memory.refresh()
  const { bytes } = memory
  if (address < 0 || address + 4 > bytes.length) return undefined
  const length = Math.min(memory.u32(address), faultBytesMax, bytes.length - address - 4)
  if (length === 0) return undefined
  const said = bytes.toString('utf8', address + 4, address + 4 + length).trimEnd()
  return printable(places?.placed(said) ?? said).slice(0, faultBytesMax)
}

/** Places of a bundle in its sources. The map is read at the first fault. */
export class Places {
  readonly #stored: StoredSourceMap
  readonly #frame: RegExp
  #map: SourceMap | undefined

  constructor(stored: StoredSourceMap) {
    this.#stored = stored
    this.#frame = new RegExp(`${stored.file.replaceAll('.', '\\.')}:(\\d{1,9}):(\\d{1,9})`, 'g')
  }

  /** The text with places in the sources, and before it the first one that is the author's own. */
  placed(text: string): string {
    let own: string | undefined
    const mapped = text.replace(this.#frame, (frame, line: string, column: string) => {
      const place = this.#find(Number(line), Number(column))
      if (place === undefined) return frame
      if (own === undefined && !/^(@innkeeper\/|node_modules\/|\.\.\/)/.test(place)) own = place
      return place
    })
    return own === undefined ? mapped : `${own}: ${mapped}`
  }

  /** `line` and `column` count from 1. */
  #find(line: number, column: number): string | undefined {
    try {
      this.#map ??= new SourceMap({
        ...this.#stored,
        version: 3,
        sourcesContent: [],
        names: [],
        sourceRoot: '',
      } as never)
      const entry = this.#map.findEntry(line - 1, column - 1)
      // A map may name a source that it does not have.
      const known = 'originalSource' in entry && typeof entry.originalSource === 'string' && entry.originalLine >= 0
      return known ? `${entry.originalSource}:${entry.originalLine + 1}` : undefined
    } catch {
      return undefined
    }
  }
}
