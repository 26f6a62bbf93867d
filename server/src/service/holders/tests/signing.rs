//! Two factors, a signature that OpenSSL verifies, and every way in which it ends.

use super::support::{House, PIN, block_on};
use crate::service::HolderSystem;
use accounts::holders::credential::{CredentialKind, Event, SuspensionCause, binding};
use accounts::holders::devices::DeviceKind;
use accounts::holders::history::HistoryKind;
use accounts::holders::otp::Purpose;
use accounts::holders::pin::NewPin;
use accounts::holders::sessions::{Access, AccessKind};
use accounts::holders::{HolderId, SigningKeyKind};
use envelope::Pin;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;
use openssl::x509::X509;
use signing::{By, CredentialState, DigestAlgorithm, SignError, SignatureAlgorithm, WindowRequest};

const ECDSA: SignatureAlgorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);

/// The key of the certificate, as a relying party has it.
fn public_key(house: &House) -> PKey<Public> {
    X509::from_der(&house.certificate()).unwrap().public_key().unwrap()
}

/// Not by the code that signs: with the low-level interface, from the certificate alone.
fn verifies(key: &PKey<Public>, algorithm: SignatureAlgorithm, hash: &[u8], value: &[u8]) -> bool {
    let mut context = PkeyCtx::new(key).unwrap();
    context.verify_init().unwrap();
    let md = match algorithm.digest() {
        DigestAlgorithm::Sha256 => openssl::md::Md::sha256(),
        DigestAlgorithm::Sha384 => openssl::md::Md::sha384(),
        _ => openssl::md::Md::sha512(),
    };
    match algorithm {
        SignatureAlgorithm::RsaPkcs1(_) => context.set_rsa_padding(Padding::PKCS1).unwrap(),
        SignatureAlgorithm::RsaPss(_) => context.set_rsa_padding(Padding::PKCS1_PSS).unwrap(),
        _ => {}
    }
    context.set_signature_md(md).unwrap();
    if matches!(algorithm, SignatureAlgorithm::RsaPss(_)) {
        context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
    }
    context.verify(hash, value).unwrap_or(false)
}

#[test]
fn every_algorithm_of_a_key_gives_what_openssl_verifies() {
    block_on(async {
        for key in [SigningKeyKind::P256, SigningKeyKind::Rsa2048] {
            let house = House::active(CredentialKind::Remote, key).await;
            let public = public_key(&house);
            let is_rsa = key == SigningKeyKind::Rsa2048;
            let own = SignatureAlgorithm::ALL.into_iter().filter(|one| one.is_rsa() == is_rsa);
            for algorithm in own {
                let what = house.what(algorithm, &["a contract", "its annex"]);
                let granted = house.authorise(&what).await;
                let (signing, now) = (&house.service.signing, house.now());
                let by = By::Access(&house.access);
                let values = signing.sign(by, &granted.sad, &what, now).await.unwrap();
                for (hash, value) in what.hashes().iter().zip(&values) {
                    assert!(verifies(&public, algorithm, hash, value), "{algorithm}");
                }
                let [first, second] = [&what.hashes()[0], &what.hashes()[1]];
                assert!(verifies(&public, algorithm, first, &values[0]));
                assert!(!verifies(&public, algorithm, second, &values[0]), "{algorithm}");
            }
        }
    });
}

/// The history names algorithm and hash, and no document ever comes here.
#[test]
fn what_was_signed_is_in_the_history() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        let by = By::Access(&house.access);
        house.service.signing.sign(by, &granted.sad, &what, house.now()).await.unwrap();
        let query = accounts::holders::history::HistoryQuery {
            kinds: vec![HistoryKind::SignatureAuthorised, HistoryKind::SignatureMade],
            ..Default::default()
        };
        let page = house.service.holders.history(house.holder, &query).unwrap();
        let [authorised, made] = &page.entries[..] else { panic!("{page:?}") };
        let detail = |entry: &accounts::holders::history::RecordedEntry, name: &str| {
            let found = entry.details.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        assert_eq!(detail(authorised, "hashes"), "1");
        assert_eq!(detail(authorised, "algorithm"), "ecdsa-sha256");
        assert_eq!(detail(made, "hash"), hex::encode(&what.hashes()[0]));
        assert_eq!(detail(made, "credential"), house.credential.to_string());
        let view = house.service.holders.credential(house.holder, house.credential, house.now());
        assert_eq!(Some(detail(made, "certificate")), view.unwrap().serial);
    });
}

/// What is authorised ends with the credential's state, and does not come back with it.
#[test]
fn a_suspension_ends_what_was_authorised_also_when_it_is_lifted() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        let change = async |event| {
            let (place, ca) = (house.place(), &house.service.holder_ca);
            let by = "operator".to_owned();
            let holders = &house.service.holders;
            holders.change_by_operator(place, event, by, ca, house.now()).await.unwrap();
        };
        let sign = async || {
            let by = By::Access(&house.access);
            house.service.signing.sign(by, &granted.sad, &what, house.now()).await
        };
        change(Event::Suspend { until: None, cause: SuspensionCause::Operator }).await;
        let refused = SignError::CredentialNotActive(CredentialState::Suspended);
        assert_eq!(sign().await, Err(refused));
        change(Event::Reactivate).await;
        assert_eq!(sign().await, Err(SignError::SadWithdrawn));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 0);
        // Authorised anew, it signs.
        let granted = house.authorise(&what).await;
        let by = By::Access(&house.access);
        house.service.signing.sign(by, &granted.sad, &what, house.now()).await.unwrap();
    });
}

/// A certificate that the CA's own operator put on hold does not sign either.
#[test]
fn a_certificate_on_hold_in_the_registry_does_not_sign() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        let view = house.service.holders.credential(house.holder, house.credential, house.now());
        let serial = view.unwrap().serial.unwrap().parse().unwrap();
        let by = authority::Act::new("operator", "a complaint");
        let authority = house.service.pki.authority();
        authority.suspend(&serial, None, &by, house.service.clock.now()).await.unwrap();
        let by = By::Access(&house.access);
        let refused = house.service.signing.sign(by, &granted.sad, &what, house.now()).await;
        let state = SignError::CredentialNotActive(CredentialState::Suspended);
        assert_eq!(refused, Err(state));
    });
}

#[test]
fn another_pin_ends_what_the_old_one_authorised() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        let otp = house.otp(Purpose::ChangePin, binding(house.credential)).await;
        let (old, new) = (Pin::parse(PIN).unwrap(), NewPin { pin: "16180339", repeat: "16180339" });
        let (holders, now) = (&house.service.holders, house.now());
        holders.change_pin(house.place(), old, new, otp, now).await.unwrap();
        assert_eq!(house.service.signing.unlocked_keys(), 1);
        house.service.forget_keys(house.credential);
        assert_eq!(house.service.signing.unlocked_keys(), 0);
        let by = By::Access(&house.access);
        // Its time is over as well by now: asked at the instant of the grant.
        let at = granted.expires_at - chrono::TimeDelta::seconds(1);
        let refused = house.service.signing.sign(by, &granted.sad, &what, at).await;
        assert_eq!(refused, Err(SignError::SadWithdrawn));
    });
}

/// Nothing is left of an authorisation a minute after its end.
#[test]
fn what_has_ended_is_deleted_and_locks_its_key() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let what = house.what(ECDSA, &["a contract"]);
        let granted = house.authorise(&what).await;
        house.wait(10);
        house.service.signing.tick(house.now()).await.unwrap();
        assert_eq!(house.service.signing.unlocked_keys(), 0);
        let left = house.service.holders.ended_authorisations(house.now(), 10).unwrap();
        assert!(left.is_empty(), "{left:?}");
        let by = By::Access(&house.access);
        let refused = house.service.signing.sign(by, &granted.sad, &what, house.now()).await;
        assert_eq!(refused, Err(SignError::UnknownSad));
    });
}

/// A linked system signs what it likes in its window, and nothing after it; nobody else may open
/// one, and no system may for a credential that wants a code every time.
#[test]
fn a_linked_system_signs_unattended_in_its_window() {
    block_on(async {
        let house = House::active(CredentialKind::Automatic, SigningKeyKind::P256).await;
        let (holders, signing) = (&house.service.holders, &house.service.signing);
        let access = house.link(DeviceKind::System).await;
        let of = |access: &Access| {
            HolderSystem::of(holders, access.clone(), house.credential, house.now())
        };
        let system = of(&access).unwrap();
        let ends_at = house.now() + chrono::TimeDelta::hours(1);
        let request = WindowRequest { algorithm: ECDSA, signatures: 3, ends_at };
        let pin = house.pin().await;
        let granted = signing.open_window(&system, request, pin, house.now()).await.unwrap();
        let public = public_key(&house);
        let sign = async |texts: &[&str]| {
            let what = house.what(ECDSA, texts);
            let by = By::System(&system);
            let values = signing.sign(by, &granted.sad, &what, house.now()).await?;
            for (hash, value) in what.hashes().iter().zip(&values) {
                assert!(verifies(&public, ECDSA, hash, value));
            }
            Ok::<usize, SignError>(values.len())
        };
        assert_eq!(sign(&["one", "two"]).await, Ok(2));
        assert_eq!(sign(&["three", "four"]).await, Err(SignError::WindowSpent { left: 1 }));
        // The session of the same holder has no part in it.
        let what = house.what(ECDSA, &["five"]);
        let other = signing.sign(By::Access(&house.access), &granted.sad, &what, house.now());
        assert_eq!(other.await, Err(SignError::SadOfOtherAccess));
        assert_eq!(sign(&["five"]).await, Ok(1));
        assert_eq!(house.happened(HistoryKind::SignatureMade), 3);

        assert_eq!(of(&house.access).err(), Some(SignError::NotAutomatic));
        let phone = house.link(DeviceKind::Phone).await;
        assert_eq!(of(&phone).err(), Some(SignError::NotAutomatic));
    });
}

/// A system that was linked for one credential uses no other, nor one that comes later.
#[test]
fn a_system_uses_the_credentials_that_it_was_linked_for() {
    block_on(async {
        let house = House::active(CredentialKind::Automatic, SigningKeyKind::P256).await;
        let holders = &house.service.holders;
        let own = house.link_for(DeviceKind::System, Some(vec![house.credential])).await;
        let may = HolderSystem::of(holders, own.clone(), house.credential, house.now());
        assert!(may.is_ok());
        let elsewhere = accounts::holders::CredentialId::new([7; 16]);
        let mut other = own;
        other.credentials = Some(vec![elsewhere]);
        let refused = HolderSystem::of(holders, other, house.credential, house.now());
        assert_eq!(refused.err(), Some(SignError::SystemOfOtherCredential));
    });
}

#[test]
fn a_system_opens_no_window_for_a_credential_that_wants_codes() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        let access = house.link(DeviceKind::System).await;
        let holders = &house.service.holders;
        let own = HolderSystem::of(holders, access.clone(), house.credential, house.now());
        assert_eq!(own.err(), Some(SignError::NotAutomatic));
        let unknown = accounts::holders::CredentialId::new([7; 16]);
        let other = HolderSystem::of(holders, access, unknown, house.now());
        assert_eq!(other.err(), Some(SignError::UnknownCredential));
    });
}

/// A key that nobody can use any more does not wait in memory for the end of its authorisation.
#[test]
fn a_key_is_locked_when_its_access_ends_or_its_certificate_does() {
    block_on(async {
        let house = House::active(CredentialKind::Automatic, SigningKeyKind::P256).await;
        let service = &house.service;
        let what = house.what(ECDSA, &["a contract"]);
        house.authorise(&what).await;
        let system = house.link(DeviceKind::System).await;
        let asks =
            HolderSystem::of(&service.holders, system.clone(), house.credential, house.now());
        let ends_at = house.now() + chrono::TimeDelta::hours(1);
        let request = WindowRequest { algorithm: ECDSA, signatures: 3, ends_at };
        let (pin, now) = (house.pin().await, house.now());
        service.signing.open_window(&asks.unwrap(), request, pin, now).await.unwrap();
        service.lock_dead_keys(None).await;
        assert_eq!(service.signing.unlocked_keys(), 2, "both go on");
        // The session ends, and the system has its key all the same.
        let session = house.access.session().unwrap();
        let (holder, by) = (house.holder, house.access.actor());
        service.holders.end_session(holder, session, by.clone(), house.now()).await.unwrap();
        service.lock_dead_keys(Some(HolderId::new(99))).await;
        assert_eq!(service.signing.unlocked_keys(), 2, "nothing of another holder is looked at");
        service.lock_dead_keys(Some(holder)).await;
        assert_eq!(service.signing.unlocked_keys(), 1);
        let AccessKind::System(device) = system.what else { panic!("a system") };
        service.holders.unlink_device(holder, device, by, house.now()).await.unwrap();
        service.lock_dead_keys(Some(holder)).await;
        assert_eq!(service.signing.unlocked_keys(), 0);
    });
}

#[test]
fn a_key_is_locked_when_the_registry_revokes_its_certificate() {
    block_on(async {
        let house = House::active(CredentialKind::Remote, SigningKeyKind::P256).await;
        house.authorise(&house.what(ECDSA, &["a contract"])).await;
        let view = house.service.holders.credential(house.holder, house.credential, house.now());
        let serial = view.unwrap().serial.unwrap().parse().unwrap();
        let by = authority::Act::new("operator", "a complaint");
        let (authority, now) = (house.service.pki.authority(), house.service.clock.now());
        authority.suspend(&serial, None, &by, now).await.unwrap();
        house.service.lock_dead_keys(None).await;
        assert_eq!(house.service.signing.unlocked_keys(), 0);
    });
}
