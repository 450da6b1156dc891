// Headers: which of a client's reach a guest, and which of a guest's reach a client (§metadata).
//
// H1. Credentials, hop-by-hop and transport headers (header-names.ts) never reach a guest or the journal, whatever a service lists.
// H2. Names are lower case, order and duplicates kept, `-bin` values are bytes. Over gRPC, text that came several times under
//     one name is one entry, joined with ", ": Node's HTTP/2 does that before grpc-js sees it.
// H3. A guest's reply metadata cannot break the framing of a response: what is no legal header, or is ours, is left out.

import { isKept } from '../header-names.ts'
import type { Metadata, MetadataEntry } from '../metadata.ts'
import { noMetadata } from '../metadata.ts'

/** From Node's `rawHeaders`: names and values in turn. `listed`: what the service asks for besides `ce-*` and `x-*`. */
export function metadataFromHttp(rawHeaders: readonly string[], listed: readonly string[]): Metadata {
  let result: MetadataEntry[] | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!name.startsWith('x-') && !name.startsWith('ce-') && !listed.includes(name)) continue
    if (isKept(name)) continue
    const entry = incoming(name, rawHeaders[at + 1]!)
    if (entry !== undefined) (result ??= []).push(entry)
  }
  return result ?? noMetadata
}

/** From gRPC metadata, as pairs; `-bin` values come as bytes already. */
export function metadataFromGrpc(pairs: Iterable<readonly [string, string | Buffer]>): Metadata {
  let result: MetadataEntry[] | undefined
  for (const [name, value] of pairs) if (!isKept(name)) (result ??= []).push([name, value])
  return result ?? noMetadata
}

/** What browsers and proxies put on a gRPC-Web request beside the caller's metadata (decision 0012). */
const browsers =
  /^(accept|accept-.*|access-control-.*|cache-control|dnt|forwarded|if-.*|origin|pragma|priority|referer|save-data|sec-.*|upgrade-insecure-requests|via|x-grpc-web|x-user-agent)$/

/** From the headers of a gRPC-Web request, as Node's `rawHeaders`. A `-bin` header may hold several values, with commas. */
export function metadataFromGrpcWeb(rawHeaders: readonly string[]): Metadata {
  let result: MetadataEntry[] | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (isKept(name) || browsers.test(name)) continue
    const value = rawHeaders[at + 1]!
    for (const part of name.endsWith('-bin') ? value.split(',') : [value]) {
      const entry = incoming(name, name.endsWith('-bin') ? part.trim() : part)
      if (entry !== undefined) (result ??= []).push(entry)
    }
  }
  return result ?? noMetadata
}

function incoming(name: string, value: string): MetadataEntry | undefined {
  // Node hands header bytes over as latin-1; a guest's text is UTF-8.
  if (!name.endsWith('-bin')) return [name, Buffer.from(value, 'latin1').toString('utf8')]
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? [name, Buffer.from(value, 'base64')] : undefined
}

/** A guest's reply metadata as response headers: legal text entries only. */
export function* replyHeaders(metadata: Metadata): Iterable<readonly [string, string]> {
  for (const [name, value] of metadata) if (typeof value === 'string' && isReplyText(name, value)) yield [name, value]
}

/** The same where bytes have a place, too: gRPC and gRPC-Web. */
export function* replyMetadata(metadata: Metadata): Iterable<readonly [string, string | Buffer]> {
  for (const [name, value] of metadata) {
    if (typeof value === 'string') {
      if (!name.endsWith('-bin') && isReplyText(name, value)) yield [name, value]
    } else if (name.endsWith('-bin') && !isKept(name) && /^[a-z0-9_.-]+$/.test(name)) {
      yield [name, Buffer.from(value.buffer, value.byteOffset, value.byteLength)]
    }
  }
}

function isReplyText(name: string, value: string): boolean {
  return !isKept(name) && /^[a-z0-9_.!#$%&'*+^`|~-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value)
}
