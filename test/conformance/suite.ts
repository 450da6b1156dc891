// Suite: calls of a language's model services through a host, compared with what is expected.

import type { ServiceError } from '@grpc/grpc-js'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import * as assert from 'uvu/assert'
import type { Host } from '../../host/main.ts'
import type { Schema } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import type { Call, Case, Expected } from './cases.ts'

export const packageName = 'innkeeper.conformance.v1'

const same = (bytes: Buffer): Buffer => bytes
const internal = 13

interface Answer {
  readonly reply: Uint8Array | undefined
  readonly error: ServiceError | undefined
  readonly headers: Metadata
}

/** Elements of a stream as they came, and how it ended. */
export interface Streamed {
  readonly texts: readonly string[]
  readonly code: number
  readonly message: string
}

export class Conversation {
  readonly schema: Schema
  private readonly client: Client

  constructor(host: Host) {
    this.schema = host.services.get(`${packageName}.Events`)!.schema
    this.client = new Client(host.listen, credentials.createInsecure())
  }

  close(): void {
    this.client.close()
  }

  /** @throws AssertionError with the call. */
  async check(one: Case, id: string): Promise<void> {
    for (const call of one.calls(id)) {
      const until = Date.now() + (call.eventually === true ? 10_000 : 0)
      for (;;) {
        const answer = await this.ask(call)
        if (Date.now() < until && !this.matches(answer, call.expected)) {
          await new Promise((resolve) => setTimeout(resolve, 20))
          continue
        }
        this.compare(call, answer)
        break
      }
    }
  }

  bytesOf(method: string, request: Json | Uint8Array): Buffer {
    if (request instanceof Uint8Array) return Buffer.from(request)
    return Buffer.from(toMessage(this.schema, this.methodOf(method).input, request))
  }

  /** `scripts` are sent one by one; the stream is closed by the client once all are sent. */
  stream(method: string, scripts: readonly Json[]): Promise<Streamed> {
    const call = this.client.makeBidiStreamRequest(path(method), same, same, new Metadata(), deadline())
    const texts: string[] = []
    call.on('data', (bytes: Buffer) => texts.push(this.textOf(bytes)))
    call.on('error', () => {})
    const ended = new Promise<Streamed>((resolve) => {
      call.on('status', ({ code, details }) => resolve({ texts, code, message: details }))
    })
    for (const script of scripts) call.write(this.bytesOf(method, script))
    call.end()
    return ended
  }

  /** A stream of one request that is listened to until `cancel`. */
  listen(method: string, script: Json): { texts: string[]; ended: Promise<Streamed>; cancel: () => void } {
    const call = this.client.makeServerStreamRequest(
      path(method),
      same,
      same,
      this.bytesOf(method, script),
      new Metadata(),
      deadline(),
    )
    const texts: string[] = []
    call.on('data', (bytes: Buffer) => texts.push(this.textOf(bytes)))
    call.on('error', () => {})
    const ended = new Promise<Streamed>((resolve) => {
      call.on('status', ({ code, details }) => resolve({ texts, code, message: details }))
    })
    return { texts, ended, cancel: () => call.cancel() }
  }

  /** A client that sends and listens as it likes. */
  open(method: string): {
    texts: string[]
    ended: Promise<Streamed>
    send: (script: Json) => void
    cancel: () => void
  } {
    const call = this.client.makeBidiStreamRequest(path(method), same, same, new Metadata())
    const texts: string[] = []
    call.on('data', (bytes: Buffer) => texts.push(this.textOf(bytes)))
    call.on('error', () => {})
    const ended = new Promise<Streamed>((resolve) => {
      call.on('status', ({ code, details }) => resolve({ texts, code, message: details }))
    })
    return {
      texts,
      ended,
      send: (script) => void call.write(this.bytesOf(method, script)),
      cancel: () => call.cancel(),
    }
  }

  private ask({ method, request, headers = {} }: Call): Promise<Answer> {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(headers)) {
      metadata.add(name, name.endsWith('-bin') ? Buffer.from(value, 'hex') : value)
    }
    return new Promise((resolve) => {
      let seen = new Metadata()
      const call = this.client.makeUnaryRequest(
        path(method),
        same,
        same,
        this.bytesOf(method, request),
        metadata,
        deadline(),
        (error: ServiceError | null, reply?: Buffer) =>
          resolve({ reply: reply && new Uint8Array(reply), error: error ?? undefined, headers: seen }),
      )
      call.on('metadata', (got: Metadata) => {
        seen = got
      })
    })
  }

  private matches({ reply }: Answer, expected: Expected): boolean {
    return (
      expected !== 'fault' && 'reply' in expected && reply !== undefined && Buffer.compare(reply, expected.reply) === 0
    )
  }

  private compare(call: Call, { reply, error, headers }: Answer): void {
    const { expected, method } = call
    const on = `${method} ${call.request instanceof Uint8Array ? 'of bytes' : JSON.stringify(call.request)}`.slice(
      0,
      400,
    )
    const got = error === undefined ? 'a reply' : `${error.code} ${error.details}`
    if (expected === 'fault') {
      assert.is(error?.code, internal, `${on}: expected a fault, got ${got}`)
      assert.not.ok(/asked to/.test(error!.details), `${on}: the guest's words reached the caller`)
    } else if ('refused' in expected) {
      assert.is(error?.code, expected.refused, `${on}: expected a refusal, got ${got}`)
      assert.is(error!.details, expected.message, on)
      const [details] = error!.metadata.get('grpc-status-details-bin')
      if (expected.detail !== undefined) {
        const text = Buffer.from(details as Buffer).toString('latin1')
        assert.ok(text.includes(`type.googleapis.com/${packageName}.Noted`), `${on}: the detail's type`)
        assert.ok(text.endsWith(expected.detail), `${on}: the detail`)
      }
    } else {
      assert.is(error, undefined, `${on}: expected a reply, got ${got}`)
      this.sameBytes(method, reply!, expected.reply, on)
      for (const [name, value] of Object.entries(expected.headers ?? {})) {
        const [header] = headers.get(name)
        assert.is(typeof header === 'string' ? header : header?.toString('hex'), value, `${on}: the header ${name}`)
      }
    }
  }

  private sameBytes(method: string, actual: Uint8Array, expected: Uint8Array, on: string): void {
    if (Buffer.compare(actual, expected) === 0) return
    const { output } = this.methodOf(method)
    const shown = (bytes: Uint8Array): string => {
      try {
        return toJson(this.schema, output, bytes).slice(0, 2000)
      } catch (error) {
        return String(error)
      }
    }
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, 200)).toString('hex')
    assert.unreachable(
      `${on}\n  expected ${shown(expected)}\n           ${hex(expected)}\n  got      ${shown(actual)}\n           ${hex(actual)}`,
    )
  }

  private methodOf(path: string) {
    const [service, method] = path.split('/') as [string, string]
    return this.schema.services.get(`${packageName}.${service}`)!.methods.get(method)!
  }

  private textOf(bytes: Uint8Array): string {
    const said = this.schema.messages.get(`${packageName}.Said`)!
    return (JSON.parse(toJson(this.schema, said, bytes)) as { text?: string }).text ?? ''
  }
}

function path(method: string): string {
  return `/${packageName}.${method}`
}

function deadline(): { deadline: number } {
  return { deadline: Date.now() + 60_000 }
}
