// Piped: clients of pipelined commands for tests, by each of the ways: gRPC, binary messages and text messages of a WebSocket.

import { readFileSync } from 'node:fs'
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { WebSocket } from 'ws'
import { loadSchema } from '../../host/schema/load.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { ownClient } from './calls.ts'

/** Of all that details may be. */
const schema = loadSchema(readFileSync(new URL('../../wit/standard.binpb', import.meta.url)))
const messageOf = (name: string) => schema.messages.get(`innkeeper.v1.${name}`)!

export interface Answered {
  readonly id: string
  readonly payload?: string
  // biome-ignore lint/suspicious/noExplicitAny: what tests look at is what they assert
  readonly json?: any
  readonly failure?: { readonly code: number; readonly message: string; readonly details: readonly Json[] }
  readonly metadata?: readonly Json[]
}

export interface Welcome {
  readonly version: number
  readonly commandsMax: number
  readonly bytesMax: string
}

/** How a stream ended: over gRPC a status; over a WebSocket its close code, and the status that the reason names. */
export interface Ended {
  readonly code: number
  readonly message: string
}

export abstract class PipedClient {
  welcome: Welcome | undefined
  readonly answers: Answered[] = []
  /** How many answers each frame had. */
  readonly frames: number[] = []
  ended: Ended | undefined
  private wakes: (() => void)[] = []

  /** A frame in its JSON form; `json` of a command is the JSON itself. */
  abstract send(frame: { [name: string]: Json }): void
  abstract raw(bytes: Uint8Array): void
  /** It has sent all. */
  abstract close(): void
  /** It is gone, without a word. */
  abstract drop(): void
  abstract pause(): void
  abstract resume(): void

  hello(more: { [name: string]: Json } = {}): void {
    this.send({ hello: { version: 1, ...more } })
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.ended !== undefined) throw new Error(`the stream ended: ${this.ended.code} ${this.ended.message}`)
      await new Promise<void>((resolve) => this.wakes.push(resolve))
    }
  }

  async end(): Promise<Ended> {
    while (this.ended === undefined) await new Promise<void>((resolve) => this.wakes.push(resolve))
    return this.ended
  }

  /** Once it is there. */
  async answer(id: number | string): Promise<Answered> {
    const found = () => this.answers.find((answer) => answer.id === String(id))
    await this.until(() => found() !== undefined)
    return found()!
  }

  protected got({ welcome, answers = [] }: { welcome?: Welcome | null; answers?: readonly Answered[] }): void {
    this.welcome ??= welcome ?? undefined
    this.answers.push(...answers)
    if (answers.length > 0) this.frames.push(answers.length)
    this.wake()
  }

  protected over(ended: Ended): void {
    this.ended ??= ended
    this.wake()
  }

  private wake(): void {
    for (const wake of this.wakes.splice(0)) wake()
  }
}

/** `json` as a text with JSON in it. */
function inBytes(frame: { [name: string]: Json }): Buffer {
  const copy = structuredClone(frame)
  for (const command of (copy['commands'] ?? []) as { [name: string]: Json }[])
    if (command['json'] !== undefined) command['json'] = JSON.stringify(command['json'])
  return Buffer.from(toMessage(schema, messageOf('Frame'), copy))
}

function answersIn(bytes: Buffer): { welcome?: Welcome; answers: readonly Answered[] } {
  const read = JSON.parse(toJson(schema, messageOf('Answers'), bytes))
  for (const answer of read.answers) if (answer.json !== undefined) answer.json = JSON.parse(answer.json)
  for (const answer of read.answers) if (answer.metadata.length === 0) delete answer.metadata
  return read
}

class Grpc extends PipedClient {
  private readonly client: ReturnType<typeof ownClient>
  private readonly call: ClientDuplexStream<Buffer, Buffer>

  constructor(address: string) {
    super()
    this.client = ownClient(address)
    const same = (bytes: Buffer) => bytes
    this.call = this.client.makeBidiStreamRequest('/innkeeper.v1.Commands/Stream', same, same)
    this.call.on('data', (bytes: Buffer) => this.got(answersIn(bytes)))
    this.call.on('error', ({ code, details }: ServiceError) => this.over({ code, message: details }))
    this.call.on('status', ({ code, details }) => {
      this.over({ code, message: details })
      this.client.close()
    })
  }

  send(frame: { [name: string]: Json }): void {
    this.raw(inBytes(frame))
  }

  raw(bytes: Uint8Array): void {
    this.call.write(Buffer.from(bytes))
  }

  close(): void {
    this.call.end()
  }

  drop(): void {
    this.call.cancel()
  }

  pause(): void {
    this.call.pause()
  }

  resume(): void {
    this.call.resume()
  }
}

class Socket extends PipedClient {
  private readonly socket: WebSocket
  private readonly opened: Promise<void>
  private readonly text: boolean

  constructor(address: string, text: boolean) {
    super()
    this.text = text
    this.socket = new WebSocket(`ws://${address}/v1/commands`, { perMessageDeflate: false })
    this.opened = new Promise((resolve) => this.socket.once('open', resolve))
    this.socket.on('message', (data: Buffer, binary) =>
      this.got(binary ? answersIn(data) : JSON.parse(data.toString('utf8'))),
    )
    this.socket.on('error', (error) => this.over({ code: 1006, message: error.message }))
    this.socket.on('close', (code, reason) => this.over({ code, message: reason.toString('utf8') }))
  }

  send(frame: { [name: string]: Json }): void {
    if (this.text) this.write(JSON.stringify(frame))
    else this.raw(inBytes(frame))
  }

  raw(bytes: Uint8Array): void {
    this.write(this.text ? Buffer.from(bytes).toString('utf8') : bytes)
  }

  close(): void {
    this.socket.close()
  }

  drop(): void {
    this.socket.terminate()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  private write(data: string | Uint8Array): void {
    void this.opened.then(() => this.socket.send(data))
  }
}

/** By their names. `text`: payloads are JSON, and frames that are none are texts. */
export const ways: Readonly<
  Record<string, { readonly open: (address: string) => PipedClient; readonly text: boolean }>
> = {
  gRPC: { open: (address) => new Grpc(address), text: false },
  'a WebSocket, binary': { open: (address) => new Socket(address, false), text: false },
  'a WebSocket, text': { open: (address) => new Socket(address, true), text: true },
}

/** What a stream ends with, as each way says it. */
export function says(ended: Ended, way: string, grpcCode: number, closeCode: number, words: RegExp): void {
  const right = ended.code === (way === 'gRPC' ? grpcCode : closeCode) && words.test(ended.message)
  if (!right)
    throw new Error(`${way}: ended with ${ended.code} ${ended.message}, not ${grpcCode} or ${closeCode} ${words}`)
}
