//! `marca holder list|show|block|unblock|close|erase|clear-…|history|sessions`.

use super::views::{Holder, print_holder};
use super::{Named, pages, path};
use crate::cli::client::{Client, segment};
use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, instant, instant_or_dash, printable};
use crate::cli::values::Moment;
use crate::cli::views::{list as items, view};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A change, and why it is made.
#[derive(Args, Debug)]
pub(super) struct Change {
    #[command(flatten)]
    named: Named,
    /// Why; it stands in the holder's history
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A change that cannot be undone.
#[derive(Args, Debug)]
pub(super) struct Final {
    #[command(flatten)]
    named: Named,
    /// Why; it stands in the holder's history
    #[arg(long, value_name = "TEXT", default_value = "not stated")]
    reason: String,
    /// Do not ask for the holder's identifier as a confirmation
    #[arg(long)]
    yes: bool,
}

/// Which part of a history.
#[derive(Args, Debug)]
pub(super) struct HistoryOptions {
    #[command(flatten)]
    named: Named,
    /// From this instant on: a date or RFC 3339
    #[arg(long, value_name = "WHEN")]
    from: Option<Moment>,
    /// Before this instant: a date or RFC 3339
    #[arg(long, value_name = "WHEN")]
    to: Option<Moment>,
    /// Only this kind of event, as in login-failed
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionsAct {
    /// List the sessions of a holder
    #[command(after_help = "Example:\n  marca holder sessions list h-1")]
    List(Named),
    /// End all sessions of a holder
    #[command(after_help = "Example:\n  marca holder sessions end h-1")]
    End(Named),
}

/// Something that happened.
#[derive(Debug, Deserialize)]
struct Entry {
    at: String,
    kind: String,
    success: bool,
    actor: String,
    #[serde(default)]
    details: BTreeMap<String, String>,
}

/// A session.
#[derive(Debug, Deserialize)]
struct Session {
    id: String,
    from: String,
    #[serde(default)]
    client: String,
    opened_at: String,
    #[serde(default)]
    last_used_at: Option<String>,
}

/// Every holder, page after page.
pub(super) fn list(client: &Client, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    let all = json!({ "holders": pages(client, "/holders", "holders")?, "next": null });
    if json {
        return console.json(&all);
    }
    let holders: Vec<Holder> = items(&all, "holders")?;
    if holders.is_empty() {
        return console.note("no holders; `marca holder register` brings one in");
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("STATUS", Align::Left),
        ("USER ID", Align::Left),
        ("NAME", Align::Left),
    ]);
    for one in holders {
        let name = format!("{} {}", one.given_name, one.surname);
        table.row([one.id, one.status, one.user_id, name.trim().to_owned()]);
    }
    console.print(&table.render(WIDTH))
}

pub(super) fn show(
    client: &Client,
    named: &Named,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    print_holder(&client.get(&path(client, &named.holder)?)?, json, console)
}

pub(super) fn change(
    client: &Client,
    change: &Change,
    verb: &str,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path(client, &change.named.holder)?;
    let answer = client.post(&format!("{path}/{verb}"), &json!({ "reason": change.reason }))?;
    told(&answer, json, console)
}

/// Closes or erases; whoever does it types the holder's identifier.
pub(super) fn end(
    client: &Client,
    end: &Final,
    verb: &str,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path(client, &end.named.holder)?;
    if !end.yes {
        let holder: Holder = view(&client.get(&path)?)?;
        let (id, address) = (printable(&holder.id), printable(&holder.user_id));
        console.note(&format!("To {verb} holder {id} ({address}) cannot be undone."))?;
        if console.ask("Type the holder's identifier to go on: ")? != holder.id {
            return Err(CliError::NotConfirmed { asked: "the holder's identifier" });
        }
    }
    let answer = client.post(&format!("{path}/{verb}"), &json!({ "reason": end.reason }))?;
    told(&answer, json, console)
}

pub(super) fn clear(
    client: &Client,
    named: &Named,
    what: Cleared,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = path(client, &named.holder)?;
    let answer = client.post(&format!("{path}/{}", what.verb()), &json!({}))?;
    if json {
        return console.json(&answer);
    }
    let holder: Holder = view(&answer)?;
    console.line(&printable(&format!("holder {} {}", holder.id, what.told())))
}

/// What is taken out of an account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cleared {
    /// The secret question.
    Question,
    /// The address for notices.
    NoticeAddress,
}

impl Cleared {
    fn verb(self) -> &'static str {
        match self {
            Self::Question => "clear-question",
            Self::NoticeAddress => "clear-notice-address",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Question => "has no secret question any more",
            Self::NoticeAddress => "has no address for notices any more: they go to the user ID",
        }
    }
}

/// All personal data of a holder, as one JSON document.
pub(super) fn personal_data(
    client: &Client,
    named: &Named,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    console.json(&client.get(&format!("{}/personal-data", path(client, &named.holder)?))?)
}

fn told(answer: &Value, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let holder: Holder = view(answer)?;
    console.line(&printable(&format!("holder {} is {}", holder.id, holder.status)))
}

pub(super) fn history(
    client: &Client,
    options: &HistoryOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut query = Vec::new();
    for (name, at) in [("from", &options.from), ("to", &options.to)] {
        query.extend(at.map(|at| format!("{name}={}", segment(&at.to_string()))));
    }
    query.extend(options.kind.as_ref().map(|kind| format!("kind={}", segment(kind))));
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let path = format!("{}/history{query}", path(client, &options.named.holder)?);
    let all = json!({ "entries": pages(client, &path, "entries")?, "next": null });
    if json {
        return console.json(&all);
    }
    let entries: Vec<Entry> = items(&all, "entries")?;
    if entries.is_empty() {
        return console.note("nothing happened in this time");
    }
    let mut table = Table::new(&[
        ("AT (UTC)", Align::Left),
        ("EVENT", Align::Left),
        ("", Align::Left),
        ("BY", Align::Left),
        ("DETAILS", Align::Left),
    ]);
    for one in entries {
        let details = one.details.iter().map(|(name, text)| format!("{name} {text}"));
        let details = details.collect::<Vec<_>>().join(", ");
        let success = if one.success { "" } else { "FAILED" };
        table.row([instant(&one.at), one.kind, success.to_owned(), one.actor, details]);
    }
    console.print(&table.render(WIDTH))
}

pub(super) fn sessions(
    client: &Client,
    act: &SessionsAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match act {
        SessionsAct::End(named) => {
            client.delete(&format!("{}/sessions", path(client, &named.holder)?))?;
            console.note("Every session of the holder has ended.")
        }
        SessionsAct::List(named) => {
            let all = client.get(&format!("{}/sessions", path(client, &named.holder)?))?;
            if json {
                return console.json(&all);
            }
            print_sessions(items(&all, "sessions")?, console)
        }
    }
}

fn print_sessions(sessions: Vec<Session>, console: &mut Console<'_>) -> Result<(), CliError> {
    if sessions.is_empty() {
        return console.note("no sessions");
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("OPENED (UTC)", Align::Left),
        ("LAST USED (UTC)", Align::Left),
        ("FROM", Align::Left),
        ("CLIENT", Align::Left),
    ]);
    for one in sessions {
        let (opened, used) =
            (instant(&one.opened_at), instant_or_dash(one.last_used_at.as_deref()));
        table.row([one.id, opened, used, one.from, one.client]);
    }
    console.print(&table.render(WIDTH))
}
