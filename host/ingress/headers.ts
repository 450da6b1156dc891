// Headers: which of a client's reach a guest, and which of a guest's reach a client (§metadata).
//
// H1. Credentials, hop-by-hop and transport headers (header-names.ts) never reach a guest or the journal, whatever a service lists.
// H2. Names are lower case, order and duplicates kept, `-bin` values are bytes. Over gRPC, text that came several times under
//     one name is one entry, joined with ", ": Node's HTTP/2 does that before grpc-js sees it.
// H3. A guest's reply metadata cannot break the framing of a response: what is no legal header, or is ours, is left out.
//
// Owns: both ways, entry by entry.   http/headers.ts, grpc/headers.ts and grpc-web/headers.ts own: where they are found in a request.

import { isKept } from '../header-names.ts'
import type { Metadata, MetadataEntry } from '../metadata.ts'

/** A header of a request over HTTP/1.1; undefined where it is not what its name says. */
export function incoming(name: string, value: string): MetadataEntry | undefined {
  // Node hands header bytes over as latin-1; a guest's text is UTF-8.
  if (!name.endsWith('-bin')) return [name, Buffer.from(value, 'latin1').toString('utf8')]
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? [name, Buffer.from(value, 'base64')] : undefined
}

/** A guest's reply metadata where bytes have a place, too: gRPC and gRPC-Web. */
export function* replyMetadata(metadata: Metadata): Iterable<readonly [string, string | Buffer]> {
  for (const [name, value] of metadata) {
    if (typeof value === 'string') {
      if (!name.endsWith('-bin') && isReplyText(name, value)) yield [name, value]
    } else if (name.endsWith('-bin') && !isKept(name) && /^[a-z0-9_.-]+$/.test(name)) {
      yield [name, Buffer.from(value.buffer, value.byteOffset, value.byteLength)]
    }
  }
}

export function isReplyText(name: string, value: string): boolean {
  return !isKept(name) && /^[a-z0-9_.!#$%&'*+^`|~-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value)
}
