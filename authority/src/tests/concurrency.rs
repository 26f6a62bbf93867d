//! Many at once: no change is lost, no list is without a change that was confirmed, and a hundred
//! changes do not cost a hundred lists.

use super::support::*;
use crate::{AuthorityError, Status};
use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use tokio::task::JoinSet;

#[test]
fn certificates_that_are_issued_at_once_are_all_there() {
    let world = Arc::new(world());
    let serials: HashSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let world = world.clone();
                scope.spawn(move || (0..10).map(|_| world.issue(1).serial).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(serials.len(), 80);
    assert!(serials.iter().all(|one| world.authority.status(one) == Some(Status::Good)));
    assert_eq!(world.audit().certificates, 82);
}

/// Each list that a change returned with has that change.
#[test]
fn changes_that_come_together_share_lists() {
    let world = Arc::new(world());
    let issued: Vec<_> = (0..60).map(|_| world.issue(1)).collect();
    let numbers = block_on(async {
        let mut changes = JoinSet::new();
        for one in issued {
            let world = world.clone();
            changes.spawn(async move {
                let changed = world.authority.suspend(&one.serial, None, admin(), at(10)).await;
                let crl = world.authority.crl("issuing").unwrap();
                let list = outside::list(&crl.der, &world.site.issuing);
                assert!(list.contains_key(&one.serial.to_string()), "its own change is missing");
                changed.unwrap().crl_number
            });
        }
        changes.join_all().await
    });
    let last = world.authority.crl("issuing").unwrap();
    assert_eq!(last.entries, 60);
    let lists: HashSet<_> = numbers.into_iter().collect();
    assert!(lists.len() < 60, "{} lists for 60 changes", lists.len());
    assert_eq!(world.audit().held, 60);
}

/// One certificate, many hands: the changes come one after another, and the last is what stands.
#[test]
fn changes_of_one_certificate_follow_each_other() {
    let world = Arc::new(world());
    let issued = world.issue(1);
    let legal = Arc::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (world, legal, serial) = (world.clone(), legal.clone(), issued.serial.clone());
            scope.spawn(move || {
                for turn in 0..10 {
                    let authority = &world.authority;
                    let outcome = if (thread + turn) % 2 == 0 {
                        block_on(authority.suspend(&serial, None, admin(), at(10)))
                    } else {
                        block_on(authority.reactivate(&serial, admin(), at(10)))
                    };
                    match outcome {
                        Ok(_) => drop(legal.fetch_add(1, Ordering::SeqCst)),
                        Err(AuthorityError::Illegal { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let details = world.authority.show(&issued.serial, at(20)).unwrap().unwrap();
    assert_eq!(details.history.len() as u64, legal.load(Ordering::SeqCst));
    assert_eq!(world.authority.status(&issued.serial), Some(details.certificate.status));
    let is_held = details.certificate.status != Status::Good;
    assert_eq!(world.list().len(), usize::from(is_held));
    world.audit();
}

/// Answers are asked for while the status changes: after a change that has returned, no answer
/// tells what was before.
#[test]
fn no_old_answer_is_given_after_a_change() {
    let world = Arc::new(world());
    let issued = Arc::new(world.issue(1));
    let request = Arc::new(outside::request(&world.site.issuing, &[&issued.der], false));
    // Odd: good and about to change. Even: it stands so until the number grows.
    let turn = Arc::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (world, issued) = (world.clone(), issued.clone());
            let (request, turn) = (request.clone(), turn.clone());
            scope.spawn(move || {
                loop {
                    let before = turn.load(Ordering::SeqCst);
                    if before == u64::MAX {
                        return;
                    }
                    let told = world.authority.ocsp(&request, at(5)).der;
                    let stood_still = before % 2 == 0 && turn.load(Ordering::SeqCst) == before;
                    if stood_still {
                        let said = outside::answer(&world.site.issuing, &told, &issued.der);
                        let is_held = before % 4 == 2;
                        assert_eq!(said != outside::Said::Good, is_held, "turn {before}");
                    }
                }
            });
        }
        for change in 0..40 {
            turn.fetch_add(1, Ordering::SeqCst);
            if change % 2 == 0 {
                world.suspend(&issued.serial, 5);
            } else {
                world.reactivate(&issued.serial, 5);
            }
            turn.fetch_add(1, Ordering::SeqCst);
        }
        turn.store(u64::MAX, Ordering::SeqCst);
    });
}

/// The one who made a change goes away before its list is made: it is made all the same.
#[test]
fn a_caller_who_goes_away_leaves_nothing_half_done() {
    let world = world();
    let issued = world.issue(1);
    block_on(async {
        let serial = issued.serial.clone();
        let mut change = Box::pin(world.authority.suspend(&serial, None, admin(), at(10)));
        while world.authority.status(&serial) == Some(Status::Good) {
            poll_fn(|context| {
                assert!(change.as_mut().poll(context).is_pending(), "the list came too soon");
                Poll::Ready(())
            })
            .await;
        }
        drop(change);
    });
    assert!(matches!(world.authority.status(&issued.serial), Some(Status::Held { .. })));
    block_on(world.authority.tick(at(20)));
    assert_eq!(world.list().len(), 1);
    world.audit();
}
