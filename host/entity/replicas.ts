// Replicas: this host among those that hold the same replicated entities. What a cluster plugs into; alone by default.
//
// P1. Deltas go out after their commit, in its order: nobody hears of what could still be lost.
// P2. Deltas come in through the entity's mailbox: journaled, told to subscribers, and not sent on.
//
// Owns: the hook.   Entities own: delivery.   host/crdt owns: what a delta is.

import type { ReplicaId } from '../crdt/replica.ts'

/** Told of every delta that this host made: whose, and the bytes of host/crdt. */
type DeltaListener = (service: string, key: string, delta: Uint8Array) => void

export class Replicas {
  /** (data directory, incarnation): no two replicas ever have the same (§replica-7). */
  readonly self: ReplicaId
  /** Hosts that are up, this one among them: who is asked for a vote. */
  members: readonly ReplicaId[]
  private readonly listeners: DeltaListener[] = []

  constructor(self: ReplicaId) {
    this.self = self
    this.members = [self]
  }

  onDelta(listener: DeltaListener): void {
    this.listeners.push(listener)
  }

  publish(service: string, key: string, delta: Uint8Array): void {
    for (const listener of this.listeners) listener(service, key, delta)
  }
}
