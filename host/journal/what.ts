// What: a row of the store in words, by its key, for whoever is told of damage.

import type { Column } from '../storage/columns.ts'
import { DamagedBlock, DamagedValue } from '../storage/damage.ts'
import { entityOf, entityOfPrefix, expiryKeyTag, namePrefixOf, numberOf, subscriptionParts } from './keys.ts'

export interface Row {
  /** Of an entity: its storage id and key. */
  readonly storage?: number
  readonly entity?: string
  /** "record 7", "component 3f2a…". */
  readonly what: string
}

export function whatIs(column: Column, key: Buffer): Row {
  const of = ({ storage, key: entity }: { storage: number; key: string }, what: string) => ({ storage, entity, what })
  switch (column) {
    case 'journal':
      return of(entityOf(key), `record ${numberOf(key)}`)
    case 'snapshots':
      return of(entityOf(key), `the snapshot at event ${numberOf(key)}`)
    case 'bases':
      return of(entityOfPrefix(key), 'the base')
    case 'subscriptions':
      return of(entityOfPrefix(subscriptionParts(key).prefix), `the open stream ${subscriptionParts(key).id}`)
    case 'idempotency': {
      if (key[0] === expiryKeyTag) return { what: 'an expiry of an idempotency key' }
      const { prefix } = subscriptionParts(key.subarray(1))
      return of(entityOfPrefix(prefix), 'an idempotency key')
    }
    case 'outbox':
      return { what: `effect ${numberOf(key)}` }
    case 'commits': {
      const prefix = namePrefixOf(key)
      return prefix === undefined ? { what: `commit ${numberOf(key)}` } : of(entityOfPrefix(prefix), 'the name')
    }
    default:
      return { what: key.toString().replace(/([0-9a-f]{12})[0-9a-f]{52}/, '$1') }
  }
}

/** Damage is told with the row that it is in. */
export function within<T>(column: Column, key: Buffer, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DamagedValue) throw damagedIn(column, key, error)
    throw error
  }
}

/** The same value, with words for which it is. A block says by itself where it lies. */
export function damagedIn(column: Column, key: Buffer, damage: DamagedValue): DamagedValue {
  if (damage instanceof DamagedBlock) return damage
  return new DamagedValue(`${whatIs(column, key).what} in ${column}: ${damage.message}`, { cause: damage })
}
