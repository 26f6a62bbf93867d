//! `marca trail`: the audit trail of a running service, read and exported over the admin API.

use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant, printable};
use super::values::Moment;
use super::views::{TrailEvent, list};
use ::trail::Category;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// The subcommands of `marca trail`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca trail list --category key
  marca trail export --from 2026-01-01 --to 2027-01-01 --out trail-2026.jsonl")]
pub(crate) struct TrailCommand {
    #[command(subcommand)]
    act: TrailAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum TrailAct {
    /// Show events, the oldest first
    #[command(after_help = "\
Examples:
  marca trail list --last 20                   what happened just now
  marca trail list --category clock --from 2026-11-01")]
    List {
        #[command(flatten)]
        which: Which,
        /// Show at most so many events
        #[arg(long, value_name = "N", default_value_t = 100,
            value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Show the newest so many events
        #[arg(long, value_name = "N", conflicts_with_all = ["limit", "after"],
            value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: Option<u32>,
    },
    /// Write every event as a line of JSON, with the hashes that chain them
    #[command(after_help = "Example:\n  marca trail export --out trail.jsonl")]
    Export {
        #[command(flatten)]
        which: Which,
        /// A file that is not there yet; standard output without it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Which events.
#[derive(Args, Debug)]
struct Which {
    /// Only events of this kind
    #[arg(long, value_name = "KIND", value_parser = category())]
    category: Option<Category>,
    /// From this instant on: a date (from 00:00 UTC) or RFC 3339
    #[arg(long, value_name = "WHEN")]
    from: Option<Moment>,
    /// Before this instant
    #[arg(long, value_name = "WHEN")]
    to: Option<Moment>,
    /// After the event of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
}

fn category() -> impl TypedValueParser<Value = Category> {
    PossibleValuesParser::new(Category::ALL.map(Category::word))
        .try_map(|word| word.parse::<Category>())
}

impl Which {
    /// The query string of it.
    fn query(&self, after: u64) -> String {
        let mut query = format!("?after={after}");
        for (name, value) in [
            ("category", self.category.map(|category| category.word().to_owned())),
            ("from", self.from.map(|at| at.to_string())),
            ("to", self.to.map(|at| at.to_string())),
        ] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", segment(&value)));
            }
        }
        query
    }
}

/// Runs `marca trail …`.
pub(crate) fn run(command: &TrailCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = Client::new(&command.server)?;
    match &command.act {
        TrailAct::List { which, limit, last } => {
            let all = match last {
                Some(last) => newest(&client, which, *last)?,
                None => oldest(&client, which, *limit)?,
            };
            show(&all, command.server.json, console)
        }
        TrailAct::Export { which, out } => export(&client, which, out.as_deref(), console),
    }
}

/// Events from as many pages as it takes: a page may be short, or even empty, before the end.
fn oldest(client: &Client, which: &Which, limit: u32) -> Result<Value, CliError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut events, mut after) = (Vec::new(), which.after);
    let mut all = loop {
        let wanted = limit - events.len();
        let mut page = client.get(&format!("/trail{}&limit={wanted}", which.query(after)))?;
        if let Some(Value::Array(found)) = page.get_mut("events").map(Value::take) {
            events.extend(found.into_iter().take(wanted));
        }
        let next = page.get("next").and_then(Value::as_u64);
        match next {
            // A page that points back would never end.
            Some(next) if next > after && events.len() < limit => after = next,
            _ => break page,
        }
    };
    all["events"] = Value::Array(events);
    Ok(all)
}

/// The newest events. Those of a kind or of a time are found by reading on to the end.
fn newest(client: &Client, which: &Which, last: u32) -> Result<Value, CliError> {
    let mut after = 0;
    if which.category.is_none() && which.to.is_none() {
        let page = client.get(&format!("/trail{}&limit=1", which.query(0)))?;
        let count = page.pointer("/head/count").and_then(Value::as_u64).unwrap_or_default();
        after = count.saturating_sub(u64::from(last));
    }
    let last = usize::try_from(last).unwrap_or(usize::MAX);
    let mut events: VecDeque<Value> = VecDeque::new();
    let mut all = loop {
        let mut page = client.get(&format!("/trail{}&limit=1000", which.query(after)))?;
        if let Some(Value::Array(found)) = page.get_mut("events").map(Value::take) {
            events.extend(found);
        }
        events.drain(..events.len().saturating_sub(last));
        match page.get("next").and_then(Value::as_u64) {
            // A page that points back would never end.
            Some(next) if next > after => after = next,
            _ => break page,
        }
    };
    all["events"] = Value::Array(events.into());
    Ok(all)
}

fn show(all: &Value, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    if json {
        return console.json(all);
    }
    let events: Vec<TrailEvent> = list(all, "events")?;
    if events.is_empty() {
        return console.note("no such events");
    }
    let mut table = Table::new(&[
        ("NUMBER", Align::Right),
        ("AT (UTC)", Align::Left),
        ("KIND", Align::Left),
        ("EVENT", Align::Left),
    ]);
    let more = all.get("next").and_then(Value::as_u64);
    for event in events {
        let words = words(&event);
        table.row([event.sequence.to_string(), instant(&event.at), event.category, words]);
    }
    console.print(&table.render(WIDTH))?;
    match more {
        Some(after) => console.note(&format!(
            "There are more: `--after {after}` goes on, and `--last N` shows the newest."
        )),
        None => Ok(()),
    }
}

/// An event in one line.
fn words(event: &TrailEvent) -> String {
    let failed = if event.outcome == "failure" { " FAILED" } else { "" };
    let mut words = format!("{}{failed}: {}, by {}", event.action, event.subject, event.actor);
    for (name, value) in &event.details {
        words.push_str(&format!("; {name} {value}"));
    }
    printable(&words)
}

fn export(
    client: &Client,
    which: &Which,
    out: Option<&Path>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = format!("/trail{}", which.query(which.after));
    let Some(out) = out else {
        return client.lines(&path, |line| console.line(line));
    };
    let fault =
        |error: std::io::Error| CliError::File { path: out.to_owned(), reason: error.to_string() };
    let file = OpenOptions::new().write(true).create_new(true).open(out).map_err(fault)?;
    let mut file = BufWriter::new(file);
    let mut events: u64 = 0;
    client.lines(&path, |line| {
        events += 1;
        writeln!(file, "{line}").map_err(fault)
    })?;
    let file = file.into_inner().map_err(|error| fault(error.into_error()))?;
    file.sync_all().map_err(fault)?;
    console.note(&format!("{events} events written to {}", out.display()))
}
