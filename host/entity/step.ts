// Step: one thing that a turn does once it is on disk, as data. perform.ts carries steps out.

import type { Answer } from '../command.ts'
import type { EffectEntry } from '../effect.ts'
import type { InnkeeperError } from '../errors.ts'
import type { GuestSubscription } from '../guest/guest.ts'
import type { Metadata } from '../metadata.ts'
import type { Failure } from '../outcome.ts'
import type { Forward } from '../reply/forward.ts'
import type { Output } from '../reply/outputs.ts'
import type { News, Waiting } from './mailbox.ts'
import type { OpenStream } from './open-stream.ts'

/** What a decision answers its command. */
export type CommandStep =
  | { readonly waiting: Waiting; readonly kind: 'refuse'; readonly failure: Failure; readonly metadata: Metadata }
  | {
      readonly waiting: Waiting
      readonly kind: 'reply'
      readonly payload: Uint8Array
      readonly metadata: Metadata
      readonly effects: readonly EffectEntry[]
    }
  /** What a command that only reads has seen, as of this revision. */
  | {
      readonly waiting: Waiting
      readonly kind: 'show'
      readonly payload: Uint8Array
      readonly metadata: Metadata
      readonly revision: number
    }
  /** Its call stays open. */
  | {
      readonly waiting: Waiting
      readonly kind: 'defer'
      readonly ticket: string
      readonly effects: readonly EffectEntry[]
    }
  | (Forward & { readonly waiting: Waiting; readonly kind: 'forward'; readonly effects: readonly EffectEntry[] })

/** What a client hears on its stream. */
type StreamStep =
  | { readonly kind: 'tell'; readonly stream: OpenStream; readonly output: Output }
  /** Its subscription is on disk. */
  | { readonly kind: 'open'; readonly stream: OpenStream; readonly subscription: GuestSubscription }
  /** The entity ends them, well, after what was told. */
  | { readonly kind: 'finish'; readonly streams: readonly OpenStream[] }
  /** The function failed on its behalf: the client is told so, and the entity hears that it left. */
  | { readonly kind: 'cut'; readonly stream: OpenStream; readonly error: InnkeeperError }

export type Step =
  | CommandStep
  | StreamStep
  /** The command was not decided, or what was decided cannot be kept. */
  | { readonly kind: 'fail'; readonly waiting: Waiting; readonly error: InnkeeperError }
  /** Effects whose cause nobody waits for. */
  | { readonly kind: 'start'; readonly effects: readonly EffectEntry[] }
  /** All who wait for a ticket hear this. */
  | { readonly kind: 'resolve'; readonly ticket: string; readonly answer: Answer }
  /** A ticket was to be resolved that is not open. */
  | { readonly kind: 'unresolved'; readonly ticket: string }
  /** A peer's delta is on disk, or is none. */
  | { readonly kind: 'learned'; readonly news: News; readonly error: InnkeeperError | undefined }
