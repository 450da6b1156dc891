// Positions: where among the fields of its message a field stands, without looking at the others.

import type { Field, MessageType } from './schema.ts'

/** Few fields are looked through faster than a map. */
const fewFields = 16

const maps = new WeakMap<MessageType, ReadonlyMap<Field, number>>()

export function positionOf(type: MessageType, field: Field): number {
  if (type.fields.length <= fewFields) return type.fields.indexOf(field)
  let map = maps.get(type)
  if (map === undefined) {
    map = new Map(type.fields.map((one, at) => [one, at]))
    maps.set(type, map)
  }
  return map.get(field)!
}
