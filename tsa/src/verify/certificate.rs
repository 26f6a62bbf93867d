//! Whether a certificate is the one that a signature names, and whether it may sign tokens.

use super::{Token, Trust, VerifyError};
use crate::token::CertificateSet;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509StoreContext, X509VerifyResult};
use rasn_pkix::{Certificate, ExtKeyUsageSyntax};

/// id-ce-extKeyUsage (RFC 5280 §4.2.1.12).
const EXT_KEY_USAGE: &[u32] = &[2, 5, 29, 37];

/// Whether issuer and serial number of this certificate are these.
pub(super) fn is_named(certificate: &[u8], sid: &[u8]) -> bool {
    CertificateSet::new(certificate, &[]).is_ok_and(|set| set.sid() == sid)
}

/// Checks the purpose of the signer's certificate and its chain to a root, at `unix_seconds`.
pub(super) fn check(
    signer: &X509,
    token: &Token<'_>,
    trust: &Trust,
    unix_seconds: i64,
) -> Result<(), VerifyError> {
    purpose(signer)?;
    chain(signer, token, trust, unix_seconds)
}

/// RFC 3161 §2.3: "The corresponding certificate MUST contain only one instance of the extended key
/// usage field extension [...] with KeyPurposeID having value: id-kp-timeStamping. This extension
/// MUST be critical."
fn purpose(signer: &X509) -> Result<(), VerifyError> {
    let wrong = |what: &str| VerifyError::Certificate(what.to_owned());
    let parsed: Certificate =
        rasn::der::decode(&signer.to_der()?).map_err(|_| wrong("it cannot be read"))?;
    let extensions = parsed.tbs_certificate.extensions;
    let mut usages = extensions
        .iter()
        .flat_map(|extensions| extensions.iter())
        .filter(|extension| *extension.extn_id == *EXT_KEY_USAGE);
    let (Some(usage), None) = (usages.next(), usages.next()) else {
        return Err(wrong("it has not exactly one extended key usage"));
    };
    let purposes: ExtKeyUsageSyntax = rasn::der::decode(&usage.extn_value)
        .map_err(|_| wrong("its extended key usage cannot be read"))?;
    match purposes.as_slice() {
        [purpose] if *purpose == *certs::oid::TIME_STAMPING && usage.critical => Ok(()),
        _ => Err(wrong("its extended key usage is not timeStamping alone, critical")),
    }
}

fn chain(
    signer: &X509,
    token: &Token<'_>,
    trust: &Trust,
    unix_seconds: i64,
) -> Result<(), VerifyError> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_purpose(X509PurposeId::TIMESTAMP_SIGN)?;
    parameters.set_time(unix_seconds);
    let mut store = X509StoreBuilder::new()?;
    for root in &trust.roots {
        store.add_cert(root.clone())?;
    }
    store.set_param(&parameters)?;
    let mut others = Stack::new()?;
    for certificate in &trust.certificates {
        others.push(certificate.clone())?;
    }
    for certificate in token.certificates.iter().flatten() {
        others.push(X509::from_der(certificate)?)?;
    }
    let result = X509StoreContext::new()?.init(&store.build(), signer, &others, |context| {
        context.verify_cert()?;
        Ok(context.error())
    })?;
    if result == X509VerifyResult::OK {
        Ok(())
    } else {
        Err(VerifyError::Certificate(result.error_string().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    //! Only a certificate for time-stamping and nothing else signs tokens.

    use super::*;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::x509::extension::ExtendedKeyUsage;
    use openssl::x509::{X509Builder, X509NameBuilder};

    fn certificate(usage: Option<&ExtendedKeyUsage>) -> X509 {
        let key = PKey::ec_gen("prime256v1").unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "unit").unwrap();
        let name = name.build();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&openssl::asn1::Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&openssl::asn1::Asn1Time::from_unix(86_400).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        if let Some(usage) = usage {
            builder.append_extension(usage.build().unwrap()).unwrap();
        }
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    /// RFC 3161 §2.3: one extended key usage, timeStamping alone, critical.
    #[test]
    fn the_extended_key_usage_is_time_stamping_alone_and_critical() {
        let mut usages: [ExtendedKeyUsage; 4] = std::array::from_fn(|_| ExtendedKeyUsage::new());
        let [right, not_critical, more, other] = &mut usages;
        right.critical().time_stamping();
        not_critical.time_stamping();
        more.critical().time_stamping().code_signing();
        other.critical().server_auth();
        assert!(purpose(&certificate(Some(right))).is_ok());
        for wrong in [None, Some(&*not_critical), Some(more), Some(other)] {
            assert!(matches!(purpose(&certificate(wrong)), Err(VerifyError::Certificate(_))));
        }
    }
}
