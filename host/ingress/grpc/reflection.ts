// Reflection: gRPC server reflection, v1 and v1alpha, of what is deployed right now (§reflection).
//
// Its own services and health are described as well, so that `grpcurl describe` finds all that is listed and served.
// One response for each request, echoing it. What is not found is a response with an empty list, not an error.
// The two versions have the same messages; they are few, so they are read and written field by field.

import type { Server, ServerDuplexStream } from '@grpc/grpc-js'
import { InnkeeperError } from '../../errors.ts'
import type { FileType, Schema } from '../../schema/schema.ts'
import { WireCursor } from '../../schema/wire.ts'
import type { Services } from '../../services.ts'
import { Sink } from '../../transcode/sink.ts'
import { InputGate } from './input-gate.ts'
import { ownSchema } from './own-files.ts'
import type { OwnStream, OwnStreams } from './own-streams.ts'

const same = (bytes: Buffer): Buffer => bytes
const versions = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']

export function registerReflection(server: Server, services: Services, streams: OwnStreams): void {
  for (const name of versions) {
    const handle = (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('error', () => {})
      const stream = streams.open(name, call)
      if (stream === undefined) {
        call.resume()
        return
      }
      const gate = new InputGate(call)
      let answered = Promise.resolve(true)
      call.on('data', (request: Buffer) => {
        stream.taken()
        gate.hold()
        answered = answered.then(() => answer(stream, name, services, request))
        answered.then(() => gate.release())
      })
      call.on('end', () => answered.then(() => stream.end()))
    }
    server.register(`/${name}/ServerReflectionInfo`, handle, same, same, 'bidi')
  }
}

async function answer(stream: OwnStream, own: string, services: Services, request: Buffer): Promise<boolean> {
  if (stream.ended) return false
  let response: Uint8Array
  try {
    response = respond(own, services, request)
  } catch {
    stream.fail(new InnkeeperError('bad_request', 'not a ServerReflectionRequest'))
    return false
  }
  return await stream.write(Buffer.from(response))
}

/** Field numbers: grpc/reflection/v1/reflection.proto. */
function respond(own: string, services: Services, request: Buffer): Uint8Array {
  const cursor = new WireCursor(request)
  const out = new Sink()
  let host = ''
  let answer: ((out: Sink) => void) | undefined
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) host = cursor.string()
    else if (tag === 26) answer = filesAnswer(byName(services, cursor.string()))
    else if (tag === 34) answer = filesAnswer(bySymbol(services, cursor.string()))
    else if (tag === 42) answer = filesAnswer(byExtension(services, cursor.view()))
    else if (tag === 50) answer = extensionsAnswer(services, cursor.string())
    else if (tag === 58) {
      cursor.string()
      answer = servicesAnswer([own, ...[...services.current.services.keys()].sort()])
    } else cursor.skip(tag & 7)
  }
  if (host !== '') {
    out.varint(10)
    out.string(host)
  }
  out.varint(18)
  out.view(request)
  answer?.(out)
  return out.finish()
}

function* schemas(services: Services): Iterable<Schema> {
  const seen = new Set<Schema>()
  for (const { schema } of services.current.services.values()) {
    if (seen.has(schema)) continue
    seen.add(schema)
    yield schema
  }
  yield ownSchema
}

function* files(services: Services): Iterable<FileType> {
  for (const schema of schemas(services)) yield* schema.files.values()
}

function byName(services: Services, name: string): FileType | undefined {
  for (const schema of schemas(services)) {
    const file = schema.files.get(name)
    if (file !== undefined) return file
  }
  return undefined
}

function bySymbol(services: Services, symbol: string): FileType | undefined {
  for (const file of files(services)) if (file.symbols.includes(symbol)) return file
  return undefined
}

function byExtension(services: Services, request: Uint8Array): FileType | undefined {
  const cursor = new WireCursor(request)
  let extendee = ''
  let number = 0
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) extendee = cursor.string()
    else if (tag === 16) number = cursor.varint32()
    else cursor.skip(tag & 7)
  }
  for (const file of files(services)) {
    if (file.extensions.some((extension) => extension.extendee === extendee && extension.number === number)) return file
  }
  return undefined
}

function filesAnswer(file: FileType | undefined): (out: Sink) => void {
  return (out) => {
    out.varint(34)
    const start = out.open()
    if (file !== undefined) {
      out.varint(10)
      out.view(file.bytes)
    }
    out.close(start)
  }
}

function extensionsAnswer(services: Services, extendee: string): (out: Sink) => void {
  const numbers = new Set<number>()
  for (const file of files(services)) {
    for (const extension of file.extensions) if (extension.extendee === extendee) numbers.add(extension.number)
  }
  return (out) => {
    out.varint(42)
    const start = out.open()
    out.varint(10)
    out.string(extendee)
    for (const number of [...numbers].sort((a, b) => a - b)) {
      out.varint(16)
      out.varint(number)
    }
    out.close(start)
  }
}

function servicesAnswer(names: readonly string[]): (out: Sink) => void {
  return (out) => {
    out.varint(50)
    const list = out.open()
    for (const name of names) {
      out.varint(10)
      const service = out.open()
      out.varint(10)
      out.string(name)
      out.close(service)
    }
    out.close(list)
  }
}
