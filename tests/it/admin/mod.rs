//! `/api/v1/admin/…`, and the command line that talks to it.

mod accounts;
mod bench;
mod cli;
mod stamps;
mod store;
