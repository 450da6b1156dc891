// Lower: host values into guest memory (layout.ts), through the guest's own `cabi_realloc`.
//
// W1. What `cabi_realloc` answers is checked before a byte is written; it runs on the call's fuel like all guest code.
// W2. Records are addressed again after every allocation: it may have grown the memory.
// W3. Empty lists allocate nothing; their pointer is the alignment, as the ABI's own bindings do it.
//
// Owns: writing arguments.   lift.ts owns: reading answers.

import type { Metadata } from '../metadata.ts'
import type { Typed } from '../outcome.ts'
import type { Basis, GuestCommand } from './guest.ts'
import type { GuestFunction, Instance } from './instance.ts'
import { Encoder } from './interner.ts'
import { sizes } from './layout.ts'
import type { GuestMemory } from './memory.ts'

const basisCases = { initial: 0, state: 1, held: 2 } as const

export class Lower {
  readonly #instance: Instance
  readonly #memory: GuestMemory
  readonly #realloc: GuestFunction['realloc']
  readonly #encoder = new Encoder()

  constructor(instance: Instance, realloc: GuestFunction['realloc']) {
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
    const pointer = this.allocate(value.length, 1)
    if (value.length > 0) this.#memory.bytes.set(value, pointer)
    return pointer
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
        return [basisCases.held, basis.token, 0]
    }
  }

  /** Pointer to the list of commands. */
  commands(commands: readonly GuestCommand[]): number {
    const base = this.allocate(commands.length * sizes.command, 8)
    let at = base
    for (const command of commands) {
      this.#textAt(at, command.method)
      this.#bytesAt(at + 8, command.payload)
      this.#metadataAt(at + 16, command.metadata)
      const words = this.#memory.words
      words.setFloat64(at + 24, command.nowMs, true)
      // The seed's bytes are its four words, little-endian.
      this.#memory.bytes.set(command.seed, at + 32)
      at += sizes.command
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

  #textAt(at: number, text: string): void {
    this.#bytesAt(at, this.#encoder.encode(text))
  }

  #bytesAt(at: number, bytes: Uint8Array): void {
    const pointer = this.bytes(bytes)
    this.#pairAt(at, pointer, bytes.length)
  }

  #metadataAt(at: number, metadata: Metadata): void {
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
    this.#pairAt(at, base, metadata.length)
  }

  #pairAt(at: number, pointer: number, length: number): void {
    const words = this.#memory.words
    words.setUint32(at, pointer, true)
    words.setUint32(at + 4, length, true)
  }
}
