// Meeting: two replicas, or a replica and a delta, on their way to one.
//
// M1. The one rule: a dot stays that both hold, or that one holds and the other has not seen. It is symmetric, so merging
//     commutes, associates and repeats harmlessly, at any depth.
// M2. `candidates` are the dots that the other side has seen, does not hold, and that may be here. A short list is looked up
//     in the index of a large set or map; undefined means too many to list: all is looked at.
//
// Owns: the rule, and what was learnt.   Stores own: where dots are.   Replica owns: the contexts' union afterwards.

import type { Context } from './context.ts'
import type { Dot, Dots } from './dot.ts'
import { dotsOf, listOf } from './dot.ts'
import type { Ids } from './ids.ts'

export type Candidates = readonly Dot[] | undefined

export class Meeting {
  readonly ids: Ids
  readonly mine: Context
  readonly theirs: Context
  /** Dots that came to this side, in the order they came. */
  readonly added: Dot[] = []
  /** Anything came or went. */
  news = false
  /** Bytes in memory that came, less those that went. */
  weight = 0

  constructor(ids: Ids, mine: Context, theirs: Context) {
    this.ids = ids
    this.mine = mine
    this.theirs = theirs
  }

  /** M1 for the dots of one place; answers the very `mine` where nothing changes. */
  dots(mine: Dots | undefined, theirs: Dots | undefined): Dots | undefined {
    if (mine === theirs) return mine
    if (mine === undefined && typeof theirs === 'number') return this.take(theirs) ? theirs : undefined
    if (theirs === undefined && typeof mine === 'number') return this.lose(mine) ? undefined : mine
    const [mineList, theirsList] = [listOf(mine), listOf(theirs)]
    const [mineHas, theirsHas] = [membership(mineList), membership(theirsList)]
    const kept = mineList.filter((dot) => theirsHas(dot) || !this.lose(dot))
    const taken = theirsList.filter((dot) => !mineHas(dot) && this.take(dot))
    if (taken.length === 0 && kept.length === mineList.length) return mine
    return dotsOf(kept.concat(taken))
  }

  /** M1 for dots that carry something. True if any came or went. */
  slots<T>(mine: Map<Dot, T>, theirs: ReadonlyMap<Dot, T>): boolean {
    let moved = false
    for (const dot of mine.keys()) {
      if (theirs.has(dot) || !this.lose(dot)) continue
      mine.delete(dot)
      moved = true
    }
    for (const [dot, value] of theirs) {
      if (mine.has(dot) || !this.take(dot)) continue
      mine.set(dot, value)
      moved = true
    }
    return moved
  }

  private take(dot: Dot): boolean {
    if (this.mine.has(dot)) return false
    this.added.push(dot)
    this.news = true
    return true
  }

  private lose(dot: Dot): boolean {
    if (!this.theirs.has(dot)) return false
    this.news = true
    return true
  }
}

/** Lists are short but for those that somebody made up. */
function membership(dots: readonly Dot[]): (dot: Dot) => boolean {
  if (dots.length <= 16) return (dot) => dots.includes(dot)
  const set = new Set(dots)
  return (dot) => set.has(dot)
}
