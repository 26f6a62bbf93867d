//! What breaks, and what is promised then: a refusal that says what to do, and nothing lost.

mod certificates;
pub(crate) mod damage;
mod full_disk;
mod held;
mod kill;
mod shutdown;
mod starting;
