//! The start-up check of a time-stamping unit's certificate: everything that is wrong with it, all
//! at once, each fault with the field, what was found and what to do.
//!
//! `bundle` sorts what a CA delivered, `parse` reads, `leaf` looks at the unit's own certificate
//! (RFC 3161 §2.3, EN 319 422 §6, CSBR 7.1.2.3), `strength` at algorithms, `chain` walks to the
//! root (RFC 5280 §6.1), [`TsuFault`] is what they say. Nothing in here reads a file or a clock,
//! and no input makes it panic.

mod bundle;
mod chain;
mod fault;
mod leaf;
mod parse;
mod strength;

pub use bundle::{Bundle, split_bundle};
pub(crate) use chain::Path;
pub use fault::{Severity, TsuFault};
pub use parse::{LARGEST_CERTIFICATE, ParseError, ParsedCertificate, parse};
pub(crate) use strength::weak_signature;

use crate::tsu::TsuCertificate;
use chrono::{DateTime, Utc};
use openssl::pkey::{PKey, Public};

/// Checks the certificate of a time-stamping unit before the first token is issued with it.
///
/// `chain` holds the CAs between the unit and a root, in any order; `roots` the certificates that
/// are trusted; `key` is the public half of the unit's key; `now` the time of the check.
///
/// EN 319 421 TIS-7.6.4-04, -05: no token before the certificate is loaded, its chain is verified
/// and the key is known to match. Revocation is not looked at: this service may itself be the one
/// that publishes it.
///
/// # Errors
/// Every fault found, those that forbid issuing first. When there are only [`Severity::Warning`]s
/// the certificate is good, and [`TsuCertificate::warnings`] keeps them.
pub fn check_tsu(
    leaf_der: &[u8],
    chain: &[Vec<u8>],
    roots: &[Vec<u8>],
    key: &PKey<Public>,
    now: DateTime<Utc>,
) -> Result<TsuCertificate, Vec<TsuFault>> {
    let leaf = match parse(leaf_der) {
        Ok(leaf) => leaf,
        Err(error) => return Err(vec![TsuFault::Unreadable { which: fault::LEAF.into(), error }]),
    };
    let mut faults = Vec::new();
    leaf::inspect(&leaf, &mut faults);
    leaf::match_key(&leaf, key, &mut faults);
    let validity = leaf::validity(&leaf, &mut faults);
    faults.extend(validity.faults_at(now));
    let path = chain::walk(&leaf, chain, roots, now, &mut faults);

    // A stable sort: within a severity the order of the certificate's fields stays.
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.severity()));
    let forbidden = faults.iter().any(|fault| fault.severity() == Severity::Error);
    match (path, TsuCertificate::kind_of(&leaf)) {
        (Some(path), Some(kind)) if !forbidden => {
            Ok(TsuCertificate::new(leaf, kind, validity, path, faults))
        }
        _ => Err(faults),
    }
}
