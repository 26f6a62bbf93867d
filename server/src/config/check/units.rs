//! The values of each `[[tsu]]`.

use super::{Fault, fault, range};
use crate::config::{Config, Padding, TsuConfig};
use certs::KeyKind;
use std::collections::HashSet;

pub(super) fn check(config: &Config) -> Result<(), Fault> {
    if config.tsu.is_empty() {
        return fault("tsu", "there is no [[tsu]]: the service needs at least one unit");
    }
    let mut seen = HashSet::new();
    for unit in &config.tsu {
        check_id(&unit.id)?;
        if !seen.insert(&unit.id) {
            return fault("tsu.id", format!("\"{}\" is there twice", unit.id));
        }
        check_key(unit)?;
        check_token(unit)?;
        check_accuracy(unit, config)?;
        check_rollover(unit)?;
        check_companion(unit, config)?;
    }
    Ok(())
}

fn check_id(id: &str) -> Result<(), Fault> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || id.len() > 32 || !id.bytes().all(plain) || id == "key" {
        return fault(
            "tsu.id",
            format!("\"{id}\" is not 1 to 32 of a-z, 0-9 and '-', and not \"key\""),
        );
    }
    Ok(())
}

fn check_key(unit: &TsuConfig) -> Result<(), Fault> {
    let Ok(kind) = unit.key.parse::<KeyKind>() else {
        let known = KeyKind::ALL.map(KeyKind::name).join(", ");
        return fault(
            format!("tsu.{}.key", unit.id),
            format!("\"{}\" is not one of {known}", unit.key),
        );
    };
    if unit.padding == Padding::Pss && !kind.name().starts_with("rsa") {
        return fault(
            format!("tsu.{}.padding", unit.id),
            format!("\"pss\" is for RSA keys, and the key is {kind}"),
        );
    }
    Ok(())
}

fn check_token(unit: &TsuConfig) -> Result<(), Fault> {
    let key = || format!("tsu.{}.policies", unit.id);
    if unit.policies.is_empty() {
        return fault(key(), "at least one policy is needed");
    }
    for policy in &unit.policies {
        if let Err(error) = policy.parse::<tsa::PolicyId>() {
            return fault(key(), error.to_string());
        }
    }
    // EN 319 422 clause 5.2.2: an accuracy of one second or better.
    range(format!("tsu.{}.accuracy_ms", unit.id), unit.accuracy_ms, 1..=1000)
}

/// How far a clock that nobody corrects may run away, in parts per million: the clock's default.
const DRIFT_PPM: u64 = 100;

/// Between two polls the error grows; an accuracy that it passes each time would be stated by no
/// token, or by one now and then.
fn check_accuracy(unit: &TsuConfig, config: &Config) -> Result<(), Fault> {
    if config.time.servers.is_empty() {
        return Ok(());
    }
    // One millisecond for what genTime leaves out, one for the way to the servers at the least.
    let reachable_ms = 2 + (config.time.poll_s * DRIFT_PPM).div_ceil(1000);
    if u64::from(unit.accuracy_ms) < reachable_ms {
        return fault(
            format!("tsu.{}.accuracy_ms", unit.id),
            format!(
                "{} is finer than the clock can vouch for between two polls of its servers: at \
                 least {reachable_ms} with time.poll_s = {}",
                unit.accuracy_ms, config.time.poll_s
            ),
        );
    }
    Ok(())
}

fn check_rollover(unit: &TsuConfig) -> Result<(), Fault> {
    range(format!("tsu.{}.activate_days", unit.id), unit.activate_days, 1..=365)?;
    if unit.prepare_days <= unit.activate_days || unit.prepare_days > 300 {
        return fault(
            format!("tsu.{}.prepare_days", unit.id),
            format!(
                "{} is not above activate_days = {} and at most 300: the next key is made and \
                 published before it signs",
                unit.prepare_days, unit.activate_days
            ),
        );
    }
    Ok(())
}

fn check_companion(unit: &TsuConfig, config: &Config) -> Result<(), Fault> {
    let Some(companion) = &unit.companion else { return Ok(()) };
    let key = || format!("tsu.{}.companion", unit.id);
    let found = config.tsu.iter().find(|other| other.id == *companion && other.id != unit.id);
    match found {
        None => fault(key(), format!("\"{companion}\" is not the id of another [[tsu]]")),
        Some(other) if other.companion.is_some() => fault(
            key(),
            format!("unit {companion} has a companion itself: a pair has two tokens, not more"),
        ),
        Some(_) => Ok(()),
    }
}
