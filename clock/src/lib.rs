//! Time that can be trusted: a quorum of NTP servers, the kernel's own discipline and a clock that
//! nobody can set, held against the wall clock, with a bound of the error that is never hidden.
