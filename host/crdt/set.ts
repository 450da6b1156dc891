// Element set: GSet and ORSet. An element is there as long as one of the dots of its insertions lives.
//
// S1. Elements are bytes, held as strings of one character a byte: they compare and sort as the bytes do.
// S2. Inserting what is there, and removing what is not, is nothing; so is any walk of one command back to where it began
//     (insert and remove of a new one, remove and insert of an old one, clear and insert all again).
// S3. A removal covers the dots it saw: a concurrent insertion has another one, and wins.
// S4. A command, or a delta, about one element costs one element, however many there are.

import type { Dot, Dots } from './dot.ts'
import { countOf, listOf } from './dot.ts'
import { DotIndex, walkedMax } from './dot-index.ts'
import type { Edit } from './edit.ts'
import type { kind } from './kind.ts'
import type { Candidates, Meeting } from './meeting.ts'
import type { Store } from './store.ts'
import { Table } from './table.ts'

interface Plan {
  cleared: boolean
  /** What the command says of an element last: that it is there, or not. */
  readonly says: Map<string, boolean>
}

export class ElementSet implements Store {
  readonly kind: typeof kind.gSet | typeof kind.orSet
  elements = new Table<Dots>()
  private index: DotIndex | undefined

  constructor(of: ElementSet['kind']) {
    this.kind = of
  }

  get empty(): boolean {
    return this.elements.size === 0
  }

  insert(edit: Edit, element: string): void {
    this.plan(edit).says.set(element, true)
  }

  remove(edit: Edit, element: string): void {
    this.plan(edit).says.set(element, false)
  }

  clear(edit: Edit): void {
    const plan = this.plan(edit)
    plan.cleared = true
    plan.says.clear()
  }

  eachDot(visit: (dot: Dot) => void): void {
    this.elements.each((_element, dots) => {
      if (typeof dots === 'number') visit(dots)
      else dots.forEach(visit)
    })
  }

  weigh(): number {
    let weight = 0
    this.elements.each((element, dots) => {
      weight += weightOf(element, dots)
    })
    return weight
  }

  join(theirs: ElementSet, meeting: Meeting, candidates: Candidates): boolean {
    let changed = this.joinMissing(theirs, meeting, candidates)
    theirs.elements.each((element, dots) => {
      changed = this.meet(element, this.elements.get(element), dots, meeting) || changed
    })
    return changed
  }

  commit(edit: Edit): ElementSet | undefined {
    const plan = edit.planned<Plan>(this)
    if (plan === undefined) return undefined
    const touched = edit.added.length + edit.dropped.length
    if (plan.cleared) this.commitClear(edit, plan)
    const part = new ElementSet(this.kind)
    for (const [element, there] of plan.says) {
      const dots = this.elements.get(element)
      if (there === (dots !== undefined)) continue
      if (dots === undefined) part.elements.add(element, this.commitInsert(edit, element))
      else this.commitRemove(edit, element, dots)
    }
    if (edit.added.length + edit.dropped.length === touched) return undefined
    edit.changed = true
    return part
  }

  /** What is here and not there; before the rest, which would be looked at again. */
  private joinMissing(theirs: ElementSet, meeting: Meeting, candidates: Candidates): boolean {
    let changed = false
    if (candidates?.length === 0) return changed
    if (candidates === undefined || this.elements.size <= Math.max(walkedMax, candidates.length)) {
      this.elements.each((element, dots) => {
        // Most often the other side has not seen the dot: asking for that first saves looking the element up there.
        if (typeof dots === 'number' && !meeting.theirs.has(dots)) return
        if (!theirs.elements.has(element)) changed = this.meet(element, dots, undefined, meeting) || changed
      })
    } else {
      for (const element of this.indexed().group(candidates).keys()) {
        if (theirs.elements.has(element)) continue
        changed = this.meet(element, this.elements.get(element), undefined, meeting) || changed
      }
    }
    return changed
  }

  private plan(edit: Edit): Plan {
    return edit.plan<Plan>(this, () => ({ cleared: false, says: new Map() }))
  }

  /** The elements that are cleared and not inserted again go; the walk over them is one that the delta needs anyway. */
  private commitClear(edit: Edit, plan: Plan): void {
    const before = this.elements
    this.elements = new Table()
    edit.undo.push(() => {
      this.elements = before
    })
    before.each((element, dots) => {
      if (plan.says.get(element) === true) this.elements.add(element, dots)
      else {
        edit.drop(dots)
        edit.weight -= weightOf(element, dots)
      }
    })
  }

  private commitInsert(edit: Edit, element: string): Dot {
    const dot = edit.dot()
    this.elements.add(element, dot)
    this.indexDot(dot, element)
    edit.weight += weightOf(element, dot)
    edit.undo.push(() => this.elements.remove(element))
    return dot
  }

  private commitRemove(edit: Edit, element: string, dots: Dots): void {
    this.elements.remove(element)
    edit.drop(dots)
    edit.weight -= weightOf(element, dots)
    edit.undo.push(() => this.elements.add(element, dots))
  }

  /** One element, as it is here and on the other side; undefined: it is not. */
  private meet(element: string, before: Dots | undefined, theirs: Dots | undefined, meeting: Meeting): boolean {
    if (before === theirs) return false
    const came = meeting.added.length
    const after = meeting.dots(before, theirs)
    if (after === before) return false
    if (after === undefined) this.elements.remove(element)
    else if (before === undefined) this.elements.add(element, after)
    else this.elements.replace(element, after)
    if (this.index !== undefined) {
      for (let at = came; at < meeting.added.length; at++) this.indexDot(meeting.added[at]!, element)
    }
    meeting.weight += weightOf(element, after) - weightOf(element, before)
    return (before === undefined) !== (after === undefined)
  }

  private indexDot(dot: Dot, element: string): void {
    this.index?.add(dot, element)
    if (this.index?.full) this.index = undefined
  }

  private indexed(): DotIndex {
    if (this.index !== undefined) return this.index
    const keys = new Map<Dot, string>()
    this.elements.each((element, dots) => {
      for (const dot of listOf(dots)) keys.set(dot, element)
    })
    this.index = new DotIndex(keys)
    return this.index
  }
}

function weightOf(element: string, dots: Dots | undefined): number {
  return dots === undefined ? 0 : 64 + element.length + 16 * countOf(dots)
}
