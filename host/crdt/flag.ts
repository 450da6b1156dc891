// Flag: off until enabled, then on. On as long as one dot of an enabling lives (a map entry may be removed, §map-3).
//
// F1. Enabling what is on is nothing. Disabling is legal only while it is off (§flag-1), and nothing then.

import type { Dot, Dots } from './dot.ts'
import { countOf, listOf } from './dot.ts'
import type { Edit } from './edit.ts'
import { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import { OperationError } from './operations.ts'
import type { Store } from './store.ts'

interface Plan {
  on: boolean
}

export class Flag implements Store {
  readonly kind = kind.flag
  dots: Dots | undefined

  get empty(): boolean {
    return this.dots === undefined
  }

  /** @throws OperationError */
  enable(edit: Edit, on: boolean): void {
    const plan = edit.plan<Plan>(this, () => ({ on: this.dots !== undefined }))
    if (plan.on && !on) throw new OperationError('a flag that is on cannot be switched off')
    plan.on = on
  }

  eachDot(visit: (dot: Dot) => void): void {
    listOf(this.dots).forEach(visit)
  }

  weigh(): number {
    return countOf(this.dots) * 16
  }

  join(theirs: Flag, meeting: Meeting, _candidates: Candidates): boolean {
    const before = this.dots
    this.dots = meeting.dots(before, theirs.dots)
    meeting.weight += (countOf(this.dots) - countOf(before)) * 16
    return (before === undefined) !== (this.dots === undefined)
  }

  commit(edit: Edit): Flag | undefined {
    if (this.dots !== undefined || edit.planned<Plan>(this)?.on !== true) return undefined
    const part = new Flag()
    part.dots = this.dots = edit.dot()
    edit.weight += 16
    edit.changed = true
    edit.undo.push(() => {
      this.dots = undefined
    })
    return part
  }
}
