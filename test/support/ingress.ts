// An ingress alone: a real port over made-up services, whose calls a test answers itself.

import { pino } from 'pino'
import { systemClock } from '../../host/clock.ts'
import type { Command, Dispatch, Open, Receiver, StreamCall } from '../../host/command.ts'
import { InFlight } from '../../host/in-flight.ts'
import type { IngressContext } from '../../host/ingress/context.ts'
import { Transcoder } from '../../host/ingress/http/transcoder.ts'
import type { Ingress } from '../../host/ingress/server.ts'
import { listen } from '../../host/ingress/server.ts'
import type { Limits } from '../../host/limits.ts'
import { defaultLimits, servedBytesMax } from '../../host/limits.ts'
import { noMetadata } from '../../host/metadata.ts'
import { Metrics } from '../../host/observe/metrics.ts'
import type { Schema } from '../../host/schema/schema.ts'
import type { Service } from '../../host/services.ts'
import { Services } from '../../host/services.ts'

/** One call of a streamed method, as the host's side sees it. */
export class FakeCall implements StreamCall {
  readonly command: Command
  readonly receiver: Receiver
  readonly items: Uint8Array[] = []
  halfClosed = 0
  cancels = 0
  resumes = 0
  /** What `item` answers. */
  hungry = true
  private waiting: (() => void)[] = []

  constructor(command: Command, receiver: Receiver) {
    this.command = command
    this.receiver = receiver
  }

  item(payload: Uint8Array): boolean {
    this.items.push(payload)
    this.wake()
    return this.hungry
  }

  halfClose(): void {
    this.halfClosed += 1
    this.wake()
  }

  cancel(): void {
    this.cancels += 1
    this.wake()
  }

  resume(): void {
    this.resumes += 1
    this.wake()
  }

  next(payload: Uint8Array, metadata = noMetadata): void {
    this.receiver.next(payload, metadata)
  }

  refuse(code: number, message: string): void {
    this.receiver.end({ kind: 'refusal', failure: { code, message, details: [] }, metadata: noMetadata })
  }

  /** Gives elements while they are taken; resolves with how many that were, when no more are. */
  flood(payload: Uint8Array, max: number): number {
    let given = 0
    while (this.receiver.ready && given < max) {
      this.next(payload)
      given += 1
    }
    return given
  }

  /** Resolves when something happened that makes `condition` true. */
  async until(condition: (call: this) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

export interface FakeHost {
  readonly address: string
  readonly ingress: Ingress
  readonly context: IngressContext
  readonly services: Services
  readonly metrics: Metrics
  readonly log: string[]
  /** Calls of streamed methods, in the order in which they were opened. */
  readonly opened: FakeCall[]
  /** The next one that nobody has taken yet. */
  call(): Promise<FakeCall>
  /** Called with each call, before it is given out: may answer at once. */
  onOpen: (call: FakeCall) => void
  /** For unary methods. */
  onDispatch: Dispatch
}

export interface FakeHostParts {
  readonly limits?: Partial<Limits>
  readonly context?: Partial<IngressContext>
  /** A free one if left out. */
  readonly port?: number
}

export async function fakeHost(schema: Schema, names: readonly string[], parts: FakeHostParts = {}): Promise<FakeHost> {
  const services = new Services()
  services.change(names.map((name) => fakeService(schema, name)))
  const metrics = new Metrics()
  const log: string[] = []
  const opened: FakeCall[] = []
  const untaken: FakeCall[] = []
  const waiting: ((call: FakeCall) => void)[] = []
  const open: Open = (command, receiver) => {
    const call = new FakeCall(command, receiver)
    opened.push(call)
    host.onOpen(call)
    const taker = waiting.shift()
    if (taker === undefined) untaken.push(call)
    else taker(call)
    return call
  }
  let ids = 0
  const limits = { ...defaultLimits, ...parts.limits }
  const context: IngressContext = {
    dispatch: (command, reply) => host.onDispatch(command, reply),
    open,
    services,
    limits,
    transcoder: new Transcoder(defaultLimits.waitingBytesMax),
    inFlight: new InFlight({
      max: servedBytesMax(limits),
      connectionMax: limits.connectionBytesMax,
      setting: 'in-flight-bytes-max',
    }),
    clock: systemClock,
    metrics,
    log: pino({ level: 'warn' }, { write: (line: string) => log.push(line) }),
    deadlineMs: 60_000,
    requestId: () => `test-${++ids}`,
    unready: () => undefined,
    ...parts.context,
  }
  const ingress = await listen(context, '127.0.0.1', parts.port ?? 0)
  const host: FakeHost = {
    address: `127.0.0.1:${ingress.address.port}`,
    ingress,
    context,
    services,
    metrics,
    log,
    opened,
    call: () => {
      const call = untaken.shift()
      return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call)
    },
    onOpen: () => {},
    onDispatch: (command, reply) => reply({ kind: 'reply', payload: command.payload, metadata: command.metadata }),
  }
  return host
}

export function fakeService(schema: Schema, name: string, headers: readonly string[] = []): Service {
  const type = schema.services.get(name)!
  const methods = new Map([...type.methods].map(([method, item]) => [method, { type: item, keyOf: () => '' }]))
  return { name, type, schema, methods, description: { name, headers } } as unknown as Service
}

/** The value of one metric's line, or 0. */
export async function metric(metrics: Metrics, line: string): Promise<number> {
  const text = await (await metrics.registry()).metrics()
  const found = text.split('\n').find((each) => each.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.slice(line.length + 1))
}

/** Resolves when the condition holds; looked at after every turn of the loop. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Services with every shape of method, for the tests of the ingress. */
export const streamsProto = `syntax = "proto3";
package test.streams.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Item { string text = 1; int64 number = 2; Inner inner = 3; repeated string tags = 4; }
message Inner { string text = 1; }
service Streams {
  rpc Echo(Item) returns (Item) { option (google.api.http) = { post: "/echo" body: "*" }; }
  rpc Watch(Item) returns (stream Item) { option (google.api.http) = { get: "/watch/{text}" additional_bindings { post: "/watch" body: "*" } }; }
  rpc Inner(Item) returns (stream Item) { option (google.api.http) = { get: "/inner/{text}" response_body: "inner" }; }
  rpc File(Item) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/file/{text}" }; }
  rpc Collect(stream Item) returns (Item) { option (google.api.http) = { post: "/collect" body: "*" }; }
  rpc Chat(stream Item) returns (stream Item) { option (google.api.http) = { post: "/chat" body: "*" }; }
}
`
