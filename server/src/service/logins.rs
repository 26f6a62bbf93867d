//! Who asked to be let in, for the audit trail: summed, so that no guesser can fill the store.
//!
//! Refusals are counted for each (who, how, address) over a minute and told once the minute is
//! over; the first success of each account by each kind of proof is told once an hour. What was
//! sent as a name is told only when an account has it: people type passwords into name fields.

use accounts::StampAccountId;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use trail::{Category, Event};

/// Refusals told apart in one minute; further ones are counted together.
const MOST_APART: usize = 500;
/// Of those, callers with no name that is known. Somebody with many addresses tells no more of them
/// apart in a day than this many for each minute.
const MOST_UNKNOWN: usize = 50;
/// Successes remembered in one hour; beyond that, one is told more than once.
const MOST_REMEMBERED: usize = 100_000;

/// Who gave no name, or none that anybody has.
const UNKNOWN: &str = "unknown";

/// Who was refused, and how: what one count is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Refused {
    action: &'static str,
    actor: String,
    proof: &'static str,
    from: Option<IpAddr>,
}

/// The refusals of a minute and the successes of an hour.
#[derive(Default)]
pub(crate) struct Logins(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    minute: Option<DateTime<Utc>>,
    refused: HashMap<Refused, u64>,
    /// How many of them have no name.
    unknown: usize,
    /// Minutes that are over and not told yet.
    over: Vec<(Refused, u64, DateTime<Utc>)>,
    hour: Option<DateTime<Utc>>,
    seen: HashSet<(StampAccountId, &'static str)>,
}

impl Logins {
    /// A sign-in was refused. `actor` is the account's name, when there is such an account.
    pub(crate) fn refused(
        &self,
        actor: Option<&str>,
        proof: &'static str,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) {
        let actor = actor.unwrap_or(UNKNOWN).to_owned();
        self.count(Refused { action: "sign-in-refused", actor, proof, from }, now);
    }

    /// The administration token was wrong or missing.
    pub(crate) fn administrator_refused(&self, from: Option<IpAddr>, now: DateTime<Utc>) {
        let (action, proof) = ("administrator-refused", "admin-token");
        self.count(Refused { action, actor: UNKNOWN.to_owned(), proof, from }, now);
    }

    /// The token of a holder's session or device was not one, or not any more.
    pub(crate) fn holder_refused(&self, from: Option<IpAddr>, now: DateTime<Utc>) {
        let (action, proof) = ("holder-refused", "holder-token");
        self.count(Refused { action, actor: UNKNOWN.to_owned(), proof, from }, now);
    }

    /// A login of a holder was refused, whether there is a holder of that name or not. What comes
    /// of a name that somebody has stands in the trail besides, with the holder's number.
    pub(crate) fn login_refused(&self, from: Option<IpAddr>, now: DateTime<Utc>) {
        let (action, proof) = ("login-refused", "holder-password");
        self.count(Refused { action, actor: UNKNOWN.to_owned(), proof, from }, now);
    }

    fn count(&self, refused: Refused, now: DateTime<Utc>) {
        let mut counts = self.0.lock();
        counts.turn(now);
        let is_new = !counts.refused.contains_key(&refused);
        let unknown = is_new && refused.actor == UNKNOWN;
        let full = is_new && counts.refused.len() >= MOST_APART
            || unknown && counts.unknown >= MOST_UNKNOWN;
        counts.unknown += usize::from(unknown && !full);
        let others = || Refused { actor: "several".to_owned(), from: None, ..refused.clone() };
        let refused = if full { others() } else { refused };
        *counts.refused.entry(refused).or_default() += 1;
    }

    /// A sign-in was accepted: an event when it is this account's first by this proof in the hour.
    pub(crate) fn accepted(
        &self,
        account: StampAccountId,
        proof: &'static str,
        now: DateTime<Utc>,
    ) -> Option<Event> {
        let hour = now.duration_trunc(TimeDelta::hours(1)).ok()?;
        let mut counts = self.0.lock();
        if counts.hour != Some(hour) || counts.seen.len() >= MOST_REMEMBERED {
            counts.hour = Some(hour);
            counts.seen.clear();
        }
        if !counts.seen.insert((account, proof)) {
            return None;
        }
        let subject = format!("account {account}");
        let event = Event::success(Category::Login, "sign-in", account.to_string(), subject);
        Some(event.with("proof", proof))
    }

    /// What is to be told now: the minutes that are over; all of them when the service `ends`.
    pub(crate) fn due(&self, now: DateTime<Utc>, ends: bool) -> Vec<Event> {
        let mut counts = self.0.lock();
        counts.turn(now);
        if ends {
            counts.minute_over();
        }
        let over = std::mem::take(&mut counts.over);
        drop(counts);
        over.into_iter().map(|(refused, times, minute)| refused.event(times, minute)).collect()
    }
}

impl Counts {
    /// Closes the minute when another one has begun, also when the clock was put back.
    fn turn(&mut self, now: DateTime<Utc>) {
        let minute = now.duration_trunc(TimeDelta::minutes(1)).ok();
        if self.minute != minute {
            self.minute_over();
            self.minute = minute;
        }
    }

    fn minute_over(&mut self) {
        let minute = self.minute.unwrap_or_default();
        self.unknown = 0;
        let refused = self.refused.drain().map(|(refused, times)| (refused, times, minute));
        self.over.extend(refused);
    }
}

impl Refused {
    fn event(self, times: u64, minute: DateTime<Utc>) -> Event {
        let Self { action, actor, proof, from } = self;
        let from = from.map_or_else(|| "several".to_owned(), |from| from.to_string());
        let event = Event::failure(Category::Login, action, from, format!("account {actor}"));
        let minute = minute.format("%Y-%m-%dT%H:%MZ");
        event.with("proof", proof).with("times", times).with("minute", minute)
    }
}

#[cfg(test)]
mod tests {
    use super::{Logins, MOST_APART, MOST_UNKNOWN};
    use accounts::StampAccountId;
    use chrono::{DateTime, TimeDelta, Utc};
    use std::net::{IpAddr, Ipv4Addr};
    use trail::Event;

    const FROM: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap() + TimeDelta::seconds(seconds)
    }

    fn account(text: &str) -> StampAccountId {
        text.parse().unwrap()
    }

    fn detail<'a>(event: &'a Event, name: &str) -> &'a str {
        &event.details.iter().find(|(detail, _)| *detail == name).unwrap().1
    }

    #[test]
    fn refusals_of_a_minute_are_one_event() {
        let logins = Logins::default();
        for second in 0..60 {
            logins.refused(Some("acme"), "password", FROM, at(second));
            assert!(logins.due(at(second), false).is_empty());
        }
        logins.administrator_refused(FROM, at(59));
        let mut told = logins.due(at(60), false);
        told.sort_by_key(|event| event.action);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].action, "administrator-refused");
        assert_eq!(told[1].action, "sign-in-refused");
        assert_eq!(
            (told[1].actor.as_str(), told[1].subject.as_str()),
            ("127.0.0.1", "account acme")
        );
        assert_eq!(detail(&told[1], "times"), "60");
        assert_eq!(detail(&told[1], "minute"), "2026-01-01T00:00Z");
        assert!(logins.due(at(120), false).is_empty(), "told once");
    }

    #[test]
    fn the_end_of_the_service_waits_for_no_minute() {
        let logins = Logins::default();
        logins.refused(None, "api_key", None, at(0));
        let told = logins.due(at(1), true);
        assert_eq!(told[0].subject, "account unknown");
    }

    #[test]
    fn a_guesser_of_many_names_fills_nothing() {
        let logins = Logins::default();
        for number in 0..10 * MOST_APART {
            logins.refused(Some(&format!("n{number}")), "password", FROM, at(0));
        }
        let told = logins.due(at(60), false);
        assert_eq!(told.len(), MOST_APART + 1);
        let sum: u64 =
            told.iter().map(|event| detail(event, "times").parse::<u64>().unwrap()).sum();
        assert_eq!(sum, 10 * MOST_APART as u64, "each is counted");
    }

    #[test]
    fn a_guesser_with_many_addresses_fills_nothing() {
        let logins = Logins::default();
        for number in 0..2_000_u32 {
            logins.login_refused(Some(IpAddr::V4(Ipv4Addr::from_bits(number))), at(0));
        }
        logins.refused(Some("acme"), "password", FROM, at(0));
        let told = logins.due(at(60), false);
        assert_eq!(told.len(), MOST_UNKNOWN + 2, "one for the rest, and one with a name");
        let sum: u64 = told.iter().map(|e| detail(e, "times").parse::<u64>().unwrap()).sum();
        assert_eq!(sum, 2_001, "each is counted");
        logins.login_refused(FROM, at(61));
        let told = logins.due(at(120), false);
        assert_eq!((told[0].action, told[0].actor.as_str()), ("login-refused", "127.0.0.1"));
        assert_eq!(
            (told[0].subject.as_str(), detail(&told[0], "proof")),
            ("account unknown", "holder-password")
        );
    }

    #[test]
    fn the_first_success_of_an_hour_is_told() {
        let logins = Logins::default();
        assert!(logins.accepted(account("sa-1"), "password", at(0)).is_some());
        assert!(logins.accepted(account("sa-1"), "password", at(3_599)).is_none());
        assert!(logins.accepted(account("sa-1"), "api_key", at(3_599)).is_some());
        assert!(logins.accepted(account("sa-2"), "password", at(3_599)).is_some());
        let told = logins.accepted(account("sa-1"), "password", at(3_600)).unwrap();
        assert_eq!((told.action, told.actor.as_str()), ("sign-in", "sa-1"));
    }
}
