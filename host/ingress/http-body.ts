// HTTP bodies: a reply's message as what its method sends: JSON, one field's JSON, or the bytes of a google.api.HttpBody.

import type { MessageType } from '../schema/schema.ts'
import { WireCursor } from '../schema/wire.ts'
import { fieldToJson, toJson } from '../transcode/to-json.ts'
import type { ServedRoute } from './routes.ts'

export const jsonType = 'application/json'

export function isHttpBody(type: MessageType): boolean {
  return type.fullName === 'google.api.HttpBody'
}

/** @throws WireError if the bytes are not that message. */
export function replyJson({ target, method, responseBody }: ServedRoute, payload: Uint8Array): string {
  return responseBody === undefined
    ? toJson(target.schema, method.output, payload)
    : fieldToJson(target.schema, method.output, responseBody, payload)
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

/** Text of a guest in a header: what is no legal content type is none. */
export function legalType(contentType: string): string {
  return /^[\x20-\x7e]*$/.test(contentType) ? contentType : ''
}
