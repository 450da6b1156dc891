// gRPC-Web headers: which of a request reach a guest (ingress/headers.ts), and how long its client waits.

import { InnkeeperError } from '../../errors.ts'
import { isKept } from '../../header-names.ts'
import type { Metadata, MetadataEntry } from '../../metadata.ts'
import { noMetadata } from '../../metadata.ts'
import { incoming } from '../headers.ts'

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

/** Milliseconds. @throws InnkeeperError `bad_request` */
export function timeoutOf(given: string | string[] | undefined): number | undefined {
  if (given === undefined) return undefined
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(given)) ?? []
  if (digits === undefined)
    throw new InnkeeperError('bad_request', 'grpc-timeout has 1 to 8 digits and a unit of HMSmun')
  return Math.floor(Number(digits) * unitMs[unit as keyof typeof unitMs])
}

const unitMs = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }
