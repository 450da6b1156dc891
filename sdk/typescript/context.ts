// Context: all that a handler may know besides state and request.
//
// C1. Same command, same context: time and chance come with the command and are in the journal.

import type { MetadataEntry } from './decision.ts'
import type { Seed } from './random.ts'
import { Random } from './random.ts'

/** Time and chance. */
export interface Moment {
  /** Whole milliseconds since 1970, never backwards for an entity. */
  readonly now: number
  /** `now` for fields of type int64. */
  readonly nowInt64: bigint
  /** At least 0, below 1. The sequence starts anew with every command. */
  readonly random: () => number
  /** Not for secrets. */
  readonly randomBytes: (length: number) => Uint8Array
  /** A version 4 UUID. */
  readonly uuid: () => string
}

/** Of a call to an action. */
export interface CallContext extends Moment {
  /** What the caller sent along. */
  readonly metadata: Metadata
}

/** Of a command to an entity. */
export interface Context extends CallContext {
  /** The entity's key. */
  readonly entity: string
}

/** Of what happens to an entity without a command: a change that a stream is told of, a client that left. */
export interface Occasion {
  readonly entity: string
  readonly now: number
}

export interface Metadata {
  /** In order, duplicates included. */
  readonly entries: readonly MetadataEntry[]
  /** First text value of a name (any case). */
  get(name: string): string | undefined
  /** First value of a name that ends in `-bin`. */
  getBytes(name: string): Uint8Array | undefined
}

/** A command as it crosses the boundary (wit/types.wit). */
export interface WireCommand {
  readonly method: string
  readonly payload: Uint8Array
  readonly metadata: readonly WireMetadataEntry[]
  readonly nowMs: number
  readonly seed: Seed
}

export interface WireMetadataEntry {
  readonly name: string
  readonly value: { readonly tag: 'text'; readonly val: string } | { readonly tag: 'binary'; readonly val: Uint8Array }
}

/** What a context is made from: a command, or a step of a stream. */
export type Origin = Pick<WireCommand, 'nowMs' | 'seed' | 'metadata'>

/** Lazy throughout: most handlers look at none of it. */
export class CommandContext implements Context {
  /** Empty in an action, whose types do not have it. */
  readonly entity: string
  private readonly origin: Origin
  private chance: Random | undefined
  private headers: Metadata | undefined

  constructor(entity: string, origin: Origin) {
    this.entity = entity
    this.origin = origin
  }

  get now(): number {
    return this.origin.nowMs
  }

  get nowInt64(): bigint {
    return BigInt(this.origin.nowMs)
  }

  get metadata(): Metadata {
    return (this.headers ??= new CommandMetadata(this.origin.metadata.map(({ name, value }) => [name, value.val])))
  }

  // Functions that can be taken out of it: `(state, request, { uuid }) => …`.
  get random(): () => number {
    return () => this.source().fraction()
  }

  get randomBytes(): (length: number) => Uint8Array {
    return (length) => this.source().bytes(length)
  }

  get uuid(): () => string {
    return () => this.source().uuid()
  }

  private source(): Random {
    return (this.chance ??= new Random(this.origin.seed))
  }
}

export class CommandMetadata implements Metadata {
  readonly entries: readonly MetadataEntry[]

  constructor(entries: readonly MetadataEntry[]) {
    this.entries = entries
  }

  get(name: string): string | undefined {
    const value = this.find(name)
    return typeof value === 'string' ? value : undefined
  }

  getBytes(name: string): Uint8Array | undefined {
    const value = this.find(name)
    return typeof value === 'string' ? undefined : value
  }

  private find(name: string): string | Uint8Array | undefined {
    const lower = name.toLowerCase()
    return this.entries.find(([key]) => key === lower)?.[1]
  }
}
