// Frozen maps and sets: the prototypes of those that the engine froze.

function refuse(): never {
  throw new TypeError('a frozen map or set cannot be changed; make a new one')
}

class FrozenMap extends Map<unknown, unknown> {
  override set(): this {
    return refuse()
  }

  override delete(): boolean {
    return refuse()
  }

  override clear(): void {
    refuse()
  }
}

class FrozenSet extends Set<unknown> {
  override add(): this {
    return refuse()
  }

  override delete(): boolean {
    return refuse()
  }

  override clear(): void {
    refuse()
  }
}

export const frozenMapPrototype: object = FrozenMap.prototype
export const frozenSetPrototype: object = FrozenSet.prototype
