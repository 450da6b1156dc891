// Views for tests: what a draft holds, as bytes of innkeeper.crdt.v1.View. In a component the host writes them.

import { Bytes } from './bytes'
import { Content, Draft } from './crdt'
import { Writer } from './writer'

export function viewBytes(draft: Draft): Bytes {
  const out = new Writer()
  const root = draft.root
  if (draft.removed || root === null) return out.finish()
  out.uint32(8)
  out.bool(true)
  const start = out.open(18)
  writeValue(out, root)
  out.close(start)
  return out.finish()
}

function writeValue(out: Writer, content: Content): void {
  const kind = content.kind
  const start = out.open(<u32>((kind << 3) | 2))
  if (kind == 1 && content.count != 0) {
    out.uint32(8)
    out.uint64(<u64>content.count)
  } else if (kind == 2 && content.count != 0) {
    out.uint32(8)
    out.sint64(content.count)
  } else if (kind == 3 || kind == 4) {
    for (let i = 0; i < content.keys.length; i++) {
      out.uint32(10)
      out.raw(content.keys[i])
    }
    writeSize(out, content)
  } else if (kind == 5 && content.bytes.length > 0) {
    out.uint32(10)
    out.raw(content.bytes)
  } else if (kind == 6 && content.on) {
    out.uint32(8)
    out.bool(true)
  } else if (kind == 7) {
    for (let i = 0; i < content.keys.length; i++) {
      const entry = out.open(10)
      out.uint32(10)
      out.raw(content.keys[i])
      const value = out.open(18)
      writeValue(out, content.values[i])
      out.close(value)
      out.close(entry)
    }
    writeSize(out, content)
  } else if (kind == 8) {
    out.uint32(8)
    out.bool(content.on)
    out.uint32(16)
    out.uint32(content.votesFor)
    out.uint32(24)
    out.uint32(content.voters)
  }
  out.close(start)
}

function writeSize(out: Writer, content: Content): void {
  if (content.size == 0) return
  out.uint32(16)
  out.uint64(<u64>content.size)
}
