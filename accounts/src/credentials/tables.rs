//! The tables of the credentials. Stored state: numbers and forms of keys are never changed.

use store::Table;

/// Account name → password record.
pub const PASSWORD: Table = Table::new(16, "service-password");
// 17 is free, and stays so: stores of early versions have counts of failures in it.
/// Prefix → API key record.
pub const API_KEY: Table = Table::new(18, "api-key");
/// Account (u64, big-endian), prefix → nothing.
pub const ACCOUNT_KEY: Table = Table::new(19, "account-api-key");
/// SHA-256 of a certificate → certificate record.
pub const CERTIFICATE: Table = Table::new(20, "client-certificate");
/// Account (u64, big-endian), SHA-256 of a certificate → nothing.
pub const ACCOUNT_CERTIFICATE: Table = Table::new(21, "account-client-certificate");
