//! Whether each stamp that was given back had been used: which entry of which account, from which
//! lot.
//!
//! Nothing is kept for each token, so when a refund comes its use is long gone by. What it says is
//! kept instead, one claim for each refund, and the journal is read once more for the uses.

use super::discrepancy::Discrepancy;
use crate::StampAccountId;
use crate::stamps::EntryKind;
use crate::stamps::records::EntryRecord;
use std::collections::{HashMap, HashSet};

/// What refunds say about uses that are still to be seen.
#[derive(Debug, Default)]
pub(super) struct Refunds {
    serials: HashSet<[u8; 16]>,
    /// By account and entry of the use.
    claims: HashMap<(u64, u64), Claim>,
}

/// What a refund says about the use that it gives back.
#[derive(Debug)]
pub(super) struct Claim {
    /// The entry of the refund.
    pub(super) refund: u64,
    /// The token.
    pub(super) serial: [u8; 16],
    /// The second one of a pair, whose row says as well that its stamp came back.
    pub(super) companion: Option<[u8; 16]>,
    /// The lot that it went back into.
    pub(super) lot: Option<u64>,
}

impl Refunds {
    /// Whether the stamp of this serial number is given back for the first time.
    pub(super) fn first(&mut self, serial: [u8; 16]) -> bool {
        self.serials.insert(serial)
    }

    /// Takes a refund down that says it is of the use in entry `of`.
    pub(super) fn claim(
        &mut self,
        account: StampAccountId,
        of: u64,
        claim: Claim,
        found: &mut Vec<Discrepancy>,
    ) {
        // One entry is the use of one stamp, so two claims on it cannot both be right.
        let other = self.claims.insert((account.number(), of), claim);
        found.extend(other.map(|other| other.unmet(account)));
    }

    /// Whether there is anything to look for.
    pub(super) fn any(&self) -> bool {
        !self.claims.is_empty()
    }

    /// Whether somebody claims this entry.
    pub(super) fn wants(&self, entry: (u64, u64)) -> bool {
        self.claims.contains_key(&entry)
    }

    /// An entry that is claimed: the claim is met when it is that use.
    pub(super) fn seen(&mut self, number: (u64, u64), entry: &EntryRecord) {
        let met = self.claims.get(&number).is_some_and(|claim| {
            entry.kind == EntryKind::Use
                && entry.serial == Some(claim.serial)
                && entry.companion.as_ref().map(|second| second.serial) == claim.companion
                && entry.lot == claim.lot
        });
        if met {
            self.claims.remove(&number);
        }
    }

    /// The claims that nothing met.
    pub(super) fn unmet(&mut self) -> Vec<Discrepancy> {
        let unmet = self.claims.drain();
        unmet.map(|((account, _), claim)| claim.unmet(StampAccountId::new(account))).collect()
    }
}

impl Claim {
    fn unmet(&self, account: StampAccountId) -> Discrepancy {
        let (entry, serial) = (self.refund, hex::encode(self.serial));
        Discrepancy::RefundOfNoUse { account, entry, serial }
    }
}
