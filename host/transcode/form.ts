// Form: JSON as `application/x-www-form-urlencoded`, the way that most APIs with forms read it:
//
//   { "a": 1, "b": { "c": true }, "tags": ["x", "y"], "items": [{ "price": "p" }] }   →   a=1&b[c]=true&tags[]=x&tags[]=y&items[0][price]=p
//
// F1. Names are percent-encoded, brackets of nesting too. `null` is an empty text. Empty lists and objects are not there: a form has no words for them.

import { ExactNumber, isObject, type Json } from './json.ts'

export function formText(json: Json): string {
  const pairs: string[] = []
  if (isObject(json)) for (const [name, value] of Object.entries(json)) add(name, value, pairs)
  else add('', json, pairs)
  return pairs.join('&')
}

function add(name: string, value: Json, pairs: string[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      add(`${name}[${isObject(item) || Array.isArray(item) ? index : ''}]`, item, pairs)
  } else if (isObject(value)) {
    for (const [inner, item] of Object.entries(value)) add(`${name}[${inner}]`, item, pairs)
  } else pairs.push(`${encoded(name)}=${encoded(textOf(value))}`)
}

function textOf(value: null | boolean | number | ExactNumber | string): string {
  if (value === null) return ''
  return value instanceof ExactNumber ? value.text : String(value)
}

/** For a form, or a query: with what `encodeURIComponent` leaves, and URL parsers do not. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
