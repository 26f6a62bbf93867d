//! Tests of the holders, over a store in a map and with an argon2 that costs next to nothing.

mod addresses;
mod authorisations;
mod change;
mod delivery;
mod devices;
mod errors;
mod fields;
mod golden;
mod history;
mod login;
mod messages;
mod otp;
mod otp_limits;
mod pepper;
mod personal_data;
mod question;
mod recovery;
mod registration;
mod rules;
mod sessions;
mod sms_text;
mod states;
mod support;
mod throttling;
mod totp;
