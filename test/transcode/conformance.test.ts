// Guards JSON against what protobuf's conformance suite wants of it, case by case (conformance.ts).

import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { WireError } from '../../host/schema/wire.ts'
import type { Json } from '../../host/transcode/json.ts'
import { JsonError, parseJson } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { TranscodeError, toMessage } from '../../host/transcode/to-message.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { refused, skipped, taken, unspeakable } from './conformance.ts'

const folder = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const { schema } = await compileProtos({
  ...readProject(folder('guests/every-type')),
  proto: folder('transcode'),
  files: ['suite.proto'],
})
const all = schema.messages.get('test.suite.v1.AllTypes')!
const encode = (json: string) => toMessage(schema, all, parseJson(json))
const bytesOf = (hex: string) => Buffer.from(hex.slice(2), 'hex')

const Suite = suite("protobuf's cases for JSON")

for (const [name, json, expected] of taken)
  Suite(`${name} is taken, and means what it says`, () => {
    const text = toJson(schema, all, encode(json))
    if (expected.startsWith('0x')) assert.is(text, toJson(schema, all, bytesOf(expected)))
    else {
      const back = JSON.parse(text) as { [name: string]: Json }
      for (const [member, value] of Object.entries(JSON.parse(expected))) assert.equal(back[member] ?? null, value)
    }
  })

for (const [name, json] of refused)
  Suite(`${name} is refused`, () => {
    try {
      encode(json)
    } catch (error) {
      assert.ok(error instanceof TranscodeError || error instanceof JsonError, String(error))
      return
    }
    assert.unreachable(json)
  })

for (const [name, bytes] of unspeakable)
  Suite(`${name} has no JSON`, () => {
    assert.throws(
      () => toJson(schema, all, Buffer.from(bytes, 'hex')),
      (error: Error) => error instanceof WireError,
    )
  })

Suite('each case is tried, or left out for a reason', () => {
  const names = [...taken, ...refused, ...unspeakable, ...skipped].map(([name]) => name)
  assert.equal(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
  for (const [name, reason] of skipped) assert.ok(reason.includes(' '), name)
})

const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`

for (const [name, open, close, member] of [
  ['StructDeepNesting', '{"n":', '}', 'optionalStruct'],
  ['ListValueDeepNesting', '[', ']', 'optionalValue'],
  ['ValueDeepNesting', '{"n":', '}', 'optionalValue'],
] as const) {
  const of = (depth: number) => `{"${member}":${nested(depth, open, close)}}`
  Suite(`${name}25 is taken, and ${name}200 is refused`, () => {
    assert.equal(JSON.parse(toJson(schema, all, encode(of(25))))[member], JSON.parse(of(25))[member])
    assert.throws(
      () => encode(of(200)),
      (error: Error) => error instanceof TranscodeError,
    )
  })
}

const url = 'type.googleapis.com/test.suite.v1.AllTypes'

for (const [name, json] of [
  ['Any', `{"@type":"${url}","optionalInt32":12345}`],
  ['AnyNested', `{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"${url}","optionalInt32":12345}}`],
  ['AnyUnorderedTypeTag', `{"optionalInt32":12345,"@type":"${url}"}`],
] as const)
  Suite(`${name} is taken, and comes back`, () => {
    const { optionalAny } = JSON.parse(toJson(schema, all, encode(`{"optionalAny":${json}}`)))
    const inner = name === 'AnyNested' ? optionalAny.value : optionalAny
    assert.equal([inner['@type'], inner.optionalInt32], [url, 12345])
  })

Suite.run()
