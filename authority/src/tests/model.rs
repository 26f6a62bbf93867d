//! A random story against a model: after every step the list and the answers, read by OpenSSL,
//! say what the model says, and at its end the journal does too.

use super::support::outside::Said;
use super::support::*;
use crate::{Issued, Status};
use certs::RevocationReason;
use proptest::prelude::*;

/// One step of a story. Certificates are picked by a number, modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    Issue,
    Suspend { which: usize, for_seconds: Option<i64> },
    Reactivate { which: usize },
    Revoke { which: usize, reason: usize },
    Tick,
    Restart,
    Wait { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..1_000_usize;
    prop_oneof![
        3 => Just(Step::Issue),
        4 => (which.clone(), prop::option::of(1_i64..200))
            .prop_map(|(which, for_seconds)| Step::Suspend { which, for_seconds }),
        3 => which.clone().prop_map(|which| Step::Reactivate { which }),
        2 => (which, 0..7_usize).prop_map(|(which, reason)| Step::Revoke { which, reason }),
        2 => Just(Step::Tick),
        1 => Just(Step::Restart),
        2 => (1_i64..150).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// How a certificate stands, said without the code under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Good,
    Held { since: i64, until: Option<i64> },
    Revoked { at: i64, code: u8 },
}

struct Model {
    world: Option<World>,
    now: i64,
    certificates: Vec<(Issued, Stands)>,
    crl_number: u64,
}

impl Model {
    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        let picked = |which: usize| which.checked_rem(self.certificates.len());
        match *step {
            Step::Issue => {
                let issued = self.world().issue(now);
                self.certificates.push((issued, Stands::Good));
            }
            Step::Suspend { which, for_seconds } => {
                let Some(index) = picked(which) else { return };
                let until = for_seconds.map(|seconds| now + seconds);
                let serial = self.certificates[index].0.serial.clone();
                let done = block_on(self.world().authority.suspend(
                    &serial,
                    until.map(at),
                    admin(),
                    at(now),
                ));
                let since = match self.certificates[index].1 {
                    Stands::Good => Some(now),
                    Stands::Held { since, until: before } => (before != until).then_some(since),
                    Stands::Revoked { .. } => None,
                };
                self.expect(done.map(|changed| changed.crl_number).ok(), since.is_some());
                if let Some(since) = since {
                    self.certificates[index].1 = Stands::Held { since, until };
                }
            }
            Step::Reactivate { which } => {
                let Some(index) = picked(which) else { return };
                let serial = self.certificates[index].0.serial.clone();
                let done = block_on(self.world().authority.reactivate(&serial, admin(), at(now)));
                let is_legal = matches!(self.certificates[index].1, Stands::Held { .. });
                self.expect(done.map(|changed| changed.crl_number).ok(), is_legal);
                if is_legal {
                    self.certificates[index].1 = Stands::Good;
                }
            }
            Step::Revoke { which, reason } => {
                let Some(index) = picked(which) else { return };
                self.revoke(index, RevocationReason::ALL[reason]);
            }
            Step::Tick => self.tick(),
            Step::Restart => {
                let world = self.world.take().unwrap().restart(at(now));
                self.world = Some(world);
                self.tick();
            }
            Step::Wait { seconds } => self.now += seconds,
        }
    }

    fn revoke(&mut self, index: usize, reason: RevocationReason) {
        let (now, serial) = (self.now, self.certificates[index].0.serial.clone());
        let done = block_on(self.world().authority.revoke(&serial, reason, None, admin(), at(now)));
        let stood = self.certificates[index].1;
        let is_legal =
            !matches!(stood, Stands::Revoked { .. }) && reason != RevocationReason::CertificateHold;
        self.expect(done.map(|changed| changed.crl_number).ok(), is_legal);
        if is_legal {
            let since = if let Stands::Held { since, .. } = stood { since } else { now };
            self.certificates[index].1 = Stands::Revoked { at: since, code: reason.code() };
        }
    }

    fn tick(&mut self) {
        let ticked = block_on(self.world().authority.tick(at(self.now)));
        assert!(ticked.failures.is_empty(), "{:?}", ticked.failures);
        let mut ended = 0;
        for (_, stands) in &mut self.certificates {
            if matches!(stands, Stands::Held { until: Some(until), .. } if *until <= self.now) {
                *stands = Stands::Good;
                ended += 1;
            }
        }
        assert_eq!(ticked.reactivated.len(), ended);
    }

    /// A legal change has a newer list than any before; another one has none.
    fn expect(&mut self, crl_number: Option<u64>, is_legal: bool) {
        assert_eq!(crl_number.is_some(), is_legal);
        if let Some(number) = crl_number {
            assert!(number > self.crl_number, "{number} after {}", self.crl_number);
        }
    }

    fn agrees(&mut self) {
        let crl = self.world().authority.crl("issuing").unwrap();
        assert!(crl.number >= self.crl_number);
        self.crl_number = crl.number;
        let list = self.world().list();
        let mut listed = 0;
        for (issued, stands) in &self.certificates {
            let on_list = list.get(&issued.serial.to_string()).copied();
            let said = self.world().ask(&issued.der, self.now);
            let status = self.world().authority.status(&issued.serial).unwrap();
            let expected = match *stands {
                Stands::Good => None,
                Stands::Held { since, .. } => Some((6, at(since))),
                Stands::Revoked { at: since, code } => Some((i64::from(code), at(since))),
            };
            assert_eq!(on_list, expected);
            listed += usize::from(expected.is_some());
            match expected {
                None => assert_eq!((said, status), (Said::Good, Status::Good)),
                Some((code, since)) => assert_eq!(said, Said::Revoked(code as i32, since)),
            }
        }
        assert_eq!(list.len(), listed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn list_and_answers_agree_with_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let world = Some(world());
        let mut model = Model { world, now: 10, certificates: Vec::new(), crl_number: 0 };
        for step in &steps {
            model.step(step);
            model.agrees();
        }
        let report = model.world().audit();
        let count = |wanted: fn(&Stands) -> bool| {
            model.certificates.iter().filter(|(_, stands)| wanted(stands)).count() as u64
        };
        prop_assert_eq!(report.certificates, model.certificates.len() as u64 + 2);
        prop_assert_eq!(report.held, count(|stands| matches!(stands, Stands::Held { .. })));
        prop_assert_eq!(report.revoked, count(|stands| matches!(stands, Stands::Revoked { .. })));
    }
}
