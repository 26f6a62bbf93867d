//! The values of a configuration: ranges, names, and what would be unsafe in production.

mod trust;
mod units;

use super::types::{MIN_ARGON2_MEMORY_KIB, MIN_ARGON2_PASSES};
use super::{Config, SmsConfig};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The key, and what is wrong with its value.
pub(super) type Fault = (String, String);

/// Checks every value; the first fault found is the answer.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    check_server(config)?;
    check_ranges(config)?;
    check_log(config)?;
    config.holders.check()?;
    config.sms.as_ref().map_or(Ok(()), SmsConfig::check)?;
    trust::check(config)?;
    units::check(config)
}

fn check_server(config: &Config) -> Result<(), Fault> {
    let server = &config.server;
    let url = &server.public_url;
    if !is_plain_url(url) {
        return fault(
            "server.public_url",
            format!(
                "\"{url}\" is not a plain address, as in https://tsa.example.org: http or https, a \
                 host, perhaps a port and a path, no slash at the end, no user, no query"
            ),
        );
    }
    if let Some(network) = server.trusted_proxies.everybody() {
        return fault(
            "server.trusted_proxies",
            format!(
                "{network} is everybody, and every caller could say where it comes from: name the \
                 addresses of your proxies"
            ),
        );
    }
    if config.tls.is_none() && !server.listen.ip().is_loopback() && !server.allow_plain_http {
        return fault(
            "server.listen",
            format!(
                "{} is open to the network without TLS, and passwords would travel in clear: \
                 add a [tls] section, listen on 127.0.0.1 behind a proxy, or set \
                 server.allow_plain_http = true",
                server.listen
            ),
        );
    }
    Ok(())
}

/// The address stands in certificates and in pages, so nothing else may hide in it.
pub(super) fn is_plain_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty() && !rest.ends_with('/') && rest.chars().all(plain)
    })
}

fn check_ranges(config: &Config) -> Result<(), Fault> {
    let server = &config.server;
    range("server.workers", server.workers, 0..=1024)?;
    range("server.max_connections", server.max_connections, 1..=1_000_000)?;
    range("server.max_requests", server.max_requests, 1..=100_000)?;
    range("server.head_timeout_ms", server.head_timeout_ms, 100..=600_000)?;
    range("server.body_timeout_ms", server.body_timeout_ms, 100..=600_000)?;
    range("server.keep_alive_s", server.keep_alive_s, 0..=3600)?;
    range("server.shutdown_s", server.shutdown_s, 1..=600)?;
    range("data.segment_mib", config.data.segment_mib, 1..=1024)?;
    range("data.index_cache_mib", config.data.index_cache_mib, 1..=65_536)?;
    range("data.min_free_mib", config.data.min_free_mib, 0..=1_048_576)?;
    range("stamps.retry_window_s", config.stamps.retry_window_s, 0..=86_400)?;
    range("stamps.cached_accounts", config.stamps.cached_accounts, 1..=10_000_000)?;
    let passwords = &config.passwords;
    range("passwords.memory_kib", passwords.memory_kib, MIN_ARGON2_MEMORY_KIB..=4_194_304)?;
    range("passwords.passes", passwords.passes, MIN_ARGON2_PASSES..=64)?;
    range("passwords.cache_s", passwords.cache_s, 0..=3600)
}

fn check_log(config: &Config) -> Result<(), Fault> {
    match config.log.level.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(()),
        Err(error) => fault("log.level", format!("\"{}\": {error}", config.log.level)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a range of numbers reads best by value")]
pub(super) fn range<T>(
    key: impl Into<String>,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), Fault>
where
    T: PartialOrd + Display,
{
    if allowed.contains(&value) {
        return Ok(());
    }
    let (low, high) = allowed.into_inner();
    fault(key, format!("{value} is not within {low} to {high}"))
}

pub(super) fn fault<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, Fault> {
    Err((key.into(), reason.into()))
}
