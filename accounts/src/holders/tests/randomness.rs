//! Who holds the generator of the service, and for how long: a transaction that draws waits for it,
//! and stamping waits for the transaction.

use super::support::Bench;
use crate::holders::pin::new_sheet;
use crate::holders::{Holders, Pepper};
use crate::testing::{MapStore, TestRandom};
use envelope::Passphrase;
use parking_lot::Mutex;
use std::sync::Arc;

/// Notes how many octets each draw takes. Single numbers, as for the digits of a code, are none.
struct Noted(TestRandom, Arc<Mutex<Vec<usize>>>);

impl rand::TryRng for Noted {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Self::Error> {
        self.1.lock().push(target.len());
        self.0.try_fill_bytes(target)
    }
}

impl rand::TryCryptoRng for Noted {}

/// Sealing takes long and draws as it goes. Whoever draws from the generator of the service holds
/// it; so an envelope takes a seed from it, and draws from a generator of its own.
#[test]
fn nobody_waits_for_the_generator_while_an_envelope_is_sealed() {
    let drawn = Arc::new(Mutex::new(Vec::new()));
    let random = Noted(TestRandom::new(7), Arc::clone(&drawn));
    let pepper = Pepper::parse(&Bench::pepper(1)).unwrap();
    let bench = Bench::new();
    let id = bench.holder("ada@example.org");
    let of = bench.holders.holder(id).unwrap();
    let holders = Holders::open(MapStore::new(), Bench::settings(), pepper, random).unwrap();
    let addresses = crate::holders::credential::tests::support::addresses();
    let passphrase = Passphrase::parse("una frase lunga").unwrap();
    drawn.lock().clear();
    let sheet = new_sheet(holders.inner(), &of, &passphrase, (&addresses, super::support::at(0)));
    assert!(sheet.unwrap().pdf.starts_with(b"%PDF"));
    // The seed; then salt and nonce of the key under the new PUK.
    assert_eq!(*drawn.lock(), [32, 16, 12]);
}
