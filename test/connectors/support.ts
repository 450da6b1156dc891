// What the tests of connectors share: a service that is elsewhere, connectors with a fake resolver, and one call.

import { once } from 'node:events'
import { createServer } from 'node:net'
import { systemClock } from '../../host/clock.ts'
import type { Answered, OutwardCall } from '../../host/connectors/connector.ts'
import { Connectors, type ConnectorsParts } from '../../host/connectors/connectors.ts'
import type { Resolved } from '../../host/connectors/names.ts'
import type { ConnectorRule } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { protos } from '../support/protos.ts'

export const service = 'pay.v1.Payments'

export const { schema } = await protos({
  'pay.proto': `syntax = "proto3";
package pay.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/any.proto";
service Payments {
  rpc Charge(ChargeRequest) returns (ChargeReply) { option (google.api.http) = { post: "/v1/charges" body: "*" }; }
  rpc Get(GetRequest) returns (ChargeReply) { option (google.api.http) = { get: "/v1/charges/{id}" }; }
  rpc Capture(GetRequest) returns (google.protobuf.Empty) { option (google.api.http) = { post: "/v1/charges/{id}/capture" body: "*" }; }
  rpc Cancel(GetRequest) returns (ChargeReply) { option (google.api.http) = { post: "/v1/charges/{id}:cancel" body: "*" }; }
  rpc File(GetRequest) returns (ChargeReply) { option (google.api.http) = { get: "/v1/files/{id=**}" }; }
  rpc Book(GetRequest) returns (ChargeReply) { option (google.api.http) = { get: "/v1/{id=shelves/*/books/*}" }; }
  rpc List(GetRequest) returns (ListReply) { option (google.api.http) = { get: "/v1/lists/{id}" response_body: "charges" }; }
  rpc Put(PutRequest) returns (ChargeReply) { option (google.api.http) = { put: "/v1/charges/{charge.id}" body: "charge" }; }
  rpc Upload(UploadRequest) returns (google.api.HttpBody) { option (google.api.http) = { put: "/v1/blobs/{id}" body: "blob" }; }
  rpc Plain(ChargeRequest) returns (ChargeReply);
  rpc Stream(ChargeRequest) returns (stream ChargeReply) { option (google.api.http) = { get: "/v1/stream" }; }
  rpc Wild(GetRequest) returns (ChargeReply) { option (google.api.http) = { get: "/v1/*/{id}" }; }
}
enum Kind { KIND_UNSPECIFIED = 0; CARD = 1; CASH = 2; }
message Item { string price = 1; int32 quantity = 2; }
message ChargeRequest {
  string order = 1;
  int64 amount = 2;
  Kind kind = 3;
  repeated string tags = 4;
  repeated Item items = 5;
  Item main = 6;
  map<string, string> metadata = 7;
  optional string note = 8;
  bool capture = 9;
  double rate = 10;
  google.protobuf.Timestamp due_at = 11;
  bytes blob = 12;
  google.protobuf.Struct extra = 13;
}
message GetRequest {
  string id = 1;
  int32 limit = 2;
  Item main = 3;
  repeated Kind kinds = 4;
  optional bool flag = 5;
  google.protobuf.Timestamp since = 6;
  google.protobuf.Int64Value after_id = 7;
  repeated Item items = 8;
  int64 big = 9;
  bytes token = 10;
}
message ChargeReply {
  string id = 1;
  int64 amount = 2;
  Kind kind = 3;
  repeated Kind kinds = 4;
  repeated Item items = 5;
  map<string, Item> by_name = 6;
  oneof way { string card = 7; string account = 8; }
  string status_text = 9;
}
message ListReply { repeated ChargeReply charges = 1; }
message Charge { string id = 1; int64 amount = 2; }
message PutRequest { Charge charge = 1; bool dry = 2; }
message UploadRequest { string id = 1; google.api.HttpBody blob = 2; }
`,
})

export function methodOf(name: string) {
  return schema.services.get(service)!.methods.get(name)!
}

export function message(type: string, json: Json): Uint8Array {
  return toMessage(schema, schema.messages.get(`pay.v1.${type}`)!, json)
}

/** The reply's JSON. */
export function replyOf(answered: Answered, type = 'ChargeReply'): unknown {
  if (answered.kind !== 'reply') throw new Error(`no reply: ${JSON.stringify(answered)}`)
  return JSON.parse(toJson(schema, schema.messages.get(`pay.v1.${type}`)!, answered.payload))
}

/** Code, reason and whether it is to be tried again. */
export function failed(answered: Answered): { code: number; reason: string; again: boolean; message: string } {
  if (answered.kind !== 'failure') throw new Error(`no failure: ${answered.kind}`)
  const { failure, reason, again } = answered
  return { code: failure.code, reason, again, message: failure.message }
}

export const secret = 'sk_test/4eC39+HqLyjW"Darj'

export const httpRule: ConnectorRule = { name: 'payments', protocol: 'http', encoding: 'json' }

export interface Setting {
  readonly url: string
  readonly grant?: object
  readonly resolve?: Readonly<Record<string, readonly Resolved[]>> | ConnectorsParts['resolve']
  readonly files?: Readonly<Record<string, string>>
  readonly clock?: ConnectorsParts['clock']
}

export function connectors({ url, grant, resolve, files, clock = systemClock }: Setting): Connectors {
  const made = new Connectors({
    clock,
    resolve:
      typeof resolve === 'function'
        ? resolve
        : (name, done) => {
            const found = resolve?.[name]
            setImmediate(() =>
              found === undefined ? done(new Error(`ENOTFOUND ${name}`), []) : done(undefined, found),
            )
          },
    sources: {
      env: (name) => (name === 'STRIPE_KEY' ? secret : undefined),
      file: (path) => {
        const text = files?.[path]
        if (text === undefined) throw new Error('ENOENT')
        return text
      },
    },
  })
  const problems = made.reload({
    connectors: {
      payments: {
        url,
        services: ['shop.*'],
        private: true,
        headers: { authorization: 'Bearer {secret:stripe}' },
        ...grant,
      },
    },
    secrets: { stripe: { env: 'STRIPE_KEY' } },
  })
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return made
}

type Asked = Partial<OutwardCall> & {
  readonly method?: string
  readonly type?: string
  readonly json?: Json
  readonly rule?: ConnectorRule
}

export function asked({ method = 'Charge', type, json = {}, rule = httpRule, ...more }: Asked = {}): OutwardCall {
  const found = methodOf(method)
  const name = type ?? found.input.fullName.replace('pay.v1.', '')
  return {
    place: { kind: 'connector', rule, service, method: found, schema },
    from: 'shop.v1.Order',
    request: message(name, json),
    key: 'key-of-the-effect',
    traceparent: undefined,
    deadlineMs: undefined,
    attempt: 1,
    unsure: false,
    ...more,
  }
}

export function call(made: Connectors, one: OutwardCall): Promise<Answered> {
  return new Promise((resolve) => {
    let returned = false
    const waitMs = made.enter(one)
    if (waitMs > 0) throw new Error(`no room for ${waitMs} ms`)
    made.call(one, (answered) => {
      if (!returned) throw new Error('answered before the call has returned')
      resolve(answered)
    })
    returned = true
  })
}

/** A port where nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
