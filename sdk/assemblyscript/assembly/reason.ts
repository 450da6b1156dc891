// Reason: why an ask has no reply, as far as it matters: did it happen?

import { Bytes } from './bytes'
import { encode, Message } from './message'
import { Reader } from './reader'

export const enum Reason {
  /** It may have happened. */
  Unknown,
  /** The target refused, and it did not happen. */
  Refused,
  /** It never left, and did not happen. */
  NotSent,
}

const typeName = 'google.rpc.ErrorInfo'

/** Of the `failure` of an answer, a google.rpc.Status: what the one google.rpc.ErrorInfo of the host says. Without it nothing is known. */
export function reasonOf(failure: Message): Reason {
  const status = new Reader(encode(failure))
  let reason = Reason.Unknown
  while (status.more()) {
    const tag = status.tag()
    // details = 3
    if (tag != ((3 << 3) | 2)) {
      status.skip(tag)
      continue
    }
    const any = new Pair(status.raw())
    const url = any.first.toString()
    if (url != typeName && !url.endsWith('/' + typeName)) continue
    const info = new Pair(any.second)
    if (!info.second.is('innkeeper')) continue
    if (info.first.is('REFUSED')) reason = Reason.Refused
    else if (info.first.is('NOT_SENT')) reason = Reason.NotSent
  }
  return reason
}

/** The fields 1 and 2 of a message, which are texts or bytes: of google.protobuf.Any and of google.rpc.ErrorInfo. */
@final
class Pair {
  first: Bytes = Bytes.empty()
  second: Bytes = Bytes.empty()

  constructor(bytes: Bytes) {
    const reader = new Reader(bytes)
    while (reader.more()) {
      const tag = reader.tag()
      if (tag == ((1 << 3) | 2)) this.first = reader.raw()
      else if (tag == ((2 << 3) | 2)) this.second = reader.raw()
      else reader.skip(tag)
    }
  }
}
