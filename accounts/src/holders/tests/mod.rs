//! Tests of the holders, over a store in a map and with an argon2 that costs next to nothing.

mod errors;
