//! Every refusal of a code, word for word, with its name, field and rule.

use crate::holders::HolderError;
use crate::holders::credential::IssuerFault;
use crate::holders::pin::CodeRefusal;
use envelope::{BadCode, BadPassphrase, PinRefused};

fn all() -> Vec<CodeRefusal> {
    use CodeRefusal::*;
    let malformed = [BadCode::Pin, BadCode::Puk, BadCode::EmergencyCode, BadCode::EnvelopeNumber];
    let rules = [
        PinRefused::NotEightDigits,
        PinRefused::RepeatedDigits,
        PinRefused::RepeatedGroup,
        PinRefused::Run,
        PinRefused::BirthDate,
        PinRefused::UsedBefore,
    ];
    let mut all = vec![UnknownCredential];
    all.extend(malformed.map(Malformed));
    all.extend(rules.map(NewPin));
    all.extend([
        WrongPin { left: 4 },
        PinNeedsCode,
        PinLocked,
        WrongPuk { left: 3 },
        WrongCodes { left: 2 },
        WrongPair { left: 2 },
        CodesExhausted,
        Changed,
        WrongEmergencyCode,
        PukNeeded,
        HeldByOperator,
        IssuerFailed { fault: IssuerFault { reason: "a secret of the issuer".to_owned() } },
    ]);
    let passphrase = [
        BadPassphrase::TooShort { found: 5, minimum: 8 },
        BadPassphrase::TooLong { found: 128, maximum: 127 },
        BadPassphrase::ForbiddenCharacter,
    ];
    all.extend([RenewalTooEarly { from: super::support::at(0) }, NoRenewal]);
    all.extend(passphrase.map(Passphrase));
    all.push(EnvelopeFailed { reason: "a secret of the issuer".to_owned() });
    all
}

#[test]
fn every_refusal_reads_as_written_down() {
    let line = |refusal: CodeRefusal| {
        let error = HolderError::from(refusal);
        let (field, rule) = (error.field().unwrap_or("-"), error.rule().unwrap_or("-"));
        format!("{} [{field}, {rule}] {error}\n", error.slug())
    };
    let text: String = all().into_iter().map(line).collect();
    let golden = include_str!("golden/errors.txt");
    assert!(text == golden, "these are the refusals now:\n{text}");
    assert!(!text.contains("a secret of the issuer"));
}
