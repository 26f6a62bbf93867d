//! Tests of the holders, over a store in a map and with an argon2 that costs next to nothing.

mod addresses;
mod authorisations;
mod change;
mod devices;
mod errors;
mod fields;
mod golden;
mod history;
mod login;
mod messages;
mod otp;
mod pepper;
mod personal_data;
mod question;
mod recovery;
mod registration;
mod rules;
mod sessions;
mod states;
mod support;
mod throttling;
