//! The measuring, measured: request, glance, real check, counting, and how it ends.

mod fake;
mod load;
mod reply;
mod report;
mod template;
mod verify;
