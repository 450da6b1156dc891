// Named: entities that commits name, and those whose commits are trimmed. For whoever looks at damage: records that cannot be read do not say
// whose they are.
//
// Owns: reading past what is damaged itself.   trimming.ts owns: what stays of trimmed commits.   doctor/ owns: what is told.

import type { EntityRef } from '../journal/journal.ts'
import { commitKey, nameKey, namePrefixOf, numberOf } from '../journal/keys.ts'
import { decodeCommit } from '../journal/record.ts'
import { after } from '../storage/columns.ts'
import { DamagedValue } from '../storage/damage.ts'
import type { Kv } from '../storage/kv.ts'
import { walk } from '../storage/walk.ts'

interface Named {
  readonly entity: EntityRef
  /** `undefined`: it had some; which of them is not known any more. */
  readonly revision: number | undefined
}

export function* named(part: Pick<Kv, 'range'>): Generator<Named, undefined> {
  const range = { column: 'commits', from: commitKey(0), to: after(nameKey(Buffer.alloc(0))), rowsMax: 256 } as const
  for (const step of walk(part, range)) {
    if (step.kind === 'gap') continue
    for (let at = 0; at < step.rows.length; at += 2) {
      const key = step.rows[at]!
      const trimmed = namePrefixOf(key) !== undefined
      for (const { entity, revision } of wroteOf(key, step.rows[at + 1]!))
        yield { entity, revision: trimmed ? undefined : revision }
    }
  }
  return undefined
}

function wroteOf(key: Buffer, value: Buffer) {
  try {
    return decodeCommit(numberOf(key), value).wrote
  } catch (error) {
    if (error instanceof DamagedValue) return []
    throw error
  }
}
