//! Programs that others wrote, against the real service: what they accept is what counts.

mod curl;
mod openssl_ts;
mod osslsigncode;
mod rfc3161ng;
