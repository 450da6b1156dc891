// Pace: how long the disk takes for a sync, and whether commits wait for it on the loop or aside (aside.ts).
//
// P1. A moving figure, by syncs alone: time in which nothing is written says nothing of the disk.
// P2. It leaves the loop above one figure and returns below a lower one, so that a disk between the two changes nothing.
// P3. One sync that took eight times what is slow is enough to leave; to return takes many quick ones.
//
// Owns: measuring and the choice.   rocksdb.ts owns: where a commit is written.

/** Above this the loop does not wait for a sync. Quicker ones cost less than the ways to a thread and back, on a busy machine most of all:
 *  decision 0029. In milliseconds. */
export const slowMs = 10
/** Below this it waits again. */
export const quickMs = 5
/** What the newest sync counts for in the moving figure. */
const weight = 1 / 8
/** A commit may wait for others for this part of a sync, and for no longer than so many milliseconds. */
const gatherPart = 1 / 4
const gatherMsMax = 25

export class Pace {
  /** Of one sync, in milliseconds. */
  movingMs = 0
  /** Syncs are slow: commits are written aside. */
  slow = false
  syncs = 0
  seconds = 0
  /** Commits that were written aside. */
  aside = 0
  private readonly changed: (slow: boolean, movingMs: number) => void

  constructor(changed: (slow: boolean, movingMs: number) => void = () => {}) {
    this.changed = changed
  }

  measured(ms: number): void {
    this.syncs += 1
    this.seconds += ms / 1000
    this.movingMs += (ms - this.movingMs) * weight
    if (this.movingMs > slowMs) this.turn(true)
    else if (this.movingMs < quickMs) this.turn(false)
  }

  /** How long the next commit is worth holding back, once one has ended, so that those who were answered can join it. */
  get gatherMs(): number {
    return this.slow ? Math.min(this.movingMs * gatherPart, gatherMsMax) : 0
  }

  private turn(slow: boolean): void {
    if (this.slow === slow) return
    this.slow = slow
    this.changed(slow, this.movingMs)
  }
}
