//! What every test stands on: the service as a child, clients, requests, replies.
//!
//! Set-up goes through the public interface only: the command line, the HTTP API, and the files of
//! the data directory that the documents name.

pub(crate) mod admin;
pub(crate) mod certificates;
pub(crate) mod device;
pub(crate) mod holder;
pub(crate) mod house;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod ntp;
pub(crate) mod person;
pub(crate) mod pocket;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod sheet;
pub(crate) mod sms;
pub(crate) mod smtp;
pub(crate) mod token;

pub(crate) use admin::Account;
pub(crate) use device::Device;
pub(crate) use holder::{Holder, Standing};
pub(crate) use house::House;
pub(crate) use http::{Answer, Client, PROBLEM, QUERY, REPLY, basic};
pub(crate) use load::{Load, send_all};
pub(crate) use ntp::{Chrony, NtpServer};
pub(crate) use person::Person;
pub(crate) use program::{Finished, Program, environment, long, openssl};
pub(crate) use raw::{Raw, RawAnswer};
pub(crate) use service::{Config, DEMO_KEY, Service, temporary};
pub(crate) use sms::{Behaviour, Protocol, ShortMessage, SmsServer, Spool};
pub(crate) use smtp::{At, SmtpServer};
pub(crate) use token::{Reply, dotted};

/// Tries again until it holds, or until the time is up: for what the service does by itself, soon.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// An instant so many seconds from now, RFC 3339.
#[expect(clippy::disallowed_methods, reason = "a test lives in real time, as its service does")]
pub(crate) fn in_seconds(seconds: u64) -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + seconds;
    let (days, rest) = (since / 86_400, since % 86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let (year, month, day) = civil(days as i64);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date so many days after 1970-01-01 in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
