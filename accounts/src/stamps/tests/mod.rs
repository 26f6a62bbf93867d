//! Tests of the stamps. `support` builds accounts and tokens, `model` is the arithmetic that they
//! are compared with; each other file tests one promise.

mod administration;
mod basics;
mod cache;
mod concurrency;
mod draw;
mod expiry;
mod faults;
mod generated;
mod golden;
mod model;
mod pairs;
mod properties;
mod retries;
mod size;
mod statements;
mod support;
