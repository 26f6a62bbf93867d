//! The store as its callers see it, on a real disk.

mod disk_store;
