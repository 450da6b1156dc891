// Frames: what clients of pipelined commands send, and the answers that they get, as bytes (wit/proto/innkeeper/v1/commands.proto).
//
// F1. Whatever the bytes are, they are read within their end, or a WireError says where they are no frame.
// Of one frame at most `commandsMax` commands are read.
// F3. A command without a service or a method has the one of the command before in its frame.
//
// Owns: the bytes.   text.ts owns: their JSON form.   pipe.ts owns: what is done with them.

import { type Commits, commitHeader } from '../../commits.ts'
import type { InnkeeperError } from '../../errors.ts'
import { wire } from '../../errors.ts'
import { isKept } from '../../header-names.ts'
import type { Metadata, MetadataEntry } from '../../metadata.ts'
import type { Failure } from '../../outcome.ts'
import type { Schema } from '../../schema/schema.ts'
import { WireCursor, WireError } from '../../schema/wire.ts'
import { Sink } from '../../transcode/sink.ts'
import { writeStatus } from '../../transcode/status.ts'
import { replyMetadata } from '../headers.ts'

/** A client's name for a command: a bigint only beyond 2^53 - 1, so equal ones are the same to a Map. */
export type Id = number | bigint

/** What a frame says of one command. */
export interface Asked {
  id: Id
  service: string
  method: string
  payload: Uint8Array
  /** The request as JSON; undefined: it is the payload. */
  json: string | undefined
  idempotencyKey: string | undefined
  /** 0: none is named. */
  waitMs: number
}

export interface Hello {
  readonly version: number
  readonly metadata: Metadata
}

interface Frame<A extends Asked> {
  readonly hello: Hello | undefined
  readonly commands: readonly A[]
}

/** `make`: a command to be filled in. @throws WireError, TooMany */
export function readFrame<A extends Asked>(bytes: Buffer, commandsMax: number, make: () => A): Frame<A> {
  const cursor = new WireCursor(bytes)
  const commands: A[] = []
  let hello: Hello | undefined
  let before: Asked | undefined
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 18) {
      if (commands.length === commandsMax) throw new TooMany()
      const command = make()
      const end = cursor.length()
      readCommand(new WireCursor(bytes, cursor.at, end), bytes, command)
      cursor.at = end
      if (before !== undefined) {
        if (command.service === '') command.service = before.service
        if (command.method === '') command.method = before.method
      }
      before = command
      commands.push(command)
    } else if (tag === 10) hello = readHello(cursor.view())
    else cursor.skip(tag & 7)
  }
  return { hello, commands }
}

/** A frame has more commands than there may be. */
export class TooMany extends Error {}

function readCommand(cursor: WireCursor, bytes: Buffer, command: Asked): void {
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 8) command.id = cursor.varintExact()
    else if (tag === 18) command.service = latin1(cursor, bytes)
    else if (tag === 26) command.method = latin1(cursor, bytes)
    else if (tag === 34) {
      command.payload = cursor.view()
      command.json = undefined
    } else if (tag === 42) command.json = cursor.string()
    // What is no ASCII is no key, and refused as such.
    else if (tag === 50) command.idempotencyKey = latin1(cursor, bytes)
    else if (tag === 56) command.waitMs = cursor.varint32()
    else cursor.skip(tag & 7)
  }
}

/** Text that is ASCII where it is right: names, keys. */
function latin1(cursor: WireCursor, bytes: Buffer): string {
  const end = cursor.length()
  const start = cursor.at
  cursor.at = end
  return bytes.toString('latin1', start, end)
}

function readHello(bytes: Uint8Array): Hello {
  const cursor = new WireCursor(bytes)
  let version = 0
  const metadata: MetadataEntry[] = []
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 8) version = cursor.varint32()
    else if (tag === 18) {
      const entry = readEntry(cursor.view())
      if (!isKept(entry[0])) metadata.push(entry)
    } else cursor.skip(tag & 7)
  }
  return { version, metadata }
}

/** As over gRPC: names of headers, and bytes where a name ends in `-bin`. */
function readEntry(bytes: Uint8Array): MetadataEntry {
  const cursor = new WireCursor(bytes)
  let name = ''
  let value: string | Uint8Array = ''
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) name = cursor.string().toLowerCase()
    else if (tag === 18) value = cursor.string()
    // A copy: it is kept as long as its stream, and the frame is not.
    else if (tag === 26) value = Uint8Array.from(cursor.view())
    else cursor.skip(tag & 7)
  }
  if (!/^[0-9a-z_.-]+$/.test(name)) throw new WireError('a name of metadata that is no header', 0)
  if (name.endsWith('-bin') !== (typeof value !== 'string'))
    throw new WireError(`metadata ${name}: names that end in -bin have data, others text`, 0)
  return [name, value]
}

/** Answers that gather, until they leave as one frame. */
export interface Gathering {
  readonly size: number
  welcome(commandsMax: number, bytesMax: number): void
  payload(id: Id, payload: Uint8Array, metadata: Metadata, commits?: Commits): void
  /** `json`: text that is JSON. */
  json(id: Id, json: string, metadata: Metadata, commits?: Commits): void
  /** `schema`: of the service that refused it. */
  refused(id: Id, failure: Failure, metadata: Metadata, schema: Schema, commits?: Commits): void
  failed(id: Id, error: InnkeeperError, commits?: Commits): void
  /** All since the last time. */
  finish(): Uint8Array
}

export const version = 1

export class AnswerBytes implements Gathering {
  private readonly sink = new Sink()

  get size(): number {
    return this.sink.size
  }

  welcome(commandsMax: number, bytesMax: number): void {
    const { sink } = this
    sink.varint(10)
    const start = sink.open()
    sink.varint(8)
    sink.varint(version)
    sink.varint(16)
    sink.varint(commandsMax)
    sink.varint(24)
    sink.varintSafe(bytesMax)
    sink.close(start)
  }

  payload(id: Id, payload: Uint8Array, metadata: Metadata, commits?: Commits): void {
    const { sink } = this
    const start = this.begin(id)
    sink.varint(18)
    sink.view(payload)
    this.end(start, metadata, commits)
  }

  json(id: Id, json: string, metadata: Metadata, commits?: Commits): void {
    const { sink } = this
    const start = this.begin(id)
    sink.varint(26)
    sink.string(json)
    this.end(start, metadata, commits)
  }

  refused(id: Id, failure: Failure, metadata: Metadata, _?: Schema, commits?: Commits): void {
    const { sink } = this
    const start = this.begin(id)
    sink.varint(34)
    const inner = sink.open()
    writeStatus(sink, failure)
    sink.close(inner)
    this.end(start, metadata, commits)
  }

  failed(id: Id, { code, message }: InnkeeperError, commits?: Commits): void {
    this.refused(id, { code: wire[code].grpc, message, details: [] }, [], undefined, commits)
  }

  finish(): Uint8Array {
    const bytes = this.sink.finish()
    this.sink.reset()
    return bytes
  }

  private begin(id: Id): number {
    const { sink } = this
    sink.varint(18)
    const start = sink.open()
    sink.varint(8)
    if (typeof id === 'number') sink.varintSafe(id)
    else sink.varint64(id)
    return start
  }

  private end(start: number, metadata: Metadata, commits: Commits | undefined): void {
    if (metadata.length > 0) for (const [name, value] of replyMetadata(metadata)) this.entry(name, value)
    if (commits !== undefined) this.entry(commitHeader, commits.text)
    this.sink.close(start)
  }

  private entry(name: string, value: string | Buffer): void {
    const { sink } = this
    sink.varint(42)
    const entry = sink.open()
    sink.varint(10)
    sink.string(name)
    sink.varint(typeof value === 'string' ? 18 : 26)
    if (typeof value === 'string') sink.string(value)
    else sink.view(value)
    sink.close(entry)
  }
}
