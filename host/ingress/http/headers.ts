// HTTP headers: which of a request over HTTP/JSON reach a guest, and which of a guest's reply become headers (ingress/headers.ts).

import { isKept } from '../../header-names.ts'
import type { Metadata, MetadataEntry } from '../../metadata.ts'
import { noMetadata } from '../../metadata.ts'
import { incoming, isReplyText } from '../headers.ts'

/** From Node's `rawHeaders`: names and values in turn. `listed`: what the service asks for besides `ce-*`, `x-*` and `traceparent`. */
export function metadataFromHttp(rawHeaders: readonly string[], listed: readonly string[]): Metadata {
  let result: MetadataEntry[] | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!name.startsWith('x-') && !name.startsWith('ce-') && name !== 'traceparent' && !listed.includes(name)) continue
    if (isKept(name)) continue
    const entry = incoming(name, rawHeaders[at + 1]!)
    if (entry !== undefined) (result ??= []).push(entry)
  }
  return result ?? noMetadata
}

/** A guest's reply metadata as response headers: legal text entries only. */
export function* replyHeaders(metadata: Metadata): Iterable<readonly [string, string]> {
  for (const [name, value] of metadata) if (typeof value === 'string' && isReplyText(name, value)) yield [name, value]
}
