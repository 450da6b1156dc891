// Frames of pipelined commands, as bytes (wit/proto/innkeeper/v1/commands.proto): those that a client sends, and the answers that it gets.
//
// Leaves to others: when they are sent, and who is answered (client.ts).

import { codes } from '../codec/codes.ts'
import { Reader } from '../codec/reader.ts'
import { Writer } from '../codec/writer.ts'
import { CallError, type Detail } from './error.ts'

/** One command as it travels. */
export interface Command {
  id: number
  readonly service: string
  readonly method: string
  readonly payload: Uint8Array | string
  readonly key: string | undefined
}

export type MetadataEntry = readonly [name: string, value: string | Uint8Array]

export interface Answers {
  readonly welcome: Welcome | undefined
  readonly answers: readonly Answer[]
}

interface Welcome {
  readonly commandsMax: number
  readonly bytesMax: number
}

export interface Answer {
  readonly id: number
  /** JSON as text. */
  readonly reply: Uint8Array | string
  readonly error: CallError | undefined
}

const version = 1
const writer = new Writer()
const nothing = new Uint8Array(0)

export function helloFrame(metadata: readonly MetadataEntry[]): Uint8Array {
  writer.reset()
  const hello = writer.open(10)
  writer.varint32(8)
  writer.varint32(version)
  for (const [name, value] of metadata) {
    const entry = writer.open(18)
    writer.varint32(10)
    writer.string(name)
    writer.varint32(typeof value === 'string' ? 18 : 26)
    if (typeof value === 'string') writer.string(value)
    else writer.raw(value)
    writer.close(entry)
  }
  writer.close(hello)
  return writer.finish()
}

/** What one takes of a frame, at most. */
export function sizeMax({ service, method, payload, key = '' }: Command): number {
  const text = service.length + method.length + key.length
  return 64 + 3 * (text + (typeof payload === 'string' ? payload.length : 0)) + payload.length
}

/** `waitMs`: how long the answer of each may take; 0: no matter. */
export function commandFrame(commands: readonly Command[], waitMs: (command: Command) => number): Uint8Array {
  writer.reset()
  let before: Command | undefined
  for (const command of commands) {
    const { service, method, payload, key } = command
    const start = writer.open(18)
    writer.varint32(8)
    writer.varint32(command.id)
    if (service !== before?.service) text(18, service)
    if (method !== before?.method) text(26, method)
    if (typeof payload === 'string') text(42, payload)
    else {
      writer.varint32(34)
      writer.raw(payload)
    }
    if (key !== undefined) text(50, key)
    const wait = waitMs(command)
    if (wait > 0) {
      writer.varint32(56)
      writer.varint32(wait)
    }
    writer.close(start)
    before = command
  }
  return writer.finish()
}

function text(tag: number, value: string): void {
  writer.varint32(tag)
  writer.string(value)
}

/** @throws MalformedError */
export function readAnswers(bytes: Uint8Array): Answers {
  const reader = new Reader(bytes)
  const answers: Answer[] = []
  let welcome: Welcome | undefined
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 18) answers.push(readAnswer(reader))
    else if (tag === 10) welcome = readWelcome(reader)
    else reader.skip(tag)
  }
  return { welcome, answers }
}

function readWelcome(reader: Reader): Welcome {
  const outer = reader.enter()
  let commandsMax = 0
  let bytesMax = 0
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 16) commandsMax = reader.uint32()
    else if (tag === 24) bytesMax = Number(reader.uint64())
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { commandsMax, bytesMax }
}

function readAnswer(reader: Reader): Answer {
  const outer = reader.enter()
  let id = 0
  let reply: Uint8Array | string = nothing
  let error: CallError | undefined
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 8) id = reader.uint32()
    else if (tag === 18) reply = reader.raw()
    else if (tag === 26) reply = reader.string()
    else if (tag === 34) error = readFailure(reader)
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { id, reply, error }
}

function readFailure(reader: Reader): CallError {
  const outer = reader.enter()
  let code = 0
  let message = ''
  const details: Detail[] = []
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 8) code = reader.int32()
    else if (tag === 18) message = reader.string()
    else if (tag === 26) details.push(readDetail(reader))
    else reader.skip(tag)
  }
  reader.leave(outer)
  return new CallError(codes[code - 1] ?? 'UNKNOWN', message, details)
}

function readDetail(reader: Reader): Detail {
  const outer = reader.enter()
  let typeName = ''
  let data: Uint8Array = nothing
  while (reader.at < reader.end) {
    const tag = reader.tag()
    if (tag === 10) typeName = reader.string().replace(/^.*\//, '')
    else if (tag === 18) data = reader.raw()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { typeName, data }
}
