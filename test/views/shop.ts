// A component with views, as tests of views have it: orders, and rows with a column of every type.

import type { Schema } from '../../host/schema/schema.ts'
import { withStandard } from '../../host/schema/standard.ts'
import { parseJson } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import type { TableRef, ViewsComponent } from '../../host/views/component.ts'
import { planViews, type QueryPlan } from '../../host/views/plan.ts'
import { protos } from '../support/protos.ts'

const head = `syntax = "proto3"; package shop.v1;
  import "innkeeper/options.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
  import "google/protobuf/wrappers.proto"; import "google/protobuf/empty.proto"; import "google/protobuf/struct.proto";
`

/** Messages and services in one file. */
export class Shop {
  readonly schema: Schema
  readonly component: ViewsComponent
  /** What is wrong, each with its method. */
  readonly problems: readonly string[]

  private constructor(schema: Schema, descriptors: Uint8Array) {
    this.schema = schema
    const problems: string[] = []
    const views = planViews(schema, [...schema.services.values()], (problem, service, method) =>
      problems.push(`${service.replace('shop.v1.', '')}${method === undefined ? '' : `.${method}`} ${problem}`),
    )
    this.component = { descriptors, views }
    this.problems = problems
  }

  static async of(proto: string): Promise<Shop> {
    const { schema, bytes } = await protos({ 'shop.proto': head + proto })
    return new Shop(schema, withStandard(bytes))
  }

  /** A view by the end of its name. */
  table(name: string, file: string): TableRef {
    return { component: this.component, service: `shop.v1.${name}`, file }
  }

  query(method: string): QueryPlan {
    return this.component.views.flatMap(({ queries }) => queries).find((query) => query.method === method)!
  }

  bytes(type: string, json: unknown): Uint8Array {
    return toMessage(this.schema, this.schema.messages.get(`shop.v1.${type}`)!, parseJson(JSON.stringify(json)))
  }

  json(type: string, bytes: Uint8Array): unknown {
    return JSON.parse(toJson(this.schema, this.schema.messages.get(`shop.v1.${type}`)!, bytes))
  }
}

export const limits = {
  viewsQueryMs: 20_000,
  viewsRowsMax: 1_000,
  viewsBytesMax: 1024 * 1024,
  viewsReaders: 2,
  viewsMemoryMib: 128,
}

/** One query of orders. */
export const query = (rpc: string, sql: string, more = '') =>
  `rpc ${rpc} { option (innkeeper.query) = { sql: ${JSON.stringify(sql)} ${more} }; }`

export const orders = (queries: string, more = '') => `
  message OrderRow { string order = 1 [(innkeeper.column) = { key: true }]; string customer = 2 [(innkeeper.column) = { index: true }];
    google.protobuf.Timestamp placed = 3; int64 cents = 4; string state = 5; uint64 size = 6; }
  message Customer { string customer = 1; int32 limit = 2; repeated int64 ids = 3; uint64 size = 4; google.protobuf.Timestamp since = 5;
    optional string maybe = 6; }
  message Day { string day = 1; int64 cents = 2; }
  message Rows { repeated OrderRow rows = 1; }
  service OrdersView { option (innkeeper.view) = { row: "OrderRow", from: ["shop.v1.Order"] };
    ${queries}
  }
  ${more}`
