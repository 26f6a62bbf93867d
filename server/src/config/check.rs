//! The values of a configuration: ranges, names, and what would be unsafe in production.

use super::Config;
use super::types::{MIN_ARGON2_MEMORY_KIB, MIN_ARGON2_PASSES};
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The key, and what is wrong with its value.
type Fault = (String, String);

/// Checks every value; the first fault found is the answer.
pub(super) fn check(config: &Config) -> Result<(), Fault> {
    check_server(config)?;
    check_ranges(config)?;
    check_log(config)?;
    check_ca(config)?;
    check_units(config)
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
fn is_plain_url(url: &str) -> bool {
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

fn check_ca(config: &Config) -> Result<(), Fault> {
    let country = &config.ca.country;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return fault(
            "ca.country",
            format!("\"{country}\" is not a two-letter code, as in \"IT\""),
        );
    }
    for (key, name) in [
        ("ca.organization", &config.ca.organization),
        ("ca.root_name", &config.ca.root_name),
        ("ca.issuing_name", &config.ca.issuing_name),
    ] {
        // RFC 5280 appendix A.1: ub-organization-name and ub-common-name are 64 characters.
        if name.trim().is_empty() || name.chars().count() > 64 {
            return fault(key, format!("\"{name}\" is not 1 to 64 characters long"));
        }
    }
    Ok(())
}

fn check_units(config: &Config) -> Result<(), Fault> {
    if config.tsu.is_empty() {
        return fault("tsu", "there is no [[tsu]]: the service needs at least one unit");
    }
    let mut seen = HashSet::new();
    for unit in &config.tsu {
        let id = &unit.id;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > 32 || !id.bytes().all(plain) || id == "key" {
            return fault(
                "tsu.id",
                format!("\"{id}\" is not 1 to 32 of a-z, 0-9 and '-', and not \"key\""),
            );
        }
        if !seen.insert(id) {
            return fault("tsu.id", format!("\"{id}\" is there twice"));
        }
        if unit.key.parse::<certs::KeyKind>().is_err() {
            return fault(
                format!("tsu.{id}.key"),
                format!(
                    "\"{}\" is not one of p256, p384, p521, rsa2048, rsa3072, rsa4096, ed25519",
                    unit.key
                ),
            );
        }
        if unit.policies.is_empty() {
            return fault(format!("tsu.{id}.policies"), "at least one policy is needed");
        }
        for policy in &unit.policies {
            if let Err(error) = policy.parse::<tsa::PolicyId>() {
                return fault(format!("tsu.{id}.policies"), error.to_string());
            }
        }
        // EN 319 422 clause 5.2.2: an accuracy of one second or better.
        range(format!("tsu.{id}.accuracy_ms"), unit.accuracy_ms, 1..=1000)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "a range of numbers reads best by value")]
fn range<T>(key: impl Into<String>, value: T, allowed: RangeInclusive<T>) -> Result<(), Fault>
where
    T: PartialOrd + Display,
{
    if allowed.contains(&value) {
        return Ok(());
    }
    let (low, high) = allowed.into_inner();
    fault(key, format!("{value} is not within {low} to {high}"))
}

fn fault<T>(key: impl Into<String>, reason: impl Into<String>) -> Result<T, Fault> {
    Err((key.into(), reason.into()))
}
