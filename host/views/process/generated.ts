// Generated: messages that nobody wrote, of any type, so that a query is tried on rows before there are any. The same ones each time.
//
// Owns: what they are.   check.ts owns: what is tried.

import type { Field, FieldType, MessageType, ScalarType } from '../../schema/schema.ts'
import { wireType } from '../../schema/wire.ts'
import { Sink } from '../../transcode/sink.ts'
import { wireTypeOf } from '../../transcode/to-message.ts'
import { durationType, timestampType } from '../columns.ts'

/** Numbers up to nine, or all that their types hold. */
export type Spread = 'small' | 'all'

const depthMax = 3
/** Of a message: past it, parts of it have no fields. Types that contain themselves would have no end of them. */
const bytesMax = 4_096
/** Whose JSON has rules that bytes without plan break. */
const unplanned = ['FieldMask', 'Struct', 'Value', 'ListValue', 'Any'].map((name) => `google.protobuf.${name}`)

export class Generator {
  private state: number
  private readonly spread: Spread
  private sink = new Sink()

  constructor(seed: number, spread: Spread) {
    this.state = seed
    this.spread = spread
  }

  message(type: MessageType): Uint8Array {
    this.sink = new Sink()
    this.fields(type, 0)
    return this.sink.finish()
  }

  private fields(type: MessageType, depth: number): void {
    if (type.fullName === timestampType || type.fullName === durationType) {
      this.tag(1, wireType.varint)
      this.sink.varint(this.below(2 ** 31))
      return
    }
    if (unplanned.includes(type.fullName) || (depth > 0 && this.sink.size > bytesMax)) return
    const oneofs = new Set<string>()
    for (const field of type.fields) {
      if (field.oneof !== undefined && oneofs.has(field.oneof)) continue
      // A key that is there twice would leave one row.
      if (field.column?.key !== true && this.below(4) === 0) continue
      if (field.oneof !== undefined) oneofs.add(field.oneof)
      this.field(field, depth)
    }
  }

  private field({ type, number, repeated }: Field, depth: number): void {
    if (type.kind === 'message' && depth >= depthMax) return
    if (type.kind === 'map') {
      if (type.value.kind === 'message' && depth >= depthMax) return
      this.tag(number, wireType.bytes)
      const start = this.sink.open()
      this.value(1, { kind: 'scalar', scalar: type.key }, depth)
      this.value(2, type.value, depth)
      this.sink.close(start)
      return
    }
    for (let left = repeated ? this.below(3) : 1; left > 0; left--) this.value(number, type, depth)
  }

  private value(number: number, type: FieldType, depth: number): void {
    this.tag(number, wireTypeOf(type))
    if (type.kind === 'message') {
      const start = this.sink.open()
      this.fields(type.message, depth + 1)
      this.sink.close(start)
    } else if (type.kind === 'enum') {
      const numbers = [...type.enum.byNumber.keys()]
      this.sink.varint64(BigInt(numbers[this.below(numbers.length)]!))
    } else if (type.kind === 'scalar') this.scalar(type.scalar)
  }

  private scalar(type: ScalarType): void {
    if (type === 'string') this.sink.string(`text ${this.below(1_000_000)}`)
    else if (type === 'bytes') this.sink.view(Uint8Array.of(this.below(256), this.below(256)))
    else if (type === 'bool') this.sink.varint(this.below(2))
    else if (type === 'double') this.sink.double(this.below(1_000) / 8)
    else if (type === 'float') this.sink.float(this.below(1_000) / 8)
    else if (type === 'fixed32' || type === 'sfixed32') this.sink.fixed32(Number(this.whole(32n)))
    else if (type === 'fixed64' || type === 'sfixed64') this.sink.fixed64(this.whole(64n))
    else if (type === 'int32') this.sink.varint64(BigInt.asIntN(32, this.whole(32n)))
    else this.sink.varint64(this.whole(type.endsWith('64') ? 64n : 32n))
  }

  private whole(bits: bigint): bigint {
    if (this.spread === 'small') return BigInt(this.below(10))
    const all = (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32))
    return BigInt.asUintN(Number(bits), all)
  }

  private tag(number: number, wire: number): void {
    this.sink.varint((number << 3) | wire)
  }

  /** Xorshift. */
  private below(end: number): number {
    let { state } = this
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.state = state
    return Math.floor(((state >>> 0) / 2 ** 32) * end)
  }
}
