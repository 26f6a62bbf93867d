//! What the audit trail says of the service itself: that it started and ended, whether the run
//! before it ended cleanly, and with which configuration it runs.
//!
//! Two rows in a table of the server's own carry this from one run to the next: the begin of the
//! run that has not ended, and the configuration of the last start. Each changes in the same
//! transaction as the event that tells of it.

use crate::config::Config;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Store, StoreError, StoreExt, Table, Transaction};
use trail::{Category, Event, append};

/// The rows of this file. **Used in stored state.**
const SERVICE: Table = Table::new(60, "service");
/// The begin of the run under way, RFC 3339; not there after a clean end.
const RUNNING: &[u8] = b"running";
/// The effective configuration of the last start: lines of `key = value`, sorted.
const CONFIGURATION: &[u8] = b"configuration";

/// Changes told one by one; more of them are counted.
const MOST_CHANGES: usize = 12;

/// Who the service is in its own trail.
const ACTOR: &str = "service";

/// Records a start: that it happened, how the last run ended, and the configuration.
pub(super) async fn started(
    store: &Arc<dyn Store>,
    config: &Config,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let lines = effective(config);
    let text: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let recorded = store.transact(move |tx| {
        if let Some(begin) = tx.get(SERVICE, RUNNING)? {
            let begin = String::from_utf8_lossy(&begin).into_owned();
            let event = Event::failure(Category::Service, "unclean-end", ACTOR, "service");
            append(tx, &event.with("started", begin), now)?;
        }
        let event = Event::success(Category::Service, "service-started", ACTOR, "service");
        append(tx, &event.with("version", env!("CARGO_PKG_VERSION")), now)?;
        tx.put(SERVICE, RUNNING, rfc3339(now).as_bytes());
        let before = tx.get(SERVICE, CONFIGURATION)?;
        append(tx, &configuration_event(before.as_deref(), &lines, &text), now)?;
        put_changed(tx, CONFIGURATION, before.as_deref(), text.as_bytes());
        Ok(())
    });
    recorded.durable().await
}

/// Records a clean end.
pub(super) async fn stopped(store: &Arc<dyn Store>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let recorded = store.transact(move |tx| {
        let event = Event::success(Category::Service, "service-stopped", ACTOR, "service");
        append(tx, &event, now)?;
        tx.delete(SERVICE, RUNNING);
        Ok(())
    });
    recorded.durable().await
}

fn put_changed(tx: &mut dyn Transaction, key: &[u8], before: Option<&[u8]>, after: &[u8]) {
    if before != Some(after) {
        tx.put(SERVICE, key, after);
    }
}

/// The configuration that is in force, by its SHA-256, and what is not as it was at the last start.
fn configuration_event(before: Option<&[u8]>, now: &BTreeMap<String, String>, text: &str) -> Event {
    let event = Event::success(Category::Configuration, "configuration-loaded", ACTOR, "service");
    let event = event.with("sha256", hex::encode(openssl::sha::sha256(text.as_bytes())));
    let Some(before) = before else { return event.with("changed", "the first start") };
    let before = String::from_utf8_lossy(before);
    let before: BTreeMap<&str, &str> =
        before.lines().filter_map(|line| line.split_once(" = ")).collect();
    let mut changes = Vec::new();
    for (key, value) in now {
        match before.get(key.as_str()) {
            Some(old) if *old == value.as_str() => {}
            Some(old) => changes.push(format!("{key}: {old} -> {value}")),
            None => changes.push(format!("{key}: new, {value}")),
        }
    }
    let gone = before.iter().filter(|(key, _)| !now.contains_key(**key));
    changes.extend(gone.map(|(key, old)| format!("{key}: gone, was {old}")));
    if changes.is_empty() {
        return event.with("changed", "nothing");
    }
    let more = changes.len().saturating_sub(MOST_CHANGES);
    let told = changes.into_iter().take(MOST_CHANGES);
    let event = told.fold(event, |event, change| event.with("changed", change));
    if more > 0 { event.with("more-changes", more) } else { event }
}

/// Every key with the value that is in force. There is no secret in it: passwords, PINs and keys
/// are named by their files.
fn effective(config: &Config) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    // The configuration is made of tables, texts and numbers: it always serializes.
    flatten("", &serde_json::to_value(config).unwrap_or_default(), &mut lines);
    lines
}

fn flatten(key: &str, value: &Value, lines: &mut BTreeMap<String, String>) {
    let under = |member: &str| match key {
        "" => member.to_owned(),
        key => format!("{key}.{member}"),
    };
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&under(member), value, lines);
            }
        }
        // The units: each under its own name, so that their order tells nothing.
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                let id = item.get("id").and_then(Value::as_str);
                let id = id.map_or_else(|| number.to_string(), str::to_owned);
                flatten(&under(&id), item, lines);
            }
        }
        value => drop(lines.insert(key.to_owned(), value.to_string())),
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::{CONFIGURATION, SERVICE};
    use crate::config::Config;
    use chrono::{DateTime, Utc};
    use std::path::Path;
    use std::sync::Arc;
    use store::{MemoryStore, Store};
    use trail::{Query, Recorded, Trail};

    fn config() -> Config {
        Config::default_in(Path::new("d")).unwrap()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn started(store: &Arc<dyn Store>, config: &Config, now: DateTime<Utc>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(super::started(store, config, now)).unwrap();
    }

    fn stopped(store: &Arc<dyn Store>, now: DateTime<Utc>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(super::stopped(store, now)).unwrap();
    }

    fn told(store: &Arc<dyn Store>) -> Vec<Recorded> {
        Trail::open(Arc::clone(store)).unwrap().page(&Query::default()).unwrap().events
    }

    fn words(store: &Arc<dyn Store>) -> Vec<String> {
        told(store).into_iter().map(|event| event.action).collect()
    }

    fn details(event: &Recorded, name: &str) -> Vec<String> {
        let named = event.details.iter().filter(|(detail, _)| detail == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    #[test]
    fn a_clean_run_leaves_a_start_and_a_stop() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new().unwrap());
        for _run in 0..2 {
            started(&store, &config(), now());
            stopped(&store, now());
        }
        let run = ["service-started", "configuration-loaded", "service-stopped"];
        assert_eq!(words(&store), [run, run].concat());
    }

    #[test]
    fn a_run_that_did_not_end_is_told_at_the_next_start() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new().unwrap());
        started(&store, &config(), now());
        started(&store, &config(), now());
        let events = told(&store);
        assert_eq!(events[2].action, "unclean-end");
        assert_eq!(details(&events[2], "started"), ["2026-01-01T00:00:00Z"]);
        stopped(&store, now());
        started(&store, &config(), now());
        assert_eq!(words(&store).iter().filter(|word| *word == "unclean-end").count(), 1);
    }

    #[test]
    fn what_changed_in_the_configuration_is_told_key_by_key() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new().unwrap());
        let mut config = config();
        started(&store, &config, now());
        started(&store, &config, now());
        config.data.segment_mib = 64;
        config.tsu[0].companion = Some("pq".to_owned());
        config.tsu[0].policies.clear();
        started(&store, &config, now());
        let events = told(&store);
        let loaded: Vec<_> =
            events.iter().filter(|event| event.action == "configuration-loaded").collect();
        assert_eq!(details(loaded[0], "changed"), ["the first start"]);
        assert_eq!(details(loaded[1], "changed"), ["nothing"]);
        assert_eq!(details(loaded[0], "sha256"), details(loaded[1], "sha256"));
        assert_eq!(
            details(loaded[2], "changed"),
            [
                "data.segment_mib: 32 -> 64",
                "tsu.tsu1.companion: new, \"pq\"",
                "tsu.tsu1.policies: [\"0.4.0.2023.1.1\"] -> []",
            ]
        );
        assert_ne!(details(loaded[1], "sha256"), details(loaded[2], "sha256"));
    }

    /// The row is stored state: a line for each key, sorted.
    #[test]
    fn the_stored_configuration_is_lines() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new().unwrap());
        started(&store, &config(), now());
        let text = store.get(SERVICE, CONFIGURATION).unwrap().unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("\nserver.listen = \"127.0.0.1:3161\"\n"), "{text}");
        assert!(text.contains("\ntime.trust_machine_clock = true\n"), "{text}");
        assert!(text.lines().is_sorted(), "{text}");
    }
}
