//! An authorisation: what it is bound to, its rows, and the rules by which they are used.
//!
//! Pure: no store and no key. The rows are the whole protection against a second use, so that
//! their life is written here once:
//!
//! ```text
//! open ──reserve──▶ reserved ──settle──▶ used
//!                       └───settle / lapse──▶ burned
//! ```
//!
//! Nothing leads back to `open`. The types are **used in stored state**: numbers of fields are
//! never used again, and a new field is optional.

use crate::algorithm::SignatureAlgorithm;
use crate::error::SignError;
use crate::factors::{AccessFacts, AccessRef, CredentialRef, HolderRef};
use crate::hashes::HashesToSign;
use crate::store::{CredentialState, Standing};
use chrono::{DateTime, Utc};
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

/// What two factors, or a system and a PIN, allowed. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Authorisation {
    #[n(0)]
    holder: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    credential: [u8; 16],
    #[cbor(n(2), with = "minicbor::bytes")]
    access: [u8; 32],
    #[n(3)]
    algorithm: SignatureAlgorithm,
    /// The credential's epoch when its PIN was tried.
    #[n(4)]
    epoch: u64,
    /// Milliseconds since the Unix epoch, as all times here.
    #[n(5)]
    issued_at: i64,
    #[n(6)]
    expires_at: i64,
    /// One for each hash that was named; in a window, one for each that is under way.
    #[n(7)]
    rows: Vec<Row>,
    #[n(8)]
    window: Option<Window>,
}

/// One hash of an authorisation. Used in stored state.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Row {
    /// Its number in the authorisation, from 0.
    #[n(0)]
    pub number: u32,
    /// The hash.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: Vec<u8>,
    /// Where it is in its life.
    #[n(2)]
    pub state: RowState,
}

/// The life of a row. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RowState {
    /// May be signed once.
    #[n(0)]
    Open,
    /// The key is in use for it, or was when the service ended.
    #[n(1)]
    Reserved,
    /// Its signature value was handed out.
    #[n(2)]
    Used,
    /// The key was perhaps used; nothing was handed out, and nothing will be.
    #[n(3)]
    Burned,
}

/// What is left of a bounded window. Used in stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Window {
    /// So many signatures may still be begun.
    #[n(0)]
    pub left: u32,
    /// The number of the next row.
    #[n(1)]
    pub next: u32,
}

/// Rows that are reserved for one use of the key. Only [`Authorisation::reserve`] makes it, it is
/// not `Clone`, and it is given up to settle them.
#[derive(Debug)]
pub(crate) struct Reserved(Vec<u32>);

/// How a reserved row ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Used,
    Burned,
}

/// What an authorisation is made of; the rest follows from [`HashesToSign`] or the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) access: AccessFacts,
    pub(crate) credential: CredentialRef,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) epoch: u64,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

impl Authorisation {
    /// One row for each hash.
    pub(crate) fn of_hashes(terms: Terms, hashes: &[Vec<u8>]) -> Self {
        let rows = (0..).zip(hashes).map(|(number, hash)| Row {
            number,
            hash: hash.clone(),
            state: RowState::Open,
        });
        Self { rows: rows.collect(), ..Self::new(terms) }
    }

    /// So many signatures over whatever hashes.
    pub(crate) fn of_window(terms: Terms, signatures: u32) -> Self {
        Self { window: Some(Window { left: signatures, next: 0 }), ..Self::new(terms) }
    }

    fn new(terms: Terms) -> Self {
        Self {
            holder: terms.access.holder.0,
            credential: terms.credential.0,
            access: terms.access.access.0,
            algorithm: terms.algorithm,
            epoch: terms.epoch,
            issued_at: terms.issued_at.timestamp_millis(),
            expires_at: terms.expires_at.timestamp_millis(),
            rows: Vec::new(),
            window: None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn holder(&self) -> HolderRef {
        HolderRef(self.holder)
    }

    /// The credential that it is for.
    #[must_use]
    pub fn credential(&self) -> CredentialRef {
        CredentialRef(self.credential)
    }

    /// The session, device or system that may use it.
    #[must_use]
    pub fn access(&self) -> AccessRef {
        AccessRef(self.access)
    }

    /// The only algorithm that it is for.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// When it ends by itself.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        // Made from a `DateTime`; a record that was tampered with reads as long expired.
        DateTime::from_timestamp_millis(self.expires_at).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What is left, when this is a window.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.window
    }

    /// Whether no signature can be begun any more and none is under way.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.window.is_none_or(|window| window.left == 0)
            && self.rows.iter().all(|row| matches!(row.state, RowState::Used | RowState::Burned))
    }

    /// Reserves a row for each hash, or refuses all of them.
    ///
    /// In this order: whose it is, over what, for which key and how; then time; then the
    /// credential's state; then the hashes. So each binding that is broken alone has its own error.
    pub(crate) fn reserve(
        &mut self,
        by: &AccessFacts,
        what: &HashesToSign,
        standing: Standing,
        now: DateTime<Utc>,
    ) -> Result<Reserved, SignError> {
        if by.holder.0 != self.holder {
            return Err(SignError::SadOfOtherHolder);
        }
        if by.access.0 != self.access {
            return Err(SignError::SadOfOtherAccess);
        }
        if what.credential().0 != self.credential {
            return Err(SignError::SadForOtherCredential);
        }
        if what.algorithm() != self.algorithm {
            return Err(SignError::SadForOtherAlgorithm { authorised: self.algorithm });
        }
        let ms = now.timestamp_millis();
        // A clock that was set back does not make it live longer than it was meant to.
        if ms >= self.expires_at || ms < self.issued_at {
            return Err(SignError::SadExpired { at: self.expires_at() });
        }
        self.stands(standing)?;
        match self.window {
            Some(window) => self.reserve_in_window(window, what.hashes()),
            None => self.reserve_named(what.hashes()),
        }
    }

    /// Whether the credential still allows what was authorised.
    pub(crate) fn stands(&self, standing: Standing) -> Result<(), SignError> {
        if standing.state != CredentialState::Active {
            return Err(SignError::CredentialNotActive(standing.state));
        }
        if standing.epoch != self.epoch {
            return Err(SignError::SadWithdrawn);
        }
        Ok(())
    }

    fn reserve_named(&mut self, hashes: &[Vec<u8>]) -> Result<Reserved, SignError> {
        let mut taken: Vec<usize> = Vec::with_capacity(hashes.len());
        for (index, hash) in hashes.iter().enumerate() {
            let mut same = (0..self.rows.len()).filter(|&row| self.rows[row].hash == *hash);
            let free =
                |&row: &usize| self.rows[row].state == RowState::Open && !taken.contains(&row);
            match same.clone().find(free) {
                Some(row) => taken.push(row),
                None if same.next().is_some() => return Err(SignError::HashUsed { index }),
                None => return Err(SignError::HashNotAuthorised { index }),
            }
        }
        let mut numbers = Vec::with_capacity(taken.len());
        for row in taken {
            self.rows[row].state = RowState::Reserved;
            numbers.push(self.rows[row].number);
        }
        Ok(Reserved(numbers))
    }

    fn reserve_in_window(
        &mut self,
        window: Window,
        hashes: &[Vec<u8>],
    ) -> Result<Reserved, SignError> {
        let count = u32::try_from(hashes.len()).unwrap_or(u32::MAX);
        let left = window.left.checked_sub(count);
        let left = left.ok_or(SignError::WindowSpent { left: window.left })?;
        let numbers: Vec<u32> = (window.next..).take(hashes.len()).collect();
        for (&number, hash) in numbers.iter().zip(hashes) {
            self.rows.push(Row { number, hash: hash.clone(), state: RowState::Reserved });
        }
        self.window = Some(Window { left, next: window.next.wrapping_add(count) });
        Ok(Reserved(numbers))
    }

    /// Ends reserved rows. When one of them is not reserved any more (it was given up as lapsed),
    /// this is [`SignError::Unclear`] and nothing may be handed out.
    pub(crate) fn settle(&mut self, reserved: &Reserved, ends: &[End]) -> Result<(), SignError> {
        for (number, end) in reserved.0.iter().zip(ends) {
            let row = self.rows.iter_mut().find(|row| row.number == *number);
            let row = row.filter(|row| row.state == RowState::Reserved);
            row.ok_or(SignError::Unclear)?.state = match end {
                End::Used => RowState::Used,
                End::Burned => RowState::Burned,
            };
        }
        if self.window.is_some() {
            // What is done in a window is in the history; the record does not grow with it.
            self.rows.retain(|row| row.state == RowState::Reserved);
        }
        Ok(())
    }

    /// The hashes that were reserved and never settled: burned, whatever became of them.
    pub(crate) fn lapse(&mut self) -> Vec<Vec<u8>> {
        let mut burned = Vec::new();
        for row in self.rows.iter_mut().filter(|row| row.state == RowState::Reserved) {
            row.state = RowState::Burned;
            burned.push(row.hash.clone());
        }
        burned
    }
}

impl<C> Encode<C> for SignatureAlgorithm {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(self.name())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SignatureAlgorithm {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let name = d.str()?;
        name.parse().map_err(|_| DecodeError::message("not a signature algorithm"))
    }
}

#[cfg(test)]
mod tests;
