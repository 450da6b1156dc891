//! The generated messages and services, without the name of their package.

mod packages {
    ::innkeeper::include_proto!();
}

pub use packages::innkeeper::conformance::v1::*;
