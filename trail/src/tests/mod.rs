//! Tests of the trail: its bounds, its records, its chain, its pages, and what its check finds.

mod chain;
mod events;
mod faults;
mod golden;
mod pages;
mod support;
