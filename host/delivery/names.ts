// Names: which entry of the outbox has a name within its entity, from the commit that brings it on, until it is gone or another thing.
//
// Owns: the names.   outbox.ts owns: whether one can still be taken back.

import type { EffectEntry } from '../effect.ts'
import type { EntityRef } from '../journal/journal.ts'

export class Names {
  private readonly byName = new Map<string, EffectEntry>()

  add(entry: EffectEntry): void {
    if (entry.from !== undefined && entry.name !== undefined) this.byName.set(fullName(entry.from, entry.name), entry)
  }

  /** Another one may have the name by now. */
  remove({ id, from, name }: EffectEntry): void {
    if (from === undefined || name === undefined) return
    const full = fullName(from, name)
    if (this.byName.get(full)?.id === id) this.byName.delete(full)
  }

  find(entity: EntityRef, name: string): EffectEntry | undefined {
    return this.byName.get(fullName(entity, name))
  }

  clear(): void {
    this.byName.clear()
  }
}

function fullName({ storage, key }: EntityRef, name: string): string {
  return `${storage}\0${key}\0${name}`
}
