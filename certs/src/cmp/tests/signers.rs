//! Answers protected by a signature: who may sign for a CA, and who may not.

use super::peer::*;
use crate::cmp::message::PkiBody;
use crate::cmp::{Answer, CmpError, Protection, Verdict};

const CMC_RA: &str = "1.3.6.1.5.5.7.3.28";
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";

/// Reads a grant signed by `signer`, with these certificates beside it and these trusted.
fn read(signer: &Party, sent: &[&Party], trusted: &[&Party]) -> Result<Answer, CmpError> {
    let der = |list: &[&Party]| list.iter().map(|party| party.der()).collect::<Vec<_>>();
    let (mut peer, mut enrollment, message) =
        Peer::start(secret("geheim"), signer.protection(Vec::new()), der(trusted), false);
    peer.extra_certs = der(sent);
    let answer = peer.answer(&message, &peer.grant());
    enrollment.read(&answer, now())
}

#[track_caller]
fn not_trusted(read: Result<Answer, CmpError>, words: &str) {
    let error = read.unwrap_err();
    assert!(matches!(error, CmpError::SignerNotTrusted { .. }), "{error:?}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_ca_and_a_registration_authority_under_a_trusted_root_may_sign() {
    let root = Party::new("Root", Role::Ca, None);
    let issuing = Party::new("Issuing", Role::Ca, Some(&root));
    let desk = Party::new("Desk", Role::Purpose(CMC_RA), Some(&issuing));
    read(&root, &[], &[&root]).unwrap();
    read(&root, &[&root], &[&root]).unwrap();
    read(&issuing, &[&issuing], &[&root]).unwrap();
    read(&desk, &[&desk, &issuing], &[&root]).unwrap();
    read(&desk, &[&desk], &[&issuing]).unwrap();
}

/// A certificate of the same CA does not make one the CA.
#[test]
fn another_holder_of_a_certificate_may_not_sign_unless_trusted_by_name() {
    let root = Party::new("Root", Role::Ca, None);
    for role in [Role::End, Role::Purpose(CODE_SIGNING)] {
        let holder = Party::new("Holder", role, Some(&root));
        not_trusted(read(&holder, &[&holder], &[&root]), "neither a CA nor marked");
        read(&holder, &[&holder], &[&root, &holder]).unwrap();
        read(&holder, &[], &[&holder]).unwrap();
    }
}

#[test]
fn a_signer_without_a_way_to_a_trusted_certificate_is_refused() {
    let root = Party::new("Root", Role::Ca, None);
    let issuing = Party::new("Issuing", Role::Ca, Some(&root));
    let twin = Party::new("Root", Role::Ca, None);
    not_trusted(read(&root, &[&root], &[]), "--trusted");
    not_trusted(read(&twin, &[&twin], &[&root]), "--trusted");
    not_trusted(read(&issuing, &[&issuing], &[&twin]), "--trusted");
    // Its certificate is nowhere.
    not_trusted(read(&issuing, &[&root], &[&root]), "no certificate of this name");
    let agreeing = Party::new("Agreeing", Role::KeyAgreement, Some(&root));
    not_trusted(read(&agreeing, &[&agreeing], &[&root, &agreeing]), "digitalSignature");
}

#[test]
fn a_signer_whose_certificate_has_ended_is_refused() {
    let root = Party::new("Root", Role::Ca, None);
    let theirs = root.protection(Vec::new());
    let (mut peer, mut enrollment, message) =
        Peer::start(secret("geheim"), theirs, vec![root.der()], false);
    let answer = peer.answer(&message, &peer.grant());
    let later = now() + chrono::Duration::days(400);
    let error = enrollment.read(&answer, later).unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    enrollment.read(&answer, now()).unwrap();
}

#[test]
fn a_signature_with_another_key_is_refused() {
    let root = Party::new("Root", Role::Ca, None);
    let other = Party::new("Other", Role::Ca, None);
    let forged = Party { key: other.key.clone(), certificate: root.certificate.clone() };
    let error = read(&forged, &[&root], &[&root]).unwrap_err();
    assert!(matches!(error, CmpError::ProtectionWrong { .. }), "{error:?}");
}

#[test]
fn requests_signed_with_a_key_carry_its_certificate_and_chain() {
    let root = Party::new("Root", Role::Ca, None);
    let own = Party::new("Own", Role::End, Some(&root));
    let ours = own.protection(vec![root.der()]);
    let theirs = root.protection(Vec::new());
    let (mut peer, mut enrollment, message) = Peer::start(ours, theirs, vec![root.der()], false);
    let sent: crate::cmp::message::PkiMessage = rasn::der::decode(&message).unwrap();
    let sent: Vec<_> =
        sent.extra_certs.unwrap().into_iter().map(rasn::types::Any::into_bytes).collect();
    assert_eq!(sent, [own.der(), root.der()]);
    let answer = peer.answer(&message, &peer.grant());
    let Answer::Issued(issued) = enrollment.read(&answer, now()).unwrap() else { panic!() };
    let message = enrollment.confirm(&issued, Verdict::Accepted, now(), &mut Counter(7)).unwrap();
    let answer = peer.answer(&message, &PkiBody::PkiConf(()));
    enrollment.read_confirmation(&answer, now()).unwrap();
}

/// Who signs has no secret: a MAC under a secret of the sender's choice proves nothing.
#[test]
fn a_mac_is_no_answer_to_a_signature() {
    let root = Party::new("Root", Role::Ca, None);
    let own = Party::new("Own", Role::End, Some(&root));
    let ours: Protection = own.protection(Vec::new());
    let (mut peer, mut enrollment, message) =
        Peer::start(ours, secret("geheim"), vec![root.der()], false);
    let answer = peer.answer(&message, &peer.grant());
    let error = enrollment.read(&answer, now()).unwrap_err();
    assert!(matches!(error, CmpError::ProtectionUnsupported { .. }), "{error:?}");
}
