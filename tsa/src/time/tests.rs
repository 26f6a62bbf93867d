//! genTime never goes back, and is written as RFC 3161 wants it.

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64};

#[derive(Default)]
struct Clock {
    unix_ms: AtomicI64,
    error_us: AtomicU64,
    lost: AtomicBool,
}

const SECOND: Accuracy = Accuracy::SECOND;

impl TimeSource for Clock {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(TimeNotAvailable { reason: "not synchronised".to_owned() });
        }
        let unix_ms = self.unix_ms.load(Ordering::SeqCst);
        Ok(Instant { unix_ms, error_us: self.error_us.load(Ordering::SeqCst) })
    }
}

fn guard(unix_ms: i64, last_issued: Option<i64>) -> (Arc<Clock>, TimeGuard) {
    let clock = Arc::new(Clock { unix_ms: AtomicI64::new(unix_ms), ..Clock::default() });
    (Arc::clone(&clock), TimeGuard::new(clock, last_issued))
}

/// F07: a clock that jumps back stops the issuing until it has caught up; equal is enough.
#[test]
fn a_clock_that_jumps_back_gives_no_time_until_it_has_caught_up() {
    let (clock, guard) = guard(10_000, None);
    assert_eq!(guard.gen_time(SECOND), Ok(10_000));
    clock.unix_ms.store(9_000, Ordering::SeqCst);
    let error = guard.gen_time(SECOND).unwrap_err();
    assert_eq!(error.reason, "the clock is 1000 ms behind the last token");
    assert!(guard.now(SECOND).is_err());
    clock.unix_ms.store(9_999, Ordering::SeqCst);
    assert!(guard.gen_time(SECOND).is_err());
    clock.unix_ms.store(10_000, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND), Ok(10_000));
}

/// The promise holds across a restart: the last genTime comes from the ledger.
#[test]
fn a_clock_behind_the_last_token_before_a_restart_gives_no_time() {
    let (clock, guard) = guard(9_999, Some(10_000));
    assert!(guard.gen_time(SECOND).is_err());
    clock.unix_ms.store(10_001, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND), Ok(10_001));
}

/// Looking at the clock is not issuing: only tokens bind it.
#[test]
fn looking_does_not_bind() {
    let (clock, guard) = guard(10_000, None);
    assert_eq!(guard.now(SECOND), Ok(10_000));
    clock.unix_ms.store(9_000, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND), Ok(9_000));
}

#[test]
fn a_lost_clock_gives_no_time() {
    let (clock, guard) = guard(10_000, None);
    clock.lost.store(true, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND).unwrap_err().reason, "not synchronised");
}

/// EN 319 421 TIS-7.7.1-07: a clock out of the stated accuracy gives no token. What is cut off to
/// milliseconds counts too.
#[test]
fn a_clock_that_is_less_exact_than_asked_gives_no_time() {
    let (clock, guard) = guard(10_000, None);
    let accuracy = |micros| Accuracy::from_micros(micros).unwrap();
    for (error_us, asked_us, enough) in [
        (0, 1_000, true),
        (0, 999, false),
        (1, 1_000, false),
        (999_000, 1_000_000, true),
        (999_001, 1_000_000, false),
        (u64::MAX, 3_600_000_000, false),
    ] {
        clock.error_us.store(error_us, Ordering::SeqCst);
        assert_eq!(guard.now(accuracy(asked_us)).is_ok(), enough, "{error_us} {asked_us}");
        assert_eq!(guard.gen_time(accuracy(asked_us)).is_ok(), enough, "{error_us} {asked_us}");
    }
    clock.error_us.store(999_001, Ordering::SeqCst);
    let reason = guard.gen_time(SECOND).unwrap_err().reason;
    assert!(reason.contains("999001 us") && reason.contains("accuracy of 1000000 us"), "{reason}");
}

/// One clock, two units: the one that promises less still issues.
#[test]
fn the_accuracy_is_asked_for_each_token() {
    let (clock, guard) = guard(10_000, None);
    clock.error_us.store(20_000, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND), Ok(10_000));
    assert!(guard.gen_time(Accuracy::from_micros(10_000).unwrap()).is_err());
}

/// F08: nonsense does not become a token, nor a bound for later ones.
#[test]
fn times_that_no_token_can_carry_are_refused() {
    let (clock, guard) = guard(-1, None);
    assert!(guard.gen_time(SECOND).is_err());
    for nonsense in [END_OF_TIME_MS, i64::MAX, i64::MIN] {
        clock.unix_ms.store(nonsense, Ordering::SeqCst);
        assert!(guard.gen_time(SECOND).is_err(), "{nonsense}");
    }
    clock.unix_ms.store(5, Ordering::SeqCst);
    assert_eq!(guard.gen_time(SECOND), Ok(5));
}

/// Many threads on a clock that ticks: no thread sees time go back, and none is refused because
/// another one was quicker.
#[test]
fn threads_see_time_in_order_and_are_never_refused() {
    let (clock, guard) = guard(1_000, None);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..20_000 {
                    clock.unix_ms.fetch_add(1, Ordering::SeqCst);
                    let time = guard.gen_time(SECOND).unwrap();
                    assert!(time >= last);
                    last = time;
                }
            });
        }
    });
    assert_eq!(guard.gen_time(SECOND), Ok(161_000));
}

/// A clock in whose reading another thread, as it were, is quicker: it reads 200 and makes its
/// token before the first reader gets its 100.
struct Overtaken {
    guard: std::sync::OnceLock<std::sync::Weak<TimeGuard>>,
    readings: AtomicI64,
}

impl TimeSource for Overtaken {
    fn now(&self) -> Result<Instant, TimeNotAvailable> {
        if self.readings.fetch_add(1, Ordering::SeqCst) != 0 {
            return Ok(Instant { unix_ms: 200, error_us: 0 });
        }
        let guard = self.guard.get().unwrap().upgrade().unwrap();
        assert_eq!(guard.gen_time(SECOND), Ok(200));
        Ok(Instant { unix_ms: 100, error_us: 0 })
    }
}

/// Who is overtaken between the clock and the guard keeps the order, and is not refused.
#[test]
fn an_overtaken_reader_does_not_go_back() {
    let source = Arc::new(Overtaken { guard: Default::default(), readings: AtomicI64::new(0) });
    let guard = Arc::new(TimeGuard::new(source.clone(), None));
    source.guard.set(Arc::downgrade(&guard)).unwrap();
    assert_eq!(guard.gen_time(SECOND), Ok(200));
    assert_eq!(guard.last.load(Ordering::SeqCst), 200);
}

fn text(unix_ms: i64) -> String {
    String::from_utf8(generalized_time(unix_ms).unwrap().as_bytes().to_vec()).unwrap()
}

/// R11, RFC 3161 §2.4.2: "The fractional-seconds elements, if present, MUST omit all trailing 0's;
/// if the elements correspond to 0, they MUST be wholly omitted, and the decimal point element also
/// MUST be omitted."
#[test]
fn gen_time_is_written_as_the_standard_wants_it() {
    let second = 1_772_366_399_000;
    assert_eq!(text(second), "20260301115959Z");
    assert_eq!(text(second + 123), "20260301115959.123Z");
    assert_eq!(text(second + 120), "20260301115959.12Z");
    assert_eq!(text(second + 100), "20260301115959.1Z");
    assert_eq!(text(second + 3), "20260301115959.003Z");
    // "Midnight (GMT) shall be represented in the form: 'YYYYMMDD000000Z'", of the day that begins.
    assert_eq!(text(1_772_323_200_000), "20260301000000Z");
    assert_eq!(text(0), "19700101000000Z");
    assert_eq!(text(951_782_400_000), "20000229000000Z");
    assert!(generalized_time(-1).is_none());
    assert!(generalized_time(END_OF_TIME_MS).is_none());
    assert!(text(END_OF_TIME_MS - 1).starts_with("6429"));
}

/// R14, RFC 3161 §2.4.2: millis and micros are in (1..999), so zeros are left out.
#[test]
fn zero_components_of_the_accuracy_are_left_out() {
    let parts = |micros| Accuracy::from_micros(micros).unwrap().parts();
    assert_eq!(parts(1_000_000), [Some(1), None, None]);
    assert_eq!(parts(500_000), [None, Some(500), None]);
    assert_eq!(parts(1), [None, None, Some(1)]);
    assert_eq!(parts(3_600_000_000), [Some(3600), None, None]);
    assert_eq!(parts(1_002_003), [Some(1), Some(2), Some(3)]);
    for micros in [0, 3_600_000_001, u64::MAX] {
        assert_eq!(Accuracy::from_micros(micros), Err(BadAccuracy { micros }));
    }
}

proptest! {
    #[test]
    fn gen_time_is_written_as_rasn_writes_it(unix_ms in 0..END_OF_TIME_MS) {
        let time = rasn::types::GeneralizedTime::from(
            DateTime::<Utc>::from_timestamp_millis(unix_ms).unwrap(),
        );
        let rasns = rasn::der::encode(&time).unwrap();
        let ours = text(unix_ms);
        prop_assert_eq!(&rasns[2..], ours.as_bytes());
    }
}
