// Transcode thread: makes messages of long JSON, and long JSON of messages, off the loop that serves. Started by transcoder.ts, ended by it.
//
// D1. By the same code as the loop makes short ones, so that both are the same bytes.
// D2. What is made has at most `stepsMax`: so much memory, whatever the message.

import { parentPort } from 'node:worker_threads'
import { InnkeeperError } from '../../errors.ts'
import { type Route, routesOf } from '../../schema/http-rule.ts'
import { loadSchema } from '../../schema/load.ts'
import type { Schema } from '../../schema/schema.ts'
import { WireError } from '../../schema/wire.ts'
import { Sink } from '../../transcode/sink.ts'
import { toJson } from '../../transcode/to-json.ts'
import { replyJson } from './body.ts'
import { checkedText, requestMessage, type Said } from './request-json.ts'

/** A rule, by its names. */
interface RuleName {
  readonly service: string
  readonly method: string
  readonly httpMethod: string
  readonly path: string
}

export type Task =
  /** What tasks after it mean by its number. */
  | { readonly kind: 'schema'; readonly id: number; readonly files: readonly Uint8Array[] }
  | { readonly kind: 'request'; readonly schema: number; readonly rule: RuleName; readonly said: Said }
  | { readonly kind: 'reply'; readonly schema: number; readonly rule: RuleName; readonly payload: Uint8Array }
  /** JSON already, if it is. */
  | { readonly kind: 'text'; readonly schema: number; readonly payload: Uint8Array }
  | { readonly kind: 'message'; readonly schema: number; readonly type: string; readonly payload: Uint8Array }

export type Answer =
  | { readonly kind: 'made'; readonly bytes: Uint8Array }
  /** The request is not right. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The bytes are no such message. */
  | { readonly kind: 'malformed'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** Eight characters for each byte that a message may have: text that is being put together takes up to ten times as much memory. */
const stepsMax = 32 * 1024 * 1024

const schemas = new Map<number, Schema>()

parentPort?.on('message', (task: Task) => {
  if (task.kind === 'schema') {
    schemas.set(task.id, schemaOf(task.files))
    return
  }
  const answer = answered(task)
  parentPort!.postMessage(answer, answer.kind === 'made' ? [answer.bytes.buffer as ArrayBuffer] : [])
})

function schemaOf(files: readonly Uint8Array[]): Schema {
  const sink = new Sink()
  for (const bytes of files) {
    sink.varint(10)
    sink.view(bytes)
  }
  return loadSchema(sink.finish())
}

function answered(task: Exclude<Task, { kind: 'schema' }>): Answer {
  try {
    return { kind: 'made', bytes: make(task, schemas.get(task.schema)!) }
  } catch (error) {
    const { message } = error as Error
    if (error instanceof InnkeeperError) return { kind: 'refused', message }
    return { kind: error instanceof WireError ? 'malformed' : 'failed', message }
  }
}

function make(task: Exclude<Task, { kind: 'schema' }>, schema: Schema): Uint8Array {
  switch (task.kind) {
    case 'request':
      return requestMessage(schema, ruleOf(schema, task.rule), task.said)
    case 'reply':
      return utf8(replyJson(schema, ruleOf(schema, task.rule), task.payload, stepsMax))
    case 'text':
      return utf8(checkedText(task.payload))
    case 'message':
      return utf8(toJson(schema, schema.messages.get(task.type)!, task.payload, stepsMax))
  }
}

function ruleOf(schema: Schema, { service, method, httpMethod, path }: RuleName): Route {
  const { routes } = routesOf(service, schema.services.get(service)!.methods.get(method)!)
  return routes.find((route) => route.httpMethod === httpMethod && route.path === path)!
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
