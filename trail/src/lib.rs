//! The audit trail: every event of a key, a certificate, the clock, the configuration, a login or
//! the administration, in an append-only, hash-chained log in the store.
