//! `marca holder messages|retry-message`: mails and short messages, and what became of them.

use super::{pages, path};
use crate::cli::client::{Client, segment};
use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, count, instant, printable};
use crate::cli::views::{list as items, view};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Which messages.
#[derive(Args, Debug)]
pub(super) struct MessagesOptions {
    /// Only those of this holder: identifier or user ID
    holder: Option<String>,
    /// Only those in this state, as in failed
    #[arg(long, value_name = "STATE", conflicts_with = "holder")]
    state: Option<String>,
}

/// A message.
#[derive(Args, Debug)]
pub(super) struct RetryOptions {
    /// Identifier, as in m-12
    message: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    id: String,
    #[serde(default)]
    holder: Option<String>,
    channel: String,
    kind: String,
    state: String,
    created_at: String,
    #[serde(default)]
    tries: u64,
    #[serde(default)]
    last_error: Option<String>,
}

pub(super) fn list(
    client: &Client,
    options: &MessagesOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let all = match (&options.holder, &options.state) {
        (Some(holder), _) => client.get(&format!("{}/messages", path(client, holder)?))?,
        (None, state) => {
            let state = state.as_ref().map(|state| format!("?state={}", segment(state)));
            let path = format!("/messages{}", state.unwrap_or_default());
            json!({ "messages": pages(client, &path, "messages")?, "next": null })
        }
    };
    if json {
        return console.json(&all);
    }
    let messages: Vec<Message> = items(&all, "messages")?;
    if messages.is_empty() {
        return console.note("no messages");
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("HOLDER", Align::Left),
        ("BY", Align::Left),
        ("MADE (UTC)", Align::Left),
        ("STATE", Align::Left),
        ("TRIES", Align::Right),
        ("WHAT", Align::Left),
    ]);
    for one in messages {
        let what = match one.last_error {
            Some(error) => format!("{} ({error})", one.kind),
            None => one.kind,
        };
        let holder = one.holder.unwrap_or_else(|| "-".to_owned());
        let made = instant(&one.created_at);
        table.row([one.id, holder, one.channel, made, one.state, count(one.tries), what]);
    }
    console.print(&table.render(WIDTH))
}

pub(super) fn retry(
    client: &Client,
    options: &RetryOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = format!("/messages/{}/retry", segment(&options.message));
    let answer = client.post(&path, &json!({}))?;
    if json {
        return console.json(&answer);
    }
    let message: Message = view(&answer)?;
    console.line(&printable(&format!("message {} is {}", message.id, message.state)))
}
