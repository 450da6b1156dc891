// The scripted guest (test/fixtures/guests/scripted.js) as a component, and calls of it.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ClientReadableStream } from '@grpc/grpc-js'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { WireCursor } from '../../host/schema/wire.ts'
import { Sink } from '../../host/transcode/sink.ts'
import { cached } from './cached.ts'
import { componentFrom } from './guest-source.ts'

const folder = fileURLToPath(new URL('../fixtures/guests/', import.meta.url))

export const values = 'test.script.v1.Values'
export const replicas = 'test.script.v1.Replicas'
export const actions = 'test.script.v1.Actions'

let built: Promise<Uint8Array> | undefined

type Change = (text: string) => string

const asItIs: Change = (text) => text

/** The .proto with method Heard in Values and Replicas: it hears what method Do of a service was answered, and the note is a script. */
export const hearing =
  (service = values): Change =>
  (proto) => {
    const method = `rpc Heard(Answered) returns (Said) {
      option (innkeeper.method) = { answers: "${service}/Do" };
    }`
    const message = `message Answered {
      oneof outcome {
        Said reply = 1;
        google.rpc.Status failure = 2;
      }
      Script note = 3;
    }`
    return proto
      .replace('import "innkeeper/options.proto";', 'import "google/rpc/status.proto";\n$&')
      .replace(/service (Values|Replicas) \{/g, `$&\n${method}`)
      .replace('message Script {', `${message}\n\n$&`)
  }

/** The .proto with method Watch in Values and Replicas: it watches Do. */
export const watching: Change = (proto) =>
  proto.replace(
    /service (Values|Replicas) \{/g,
    (head, name: string) => `${head}
  rpc Watch(Script) returns (stream Said) {
    option (innkeeper.method) = { watch: "Do" };
    option (google.api.http) = {
      post: "/${name.toLowerCase()}/{id}/watch"
      body: "*"
    };
  }`,
  )

/** Built when first asked for in a process. Changes are made to its source and its .proto: another version of it. */
export function scripted(source?: Change, proto?: Change): Promise<Uint8Array> {
  if (source !== undefined || proto !== undefined) return build(source ?? asItIs, proto ?? asItIs)
  built ??= build(asItIs, asItIs)
  return built
}

async function build(changes: Change, ofProto: Change): Promise<Uint8Array> {
  const [text, proto] = [changes(textOf('scripted.js')), ofProto(textOf('scripted.proto'))]
  return cached(import.meta.url, [text, proto], () =>
    componentFrom('scripted', text, proto, ['value', 'replicated', 'action']),
  )
}

const textOf = (name: string): string => readFileSync(`${folder}${name}`, 'utf8')

/** A request's bytes. */
export function script(id: string, code: string, element = ''): Buffer {
  const sink = new Sink()
  for (const [number, text] of [
    [1, id],
    [2, code],
    [3, element],
  ] as const) {
    if (text === '') continue
    sink.varint(number * 8 + 2)
    sink.string(text)
  }
  return Buffer.from(sink.finish())
}

/** A reply's text. */
export function said(bytes: Uint8Array): string {
  const cursor = new WireCursor(bytes)
  let text = ''
  while (!cursor.done) {
    if (cursor.tag() === 10) text = cursor.string()
    else break
  }
  return text
}

export interface Answered {
  readonly code: number
  readonly message: string
  readonly text: string
}

/** An open stream of answers. */
export interface Listening {
  readonly texts: string[]
  /** Set once it ended. */
  code: number | undefined
  message: string
  cancel(): void
  /** So many elements have come. */
  until(count: number): Promise<readonly string[]>
  ended(): Promise<number>
}

const same = (bytes: Buffer) => bytes

/** Calls over gRPC. */
export class ScriptClient {
  readonly client: Client

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure())
  }

  close(): void {
    this.client.close()
  }

  call(
    service: string,
    method: string,
    id: string,
    code: string,
    headers: Record<string, string> = {},
    element = '',
  ): Promise<Answered> {
    return new Promise((resolve) => {
      const payload = script(id, code, element)
      const options = { deadline: Date.now() + 20_000 }
      this.client.makeUnaryRequest(
        `/${service}/${method}`,
        same,
        same,
        payload,
        metadata(headers),
        options,
        (error, reply) => {
          if (error === null) resolve({ code: 0, message: '', text: said(reply!) })
          else resolve({ code: error.code, message: error.details, text: '' })
        },
      )
    })
  }

  listen(service: string, method: string, id: string, code: string, headers: Record<string, string> = {}): Listening {
    const path = `/${service}/${method}`
    const call = this.client.makeServerStreamRequest(path, same, same, script(id, code), metadata(headers))
    return listening(call, () => call.cancel())
  }
}

export function listening(call: ClientReadableStream<Buffer>, cancel: () => void): Listening {
  const waiting: (() => void)[] = []
  const wake = () => {
    for (const look of waiting.splice(0)) look()
  }
  const result: Listening = {
    texts: [],
    code: undefined,
    message: '',
    cancel,
    async until(count) {
      while (result.texts.length < count) {
        if (result.code !== undefined)
          throw new Error(
            `the stream ended with ${result.code} ${result.message} after ${JSON.stringify(result.texts)}`,
          )
        await next()
      }
      return result.texts
    },
    async ended() {
      while (result.code === undefined) await next()
      return result.code
    },
  }
  const next = () =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing more came after ${JSON.stringify(result.texts)}`)),
        10_000,
      )
      waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  call.on('data', (bytes: Buffer) => {
    result.texts.push(said(bytes))
    wake()
  })
  call.on('error', () => {})
  call.on('status', ({ code, details }) => {
    result.code = code
    result.message = details
    wake()
  })
  return result
}

function metadata(headers: Record<string, string>): Metadata {
  const made = new Metadata()
  for (const [name, value] of Object.entries(headers)) made.add(name, value)
  return made
}
