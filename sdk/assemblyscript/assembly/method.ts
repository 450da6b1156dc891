// Method: what generated code says of a service's methods besides calling them. Test kits look at it, so that they ask the entity
// that a host would ask; in a component nothing does.

@final
export class Method {
  /** `key`: fields of the request that name the entity, in the order of their declaration. */
  constructor(
    readonly name: string,
    readonly streams: bool,
    readonly key: KeyField[],
  ) {}
}

@final
export class KeyField {
  /** `type`: as in the .proto; an enum is an int32. */
  constructor(
    readonly name: string,
    readonly number: u32,
    readonly type: string,
    readonly mayBeEmpty: bool,
  ) {}
}
