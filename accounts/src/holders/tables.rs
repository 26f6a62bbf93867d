//! The tables of the holders. Stored state: numbers and forms of keys are never changed.
//!
//! Instants in keys are milliseconds since the Unix epoch, eight bytes, big-endian.

use store::Table;

/// Holder (u64, big-endian) → holder record.
pub const HOLDER: Table = Table::new(8, "holder");
/// User ID in lower case → holder (u64, big-endian).
pub const HOLDER_BY_EMAIL: Table = Table::new(9, "holder-by-email");
/// Registration (u64, big-endian) → registration record; `e`, address in lower case → the waiting
/// request of that address.
pub const REGISTRATION: Table = Table::new(10, "registration");
/// Credential → signing credential record.
pub const SIGNING_CREDENTIAL: Table = Table::new(11, "signing-credential");
/// Credential, version → wraps of its signing key.
pub const SIGNING_KEY: Table = Table::new(12, "signing-key");
/// `next-…`, `net` and a network, or a letter and what is counted → counter (see `counters`).
pub const COUNTER: Table = Table::new(13, "holder-counter");
/// Operation → one-time code record; `h`, holder, purpose → the newest operation.
pub const OTP_CHALLENGE: Table = Table::new(14, "otp-challenge");
/// A letter and a keyed hash of what is limited → how much of it was used.
pub const OTP_LIMIT: Table = Table::new(15, "otp-limit");
/// Holder → the authenticator app; `e`, holder → one that waits for its first code.
pub const TOTP: Table = Table::new(22, "totp");
/// SHA-256 of a session token → session record; `h`, holder, session → SHA-256 of its token.
pub const SESSION: Table = Table::new(23, "session");
/// SHA-256 of a device token → device record; `h`, holder, device → SHA-256 of its token.
pub const DEVICE: Table = Table::new(24, "device");
/// QR login → its record.
pub const QR_LOGIN: Table = Table::new(25, "qr-login");
/// SHA-256 of a link's token → link record; `h`, holder, purpose → SHA-256 of the newest token.
pub const LINK: Table = Table::new(26, "link");
/// Credential → renewal record.
pub const RENEWAL: Table = Table::new(27, "renewal");
/// Holder → change of the phone number under way.
pub const PHONE_CHANGE: Table = Table::new(28, "phone-change");
/// Holder, instant, number → history entry.
pub const HISTORY: Table = Table::new(29, "history");
/// Message (u64, big-endian) → outgoing message record; `h`, holder, message → nothing; `m` for
/// mails or `t` for texts, instant, message → nothing, for what there is something to do about
/// then; `g`, half a hash of a gateway's name for it → message; `s`, day, holder → the signatures
/// of that day.
pub const MESSAGE: Table = Table::new(30, "message");
/// `0`, SHA-256 of an authorisation's bearer → its record; by credential and by end (see
/// `authorisations`).
pub const AUTHORISATION: Table = Table::new(31, "authorisation");
/// Holder → the stamp account that is linked; `a`, account, holder → nothing.
pub const STAMP_LINK: Table = Table::new(32, "holder-stamp-account");
