// By use: things in the order of their last use, the least recently used first. A use costs a few pointers: a Map, whose order is that
// of insertion, would need to delete and insert for it.
//
// U1. Each is there once. To use one puts it behind all others; so does adding it.
// U2. A walk gives each once that was there when it began and is not used or removed before its turn comes; what is used or added
//     meanwhile lies behind, and is given again. Whatever happens between two steps, the walk goes on where it was.
// U3. A walk leaves nothing behind if it is ended: who takes steps by hand and stops early has to say so (`return`).

/** What can be put in order; its links are the order's. */
export interface Used {
  before: Used | undefined
  after: Used | undefined
}

/** Where a walk is. */
class Mark implements Used {
  before: Used | undefined = undefined
  after: Used | undefined = undefined
}

export class ByUse<T extends Used> {
  private first: Used | undefined
  private last: Used | undefined

  add(one: T): void {
    this.link(one)
  }

  /** One that is there. */
  use(one: T): void {
    if (this.last === one) return
    this.unlink(one)
    this.link(one)
  }

  /** One that is there. */
  remove(one: T): void {
    this.unlink(one)
  }

  /** The least recently used first. */
  *[Symbol.iterator](): Generator<T, undefined> {
    // Lies behind the one that was given last, which may go elsewhere meanwhile.
    const mark = new Mark()
    let laid = false
    try {
      for (let next = this.first; next !== undefined; next = mark.after) {
        if (laid) this.unlink(mark)
        this.insert(mark, next)
        laid = true
        if (!(next instanceof Mark)) yield next as T
      }
    } finally {
      if (laid) this.unlink(mark)
    }
    return undefined
  }

  private insert(one: Used, behind: Used): void {
    one.before = behind
    one.after = behind.after
    if (behind.after === undefined) this.last = one
    else behind.after.before = one
    behind.after = one
  }

  private link(one: Used): void {
    one.before = this.last
    one.after = undefined
    if (this.last === undefined) this.first = one
    else this.last.after = one
    this.last = one
  }

  private unlink(one: Used): void {
    if (one.before === undefined) this.first = one.after
    else one.before.after = one.after
    if (one.after === undefined) this.last = one.before
    else one.after.before = one.before
    one.before = undefined
    one.after = undefined
  }
}
