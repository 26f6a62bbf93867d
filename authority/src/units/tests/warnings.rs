//! Warnings at 90, 30, 7 and 1 days: each once, and none that was overtaken.

use super::support::*;
use crate::units::*;
use chrono::{DateTime, Utc};

async fn unit_without_rollover() -> Bench {
    let bench = Bench::new();
    let settings = UnitSettings { rollover: None, ..unit("main") };
    bench.registry.configure(settings, None, &by(), noon()).await.unwrap();
    bench
}

/// The days of the one warning that is due.
fn due(bench: &Bench, now: DateTime<Utc>) -> Option<Warning> {
    let mut warnings = bench.registry.warnings_due(now).unwrap();
    assert!(warnings.len() <= 1);
    warnings.pop()
}

#[tokio::test]
async fn each_warning_comes_once_and_restarts_do_not_repeat_it() {
    let mut bench = unit_without_rollover().await;
    let mut sent = Vec::new();
    for number in 0..=366 {
        if let Some(warning) = due(&bench, day(number)) {
            assert_eq!((warning.ends_at, warning.what), (day(365), EndOf::KeyUse));
            assert_eq!(due(&bench, day(number)), Some(warning.clone()), "until it was sent");
            bench.registry.warning_sent(&warning, day(number)).await.unwrap();
            assert_eq!(due(&bench, day(number)), None);
            sent.push((number, warning.days));
            bench = bench.restarted();
        }
    }
    assert_eq!(sent, [(275, 90), (335, 30), (358, 7), (364, 1)]);
    let told = bench.told().iter().filter(|told| told.starts_with("end-warning-sent")).count();
    assert_eq!(told, 4);
}

/// After a long pause the most urgent one is enough.
#[tokio::test]
async fn what_was_overtaken_is_not_sent() {
    let bench = unit_without_rollover().await;
    let warning = due(&bench, day(360)).unwrap();
    assert_eq!(warning.days, 7);
    bench.registry.warning_sent(&warning, day(360)).await.unwrap();
    assert_eq!(due(&bench, day(361)), None);
    assert_eq!(due(&bench, day(364)).unwrap().days, 1);
}

/// A new generation begins anew; who takes over is said before.
#[tokio::test]
async fn a_rollover_ends_the_warnings() {
    let bench = Bench::new();
    bench.active("main").await;
    let first = due(&bench, day(275)).unwrap();
    assert_eq!((first.days, first.successor), (90, None));
    bench.registry.warning_sent(&first, day(275)).await.unwrap();
    bench.registry.tick(day(335)).await.unwrap();
    let second = due(&bench, day(335)).unwrap();
    assert_eq!((second.days, second.successor), (30, Some((2, day(358)))));
    bench.registry.warning_sent(&second, day(335)).await.unwrap();
    bench.registry.tick(day(358)).await.unwrap();
    assert_eq!(due(&bench, day(364)), None);
    let next = due(&bench, day(335 + 365 - 90)).unwrap();
    assert_eq!((next.generation, next.days), (2, 90));
}

#[tokio::test]
async fn what_does_not_sign_is_not_warned_about() {
    let bench = Bench::new();
    bench.registry.create(unit("main"), &by(), noon()).await.unwrap();
    bench.registry.certify("main", None, &by(), noon()).await.unwrap();
    assert_eq!(due(&bench, day(364)), None);
}
