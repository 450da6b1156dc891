// Message: what generated messages have in common. Their own members begin with `__`, which no field's name does.

import { Bytes } from './bytes'
import { Reader } from './reader'
import { Writer } from './writer'

export abstract class Message {
  /** Full protobuf name. */
  abstract __typeName(): string
  abstract __write(out: Writer): void
  abstract __read(reader: Reader): void
}

export function encode(message: Message): Bytes {
  const out = new Writer()
  message.__write(out)
  return out.finish()
}

/** What is wrong with the bytes, or null: then the message has what they say. */
export function decode(message: Message, bytes: Bytes): string | null {
  const reader = new Reader(bytes)
  message.__read(reader)
  return reader.problem
}

/** For generated code: an event of the journal. Bytes that are no such event trap. */
export function decodeEvent<E extends Message>(data: Bytes): E {
  const event = instantiate<E>()
  if (decode(event, data) !== null) throw new Error('these bytes are no such event')
  return event
}
