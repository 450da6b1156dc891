// Value services: the base of generated ones.
//
// V1. `update` takes the value as it is then: what is changed in the object afterwards is not stored.

import { Bytes } from './bytes'
import { Change } from './decision'
import { decode, encode, Message } from './message'
import { Kind, Service } from './service'

/** Without the type of its value: what the component calls. */
export abstract class ValueService extends Service {
  /** Of the command that is decided. */
  __change: Change = Change.Unchanged
  /** With `Change.Updated`. */
  __updated: Bytes = Bytes.empty()

  __kind(): Kind {
    return Kind.Value
  }

  abstract __load(value: Bytes | null): void
}

/** A service whose entities keep one message each. */
export abstract class Value<V extends Message> extends ValueService {
  /** Null where there is none. What a handler sees; to change it, `update` or `remove`. */
  value: V | null = null

  /** The value of the entity is this one from now on. */
  update(value: V): void {
    this.value = value
    this.__change = Change.Updated
    this.__updated = encode(value)
  }

  /** The value is deleted; it may be set again. */
  remove(): void {
    this.value = null
    this.__change = Change.Deleted
  }

  __stateType(): string | null {
    return instantiate<V>().__typeName()
  }

  __load(value: Bytes | null): void {
    this.value = null
    if (value === null) return
    const loaded = instantiate<V>()
    if (decode(loaded, value) !== null) throw new Error('these bytes are no such value')
    this.value = loaded
  }
}
