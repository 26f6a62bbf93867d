//! `POST /tsa`, `/tsa/key/{api_key}`, `/tsa/{tsu}`.

mod accounting;
mod bad_input;
mod contract;
mod credentials;
mod limits;
mod mutations;
mod protocol;
