// JSON: a replica's value for people and their tools. The form is proto JSON of innkeeper.crdt.v1.Value, but for bytes:
// those that are UTF-8 text, or a primitive (§element-1: one field 1 with text or a whole number), are shown as that text,
// others as {"base64": "..."}.

import { WireCursor } from '../schema/wire.ts'
import { Counter } from './counter.ts'
import { Flag } from './flag.ts'
import { kind } from './kind.ts'
import { OrMap } from './map.ts'
import { Register } from './register.ts'
import { ElementSet } from './set.ts'
import type { Store } from './store.ts'
import type { Viewer } from './view.ts'
import { Vote } from './vote.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Characters that text has no use for. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

export function toJson(store: Store, viewer: Viewer): unknown {
  if (store instanceof Counter) {
    return { [store.kind === kind.gCounter ? 'gCounter' : 'pnCounter']: { value: String(store.value) } }
  }
  if (store instanceof ElementSet) {
    const elements = store.elements.keys().map(bytesJson)
    return { [store.kind === kind.gSet ? 'gSet' : 'orSet']: { elements, size: String(elements.length) } }
  }
  if (store instanceof Register) return { lwwRegister: { value: bytesJson(store.value(viewer.ids)) } }
  if (store instanceof Flag) return { flag: { enabled: store.dots !== undefined } }
  if (store instanceof Vote) return { vote: store.tally(viewer.ids, viewer.self, viewer.members) }
  if (store instanceof OrMap) {
    const entries = store.entries.keys().map((key) => {
      return { key: bytesJson(key), value: toJson(store.entries.get(key)![0]!.store, viewer) }
    })
    return { orMap: { entries, size: String(entries.length) } }
  }
  return undefined
}

function bytesJson(text: string): unknown {
  const bytes = Buffer.from(text, 'latin1')
  return primitive(bytes) ?? readable(bytes) ?? { base64: bytes.toString('base64') }
}

function primitive(bytes: Uint8Array): string | undefined {
  try {
    const cursor = new WireCursor(bytes)
    if (bytes[0] !== 10 && bytes[0] !== 8) return undefined
    const text = cursor.tag() === 8 ? String(BigInt.asIntN(64, cursor.varint64())) : readable(cursor.view())
    return cursor.done ? text : undefined
  } catch {
    return undefined
  }
}

function readable(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes)
    return control.test(text) ? undefined : text
  } catch {
    return undefined
  }
}
