//! The living certificate authority: what was issued and how it stands, revocation lists and OCSP
//! answers that say so, and the life of the time-stamping units' keys and certificates.
