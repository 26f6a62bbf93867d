//! What the CA writes, field by field.

use crate::support::{Hierarchy, now};
use chrono::Duration;
use marca_certs::KeyKind;

#[test]
fn every_kind_of_key_gives_a_certificate_that_passes_the_check() {
    for kind in KeyKind::ALL {
        let hierarchy = Hierarchy::new(kind);
        let unit = hierarchy.check().unwrap();
        assert_eq!(unit.der(), hierarchy.unit);
        assert_eq!(unit.key_kind(), kind);
        assert_eq!(unit.not_before(), now());
        assert_eq!(unit.not_after(), now() + Duration::days(4 * 365));
        assert_eq!(unit.private_key_usage_not_after(), Some(now() + Duration::days(365)));
        assert_eq!(unit.chain(), hierarchy.chain());
        assert_eq!(unit.root(), hierarchy.root.certificate_der());
        assert_eq!(*unit.sha256(), openssl::sha::sha256(&hierarchy.unit));
    }
}
