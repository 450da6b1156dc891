//! The service that runs a definition, of any kind: each kind's module says how.

use std::marker::PhantomData;

#[doc(hidden)]
pub struct Running<D>(PhantomData<fn() -> D>);

impl<D> Running<D> {
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Running(PhantomData)
    }
}
