//! A bundle of certificates from outside, in any order, told apart by what they are.

use certs::check::{ParsedCertificate, parse};
use openssl::pkey::{PKey, Public};

/// The parts of a bundle.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    /// The certificate of the unit.
    pub(super) leaf: Vec<u8>,
    /// The CAs that another CA has certified.
    pub(super) chain: Vec<Vec<u8>>,
    /// The CAs that certify themselves.
    pub(super) roots: Vec<Vec<u8>>,
}

/// Tells the certificates of a bundle apart. The unit's is the one over its key; when there is
/// none, the first stands in its place, so that the check can say what is wrong with it.
pub(super) fn split(certificates: Vec<Vec<u8>>, key: &PKey<Public>) -> Bundle {
    let mut bundle = Bundle::default();
    let parsed: Vec<_> = certificates.iter().map(|der| parse(der).ok()).collect();
    let is_of_key = |certificate: &Option<ParsedCertificate>| {
        let own = certificate.as_ref().and_then(ParsedCertificate::public_key);
        own.is_some_and(|own| own.public_eq(key))
    };
    let leaf = parsed.iter().position(is_of_key).unwrap_or(0);
    for (index, (der, parsed)) in certificates.into_iter().zip(parsed).enumerate() {
        let is_root = parsed.is_some_and(|parsed| certifies_itself(&parsed));
        match (index == leaf, is_root) {
            (true, _) => bundle.leaf = der,
            (false, true) => bundle.roots.push(der),
            (false, false) => bundle.chain.push(der),
        }
    }
    bundle
}

/// A name alone makes no root: whoever delivers the bundle can write any. Without the signature,
/// a certificate that no CA stands behind would end the chain and be trusted.
fn certifies_itself(certificate: &ParsedCertificate) -> bool {
    certificate.issuer() == certificate.subject()
        && certificate.public_key().is_some_and(|key| certificate.is_signed_by(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::pkey::Private;
    use openssl::x509::{X509Builder, X509NameBuilder};

    fn self_issued(own: &PKey<Private>, signer: &PKey<Private>) -> Vec<u8> {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "Root").unwrap();
        let name = name.build();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(own).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1).unwrap()).unwrap();
        builder.sign(signer, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    }

    #[test]
    fn a_root_is_signed_with_its_own_key() {
        let [unit, own, other] = [(); 3].map(|()| PKey::ec_gen("prime256v1").unwrap());
        let (leaf, root) = (self_issued(&unit, &other), self_issued(&own, &own));
        let fake = self_issued(&own, &other);
        let key = PKey::public_key_from_der(&unit.public_key_to_der().unwrap()).unwrap();
        let bundle = split(vec![fake.clone(), root.clone(), leaf.clone()], &key);
        assert_eq!((bundle.leaf, bundle.chain, bundle.roots), (leaf, vec![fake], vec![root]));
    }
}
