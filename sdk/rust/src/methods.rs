//! Methods: what generated code says of a service's methods besides calling them. Test kits look at it, so that they ask the
//! entity that a host would ask; in a component nothing does.

#[doc(hidden)]
pub struct Method {
    pub name: &'static str,
    pub streams: bool,
    /// Fields of the request that name the entity, in the order of their declaration.
    pub key: &'static [KeyField],
}

#[doc(hidden)]
pub struct KeyField {
    pub name: &'static str,
    pub number: u32,
    /// As descriptor.proto numbers types.
    pub kind: i32,
    pub may_be_empty: bool,
}
