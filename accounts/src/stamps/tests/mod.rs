//! Tests of the stamps. `support` builds accounts and tokens; each file tests one promise.

mod basics;
mod support;
