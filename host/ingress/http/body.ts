// HTTP bodies: a reply's message as what its method sends: JSON, one field's JSON, or the bytes of a google.api.HttpBody.

import type { Route } from '../../schema/http-rule.ts'
import type { MessageType, Schema } from '../../schema/schema.ts'
import { WireCursor } from '../../schema/wire.ts'
import { fieldToJson, toJson } from '../../transcode/to-json.ts'

export const jsonType = 'application/json'

export function isHttpBody(type: MessageType): boolean {
  return type.fullName === 'google.api.HttpBody'
}

/** @throws WireError if the bytes are not that message, TextTooLong if that takes more than `stepsMax` (to-json.ts). */
export function replyJson(
  schema: Schema,
  { method, responseBody }: Pick<Route, 'method' | 'responseBody'>,
  payload: Uint8Array,
  stepsMax: number,
): string {
  return responseBody === undefined
    ? toJson(schema, method.output, payload, stepsMax)
    : fieldToJson(schema, method.output, responseBody, payload, stepsMax)
}

/** The two fields of google.api.HttpBody that make a response. @throws WireError */
export function readHttpBody(payload: Uint8Array): { contentType: string; data: Uint8Array } {
  const cursor = new WireCursor(payload)
  let contentType = ''
  let data: Uint8Array = new Uint8Array()
  while (!cursor.done) {
    const tag = cursor.tag()
    if (tag === 10) contentType = cursor.string()
    else if (tag === 18) data = cursor.view()
    else cursor.skip(tag & 7)
  }
  return { contentType: legalType(contentType), data }
}

/** Text of a guest in a header: an illegal content type is treated as absent. */
export function legalType(contentType: string): string {
  return /^[\x20-\x7e]*$/.test(contentType) ? contentType : ''
}
