//! What an operator may decide of a unit, and how it is kept.

use super::error::UnitError;
use super::model::{CertifiedBy, Padding, UnitSettings};
use super::records::UnitRecord;
use certs::{KeyKind, SignatureScheme};
use rasn::types::ObjectIdentifier;

impl UnitSettings {
    /// Whether every value is possible.
    ///
    /// # Errors
    /// [`UnitError::Setting`] names the first that is not.
    pub fn check(&self) -> Result<(), UnitError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        // `/tsa/key/…` is another address.
        let id = &self.id;
        if id.starts_with('-') {
            return Err(self.fault("id", "begin it with a letter or a digit"));
        }
        if !(1..=32).contains(&id.len()) || !id.bytes().all(plain) || id == "key" {
            return Err(self.fault("id", "use 1 to 32 of a-z, 0-9 and '-', and not \"key\""));
        }
        self.policy_ids()?;
        // EN 319 422 §5.2.2: an accuracy of one second or better.
        if !(1..=1000).contains(&self.accuracy_ms) {
            return Err(self.fault("accuracy_ms", "use 1 to 1000"));
        }
        if self.padding == Padding::Pss && !self.key.scheme().is_rsa() {
            return Err(self.fault("padding", "pss is for RSA keys; leave it out"));
        }
        if self.companion.as_ref() == Some(id) {
            return Err(self.fault("companion", "name another unit, or none"));
        }
        if let Some(rollover) = self.rollover {
            if self.certified_by == CertifiedBy::Outside {
                let reason = "a unit that is certified outside cannot roll over by itself";
                return Err(self.fault("rollover", reason));
            }
            let (prepare, activate) = (rollover.prepare_days, rollover.activate_days);
            if activate == 0 || prepare <= activate || prepare > 300 {
                let reason = "prepare_days is at most 300, and more than activate_days, which is \
                              at least 1";
                return Err(self.fault("rollover", reason));
            }
        }
        Ok(())
    }

    /// Its policies, as certificates have them.
    pub(super) fn policy_ids(&self) -> Result<Vec<ObjectIdentifier>, UnitError> {
        if self.policies.is_empty() {
            return Err(self.fault("policies", "name at least one policy"));
        }
        let parse = |text: &String| {
            let arcs: Option<Vec<u32>> = text.split('.').map(|arc| arc.parse().ok()).collect();
            // X.660 §7.6: the first arc is 0, 1 or 2, and the second below 40 under 0 and 1.
            let begins_well = |arcs: &Vec<u32>| {
                matches!(arcs[..], [0 | 1, 0..=39, ..] | [2, _, ..]) && !text.contains('+')
            };
            arcs.filter(begins_well).and_then(ObjectIdentifier::new).ok_or_else(|| {
                let reason = format!("{text:?} is no identifier such as 0.4.0.2023.1.1");
                self.fault("policies", &reason)
            })
        };
        let ids = self.policies.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        // RFC 5280 §4.2.1.4: "A certificate policy OID MUST NOT appear more than once in a
        // certificate policies extension"; and anyPolicy, 2.5.29.32.0, names no policy.
        let repeated = ids.iter().enumerate().any(|(index, id)| ids[..index].contains(id));
        if repeated || ids.len() > 32 || ids.iter().any(|id| id[..] == [2, 5, 29, 32, 0]) {
            let reason = "name at most 32, each once, and not anyPolicy (2.5.29.32.0)";
            return Err(self.fault("policies", reason));
        }
        Ok(ids)
    }

    fn fault(&self, field: &'static str, reason: &str) -> UnitError {
        UnitError::Setting { unit: self.id.clone(), field, reason: reason.to_owned() }
    }

    /// The record of a new unit.
    pub(super) fn to_record(&self, created_at: i64, next_generation: u32) -> UnitRecord {
        UnitRecord {
            created_at,
            key: self.key.to_string(),
            key_store: self.key_store,
            padding: self.padding,
            policies: self.policies.clone(),
            accuracy_ms: self.accuracy_ms,
            certificates: self.certificates,
            verify_one_in: self.verify_one_in,
            companion: self.companion.clone(),
            certified_by: self.certified_by,
            rollover: self.rollover,
            next_generation,
        }
    }

    /// The settings that differ from `before`, for the audit trail.
    pub(super) fn differences(&self, before: &Self) -> Vec<(&'static str, String)> {
        let companion = |settings: &Self| settings.companion.clone().unwrap_or_default();
        let rollover = |settings: &Self| match settings.rollover {
            Some(rollover) => format!("{}/{}", rollover.prepare_days, rollover.activate_days),
            None => "none".to_owned(),
        };
        let all = |settings: &Self| {
            [
                ("key", settings.key.to_string()),
                ("key_store", settings.key_store.to_string()),
                ("padding", settings.padding.to_string()),
                ("policies", settings.policies.join(" ")),
                ("accuracy_ms", settings.accuracy_ms.to_string()),
                ("certificates", settings.certificates.to_string()),
                ("verify_one_in", settings.verify_one_in.to_string()),
                ("companion", companion(settings)),
                ("certified_by", settings.certified_by.to_string()),
                ("rollover", rollover(settings)),
            ]
        };
        all(self)
            .into_iter()
            .zip(all(before))
            .filter(|(new, old)| new != old)
            .map(|(new, _)| new)
            .collect()
    }
}

/// How a key of this kind signs.
pub(super) fn scheme(kind: KeyKind, padding: Padding) -> SignatureScheme {
    match padding {
        Padding::Pss if kind.scheme().is_rsa() => SignatureScheme::RsaPssSha256,
        _ => kind.scheme(),
    }
}

/// The label of a generation's key. The first is the one that services had before there were
/// generations; no two units can get the same one.
pub(super) fn label(id: &str, number: u32) -> String {
    match number {
        1 => format!("tsu-{id}"),
        number => format!("tsu{number}-{id}"),
    }
}
