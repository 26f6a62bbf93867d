//! The discipline in a simulated world, through every state and every way between them.

mod bound;
mod kernel;
mod leap;
mod servers;
mod states;
mod world;
