// Peer: a system that is measured: what it is, and how it is started on a directory, and again after a kill.

import type { Server } from './processes.ts'

/** What is asked of all: adding one to a counter, or storing a text and counting that. */
export type Work = 'counter' | 'notes'

/** How a work is asked for, with `KEY` in the path. The answer to `read` is JSON with the number in `value`, and the text in `text`. */
export interface Asking {
  readonly write: string
  readonly read: { readonly method: 'GET' | 'POST'; readonly path: string }
}

export interface Running {
  readonly port: number
  readonly servers: readonly Server[]
  /** The one that keeps the state: `kill -9` is for it. */
  readonly keeper: Server
}

export interface Peer {
  /** Of its column. */
  readonly name: string
  /** Columns are compared to the floor, and to the better of the others. */
  readonly role: 'floor' | 'own' | 'other'
  readonly version: string
  /** What has happened when it answers. */
  readonly durability: string
  readonly asking: Readonly<Partial<Record<Work, Asking>>>
  /** Takes many commands on one connection. */
  readonly pipelined: boolean
  /** On an empty directory, ready for commands. */
  start(directory: string): Promise<Running>
  /** On the directory of what was killed. Without it, a peer cannot read what it has written. */
  readonly startAgain?: (directory: string, killed: Running) => Promise<Running>
}

/** A peer that this machine cannot run, and why. */
export interface Missing {
  readonly name: string
  readonly why: string
}

export const everyWork = ['counter', 'notes'] as const satisfies readonly Work[]
