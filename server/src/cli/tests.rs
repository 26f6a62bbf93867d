//! The command line against a service that gives canned answers: what is asked, what is printed,
//! and how a refusal reads.

mod ca;
mod enroll;
mod fake;
mod holder;
mod parsing;
mod refusals;
mod stores;
mod tables;
mod talking;
mod time_and_trail;
mod units;
