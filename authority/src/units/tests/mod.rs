//! Tests of the units. `support` has a registry over a store in memory, a CA, a directory of key
//! files and a device that can be taken away; each other file tests one promise.

mod adoption;
mod end;
mod golden;
mod model;
mod outside;
mod rollover;
mod settings;
mod states;
mod story;
mod support;
mod warnings;
