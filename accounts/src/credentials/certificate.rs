//! Client certificates: TLS has verified them; their SHA-256 says whose they are.

use super::Credentials;
use super::api_key::key_range;
use super::error::{AuthError, CredentialError};
use super::job::needs_account;
use super::records::CertificateRecord;
use super::tables::{ACCOUNT_CERTIFICATE, CERTIFICATE};
use crate::StampAccountId;
use crate::encoding::{damaged, decode, encode};
use crate::stamps::tables::account_key;
use chrono::{DateTime, Utc};
use std::ops::Bound;
use store::{Order, Transaction};

/// Certificates of an account that are listed.
const MOST_LISTED: usize = 10_000;

/// A client certificate as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateView {
    /// SHA-256 over the DER of the certificate.
    pub sha256: [u8; 32],
    /// When it was bound to the account.
    pub bound_at: DateTime<Utc>,
}

impl Credentials {
    /// Lets the holder of a certificate use an account. A certificate is bound to one account.
    pub async fn bind_certificate(
        &self,
        account: StampAccountId,
        sha256: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<(), CredentialError> {
        let work = move |tx: &mut dyn Transaction| {
            needs_account(tx, account)?;
            if let Some(bytes) = tx.get(CERTIFICATE, &sha256)? {
                let record: CertificateRecord = decode(CERTIFICATE, &sha256, &bytes)?;
                let holder = StampAccountId::new(record.account);
                return Err(CredentialError::CertificateTaken(holder));
            }
            let bound_at = now.timestamp_millis();
            let record = CertificateRecord { account: account.number(), bound_at };
            tx.put(CERTIFICATE, &sha256, &encode(&record, 32));
            tx.put(ACCOUNT_CERTIFICATE, &[&account_key(account)[..], &sha256].concat(), &[]);
            Ok(())
        };
        self.0.transact(work, |_| {}).await
    }

    /// Ends that: the certificate is refused from the moment that this is durable.
    pub async fn unbind_certificate(
        &self,
        account: StampAccountId,
        sha256: [u8; 32],
    ) -> Result<(), CredentialError> {
        let work = move |tx: &mut dyn Transaction| {
            let row = [&account_key(account)[..], &sha256].concat();
            if tx.get(ACCOUNT_CERTIFICATE, &row)?.is_none() {
                return Err(CredentialError::UnknownCertificate(account));
            }
            tx.delete(CERTIFICATE, &sha256);
            tx.delete(ACCOUNT_CERTIFICATE, &row);
            Ok(())
        };
        self.0.transact(work, |_| {}).await
    }

    /// The certificates of an account, in the order of their hashes.
    pub fn list_certificates(
        &self,
        account: StampAccountId,
    ) -> Result<Vec<CertificateView>, CredentialError> {
        let (from, to) = key_range(account);
        let (from, to) = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let store = &self.0.store;
        let rows = store.scan(ACCOUNT_CERTIFICATE, from, to, Order::Ascending, MOST_LISTED)?;
        let mut views = Vec::with_capacity(rows.len());
        for (row, _) in rows {
            let wrong = || damaged(ACCOUNT_CERTIFICATE, &row, "a key of the wrong length");
            let sha256: [u8; 32] =
                row.get(8..).and_then(|hash| hash.try_into().ok()).ok_or_else(wrong)?;
            if let Some(bytes) = store.get(CERTIFICATE, &sha256)? {
                let record: CertificateRecord = decode(CERTIFICATE, &sha256, &bytes)?;
                let bound_at = crate::stamps::instant(record.bound_at);
                views.push(CertificateView { sha256, bound_at });
            }
        }
        Ok(views)
    }

    /// The account of a client certificate that TLS has verified.
    pub fn by_certificate(&self, sha256: &[u8; 32]) -> Result<StampAccountId, AuthError> {
        let bytes = self.0.store.get(CERTIFICATE, sha256)?.ok_or(AuthError::Denied)?;
        let record: CertificateRecord = decode(CERTIFICATE, sha256, &bytes)?;
        Ok(StampAccountId::new(record.account))
    }
}
