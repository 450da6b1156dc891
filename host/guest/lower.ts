// Lower: host values into guest memory (layout.ts), through the guest's own `cabi_realloc`.
//
// W1. What `cabi_realloc` answers is checked before a byte is written; it runs on the call's fuel like all guest code.
// W2. Records are addressed again after every allocation: it may have grown the memory.
// W3. Empty lists allocate nothing; their pointer is the alignment, as the ABI's own bindings do it.
// W4. Long bytes bring fuel along for those who have to read them; short ones are what a command's own fuel is for. A long state
//     that the guest holds brings as much as its bytes would.
//
// Owns: writing arguments.   lift.ts owns: reading answers.

import type { Metadata } from '../metadata.ts'
import type { Typed } from '../outcome.ts'
import type { Basis, GuestCommand, GuestSubscription, RowPut, StreamInput, ValueBasis, ViewChange } from './guest.ts'
import type { GuestFunction, Instance } from './instance.ts'
import { Encoder } from './interner.ts'
import { sizes } from './layout.ts'
import type { GuestMemory } from './memory.ts'

/** Bytes of one value from which on it brings fuel. */
export const longBytes = 4_096

const basisCases = { initial: 0, state: 1, held: 2 } as const
/** The three flat values of no principal: callers are not known yet. */
const nobody = [0, 0, 0] as const
const whatCases = { event: 0, updated: 1, deleted: 2 } as const
const inputCases = { start: 0, item: 1, end: 2, cancelled: 3 } as const

export class Lower {
  readonly #instance: Instance
  readonly #memory: GuestMemory
  readonly #realloc: GuestFunction['realloc']
  readonly #encoder = new Encoder()
  readonly #fuelPerByte: number

  constructor(instance: Instance, realloc: GuestFunction['realloc'], fuelPerByte: number) {
    this.#fuelPerByte = fuelPerByte
    this.#instance = instance
    this.#memory = instance.memory
    this.#realloc = realloc
  }

  /** @throws GuestFault */
  allocate(size: number, align: number): number {
    if (size === 0) return align
    const pointer = this.#instance.call(this.#realloc, 0, 0, align, size)
    this.#memory.check(pointer, 1, size, align)
    return pointer
  }

  bytes(value: Uint8Array): number {
    this.pay(value.length)
    const pointer = this.allocate(value.length, 1)
    if (value.length > 0) this.#memory.bytes.set(value, pointer)
    return pointer
  }

  /** Fuel for so many bytes of one value, if they are many (W4). */
  pay(bytes: number): void {
    if (bytes >= longBytes) this.#instance.grant(bytes * this.#fuelPerByte)
  }

  /** Pointer and length of a text. */
  text(value: string): readonly [pointer: number, length: number] {
    const encoded = this.#encoder.encode(value)
    return [this.bytes(encoded), encoded.length]
  }

  /** The three flat values of a basis. */
  basis(basis: Basis): readonly [number, number, number] {
    switch (basis.kind) {
      case 'initial':
        return [basisCases.initial, 0, 0]
      case 'state':
        return [basisCases.state, this.bytes(basis.bytes), basis.bytes.length]
      case 'held':
        // It does not come in, but what is said of it goes out.
        this.pay(basis.sizeMax ?? 0)
        return [basisCases.held, basis.token, 0]
    }
  }

  /** The three flat values of a value's basis. */
  valueBasis(basis: ValueBasis): readonly [number, number, number] {
    if (basis.kind === 'absent') return [0, 0, 0]
    return this.basis(basis.kind === 'value' ? { kind: 'state', bytes: basis.bytes } : basis)
  }

  /** Pointer to the list of commands. */
  commands(commands: readonly GuestCommand[]): number {
    const base = this.allocate(commands.length * sizes.command, 8)
    let at = base
    for (const command of commands) {
      this.#commandAt(at, command)
      at += sizes.command
    }
    return base
  }

  /** The fourteen flat values of one command. */
  flatCommand({ method, payload, metadata, nowMs, seed }: GuestCommand): readonly number[] {
    const [methodPointer, methodLength] = this.text(method)
    const payloadPointer = this.bytes(payload)
    const list = this.#metadata(metadata)
    return [
      ...[methodPointer, methodLength, payloadPointer, payload.length, list, metadata.length, nowMs],
      ...this.flatSeed(seed),
      ...nobody,
    ]
  }

  /** The four flat values of a seed: its bytes as words, little-endian. */
  flatSeed(seed: Uint8Array): readonly number[] {
    const words = new DataView(seed.buffer, seed.byteOffset, 16)
    return [0, 4, 8, 12].map((at) => words.getInt32(at, true))
  }

  /** Pointer to the parameters of replicated's decide, or of its render, which has a note besides. */
  decideTuple(
    size: number,
    service: string,
    entity: string,
    view: Uint8Array,
    command: GuestCommand,
    note?: Uint8Array,
  ): number {
    const base = this.allocate(size, 8)
    this.#textAt(base, service)
    this.#textAt(base + 8, entity)
    this.#bytesAt(base + 16, view)
    this.#commandAt(base + 24, command)
    if (note !== undefined) this.#bytesAt(base + 88, note)
    return base
  }

  /** Pointer to the list of subscriptions. */
  subscriptions(subscriptions: readonly GuestSubscription[]): number {
    const base = this.allocate(subscriptions.length * sizes.subscription, 4)
    let at = base
    for (const { id, method, note } of subscriptions) {
      this.#textAt(at, id)
      this.#textAt(at + 8, method)
      this.#bytesAt(at + 16, note)
      at += sizes.subscription
    }
    return base
  }

  /** Pointer to the list of a stream's inputs. */
  inputs(inputs: readonly StreamInput[]): number {
    const base = this.allocate(inputs.length * sizes.input, 4)
    let at = base
    for (const input of inputs) {
      this.#memory.words.setUint8(at, inputCases[input.kind])
      if (input.kind === 'start') this.#metadataAt(at + 4, input.metadata)
      else if (input.kind === 'item') this.#bytesAt(at + 4, input.payload)
      at += sizes.input
    }
    return base
  }

  /** Pointer to the list of events. */
  events(events: readonly Typed[]): number {
    const base = this.allocate(events.length * sizes.typed, 4)
    let at = base
    for (const event of events) {
      this.#textAt(at, event.typeName)
      this.#bytesAt(at + 8, event.data)
      at += sizes.typed
    }
    return base
  }

  /** Pointer to the list of changes that a view takes. */
  viewChanges(changes: readonly ViewChange[]): number {
    const base = this.allocate(changes.length * sizes.viewChange, 8)
    let at = base
    for (const { service, entity, sequence, atMs, what, keys } of changes) {
      this.#textAt(at, service)
      this.#textAt(at + 8, entity)
      this.#memory.words.setFloat64(at + 16, sequence, true)
      this.#memory.words.setFloat64(at + 24, atMs, true)
      this.#memory.words.setUint8(at + 32, whatCases[what.kind])
      if (what.kind !== 'deleted') {
        this.#textAt(at + 36, what.typeName)
        this.#bytesAt(at + 44, what.data)
      }
      const list = this.#texts(keys)
      this.#pairAt(at + 52, list, keys.length)
      at += sizes.viewChange
    }
    return base
  }

  /** Pointer to the list of rows. */
  rows(rows: readonly RowPut[]): number {
    const base = this.allocate(rows.length * sizes.put, 4)
    let at = base
    for (const { key, row } of rows) {
      this.#textAt(at, key)
      this.#memory.words.setUint8(at + 8, row === undefined ? 0 : 1)
      if (row !== undefined) this.#bytesAt(at + 12, row)
      at += sizes.put
    }
    return base
  }

  #texts(texts: readonly string[]): number {
    const base = this.allocate(texts.length * sizes.list, 4)
    for (const [index, text] of texts.entries()) this.#textAt(base + index * sizes.list, text)
    return base
  }

  #commandAt(at: number, command: GuestCommand): void {
    this.#textAt(at, command.method)
    this.#bytesAt(at + 8, command.payload)
    this.#metadataAt(at + 16, command.metadata)
    this.#memory.words.setFloat64(at + 24, command.nowMs, true)
    // The seed's bytes are its four words, little-endian.
    this.#memory.bytes.set(command.seed, at + 32)
    this.#memory.words.setUint8(at + 48, 0)
  }

  #textAt(at: number, text: string): void {
    this.#bytesAt(at, this.#encoder.encode(text))
  }

  #bytesAt(at: number, bytes: Uint8Array): void {
    const pointer = this.bytes(bytes)
    this.#pairAt(at, pointer, bytes.length)
  }

  #metadataAt(at: number, metadata: Metadata): void {
    const base = this.#metadata(metadata)
    this.#pairAt(at, base, metadata.length)
  }

  #metadata(metadata: Metadata): number {
    const base = this.allocate(metadata.length * sizes.metadataEntry, 4)
    let entryAt = base
    for (const [name, value] of metadata) {
      this.#textAt(entryAt, name)
      const text = typeof value === 'string'
      this.#memory.words.setUint8(entryAt + 8, text ? 0 : 1)
      if (text) this.#textAt(entryAt + 12, value)
      else this.#bytesAt(entryAt + 12, value)
      entryAt += sizes.metadataEntry
    }
    return base
  }

  #pairAt(at: number, pointer: number, length: number): void {
    const words = this.#memory.words
    words.setUint32(at, pointer, true)
    words.setUint32(at + 4, length, true)
  }
}
