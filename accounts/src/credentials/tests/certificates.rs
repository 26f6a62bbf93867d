//! Client certificates: one account each, gone at once.

use super::*;
use crate::credentials::{AuthError, CredentialError};

#[test]
fn a_certificate_opens_the_account_that_it_is_bound_to() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    let bind = |id, hash| block_on(bench.credentials.bind_certificate(id, hash, at(3)));
    bind(ada, [1; 32]).unwrap();
    bind(ada, [2; 32]).unwrap();
    bind(bob, [3; 32]).unwrap();
    assert_eq!(bench.credentials.by_certificate(&[2; 32]).unwrap(), ada);
    assert_eq!(bench.credentials.by_certificate(&[3; 32]).unwrap(), bob);
    assert!(matches!(bench.credentials.by_certificate(&[4; 32]), Err(AuthError::Denied)));
    let listed = bench.credentials.list_certificates(ada).unwrap();
    assert_eq!(listed.iter().map(|c| c.sha256).collect::<Vec<_>>(), [[1; 32], [2; 32]]);
    assert_eq!(listed[0].bound_at, at(3));

    let error = bind(bob, [1; 32]).unwrap_err();
    assert!(matches!(error, CredentialError::CertificateTaken(id) if id == ada));
    let error = bind(StampAccountId::new(9), [9; 32]).unwrap_err();
    assert!(matches!(error, CredentialError::UnknownAccountId(_)));
}

#[test]
fn an_unbound_certificate_is_refused_at_once() {
    let bench = Bench::new();
    let (ada, bob) = (bench.account("ada"), bench.account("bob"));
    block_on(bench.credentials.bind_certificate(ada, [1; 32], at(0))).unwrap();
    let unbind = |id| block_on(bench.credentials.unbind_certificate(id, [1; 32]));
    assert!(matches!(unbind(bob), Err(CredentialError::UnknownCertificate(_))));
    assert!(bench.credentials.by_certificate(&[1; 32]).is_ok());
    unbind(ada).unwrap();
    assert!(matches!(bench.credentials.by_certificate(&[1; 32]), Err(AuthError::Denied)));
    assert!(bench.credentials.list_certificates(ada).unwrap().is_empty());
    block_on(bench.credentials.bind_certificate(bob, [1; 32], at(0))).unwrap();
}
