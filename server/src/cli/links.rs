//! `marca account links`: the holders who take stamps from an account.

use super::client::{Client, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant, printable};
use super::views::list;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

/// The subcommands of `marca account links`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  marca account links list acme
  marca account links cut acme h-12")]
pub(crate) enum LinksAct {
    /// List the holders who linked an account
    List {
        /// Name or id of the account
        name: String,
    },
    /// Cut the link of a holder to an account, at once; the holder is told
    Cut {
        /// Name or id of the account
        name: String,
        /// Identifier of the holder, as `links list` shows it
        holder: String,
    },
}

/// A holder who linked an account.
#[derive(Debug, Deserialize)]
struct Link {
    holder: String,
    #[serde(default)]
    user_id: String,
    linked_at: String,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    api_key_prefix: Option<String>,
}

/// Runs `marca account links …`.
pub(crate) fn run(
    client: &Client,
    act: &LinksAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match act {
        LinksAct::List { name } => {
            let all = json!({ "links": pages(client, name)?, "next": null });
            if json {
                return console.json(&all);
            }
            table(list(&all, "links")?, console)
        }
        LinksAct::Cut { name, holder } => {
            client.delete(&format!("{}/{}", links_of(name), segment(holder)))?;
            if json {
                return console.json(&json!({ "holder": holder, "cut": true }));
            }
            let (holder, name) = (printable(holder), printable(name));
            console.line(&format!("holder {holder} takes no stamps from {name} any more"))
        }
    }
}

/// Every link, page after page.
fn pages(client: &Client, name: &str) -> Result<Vec<Value>, CliError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let place = after.as_deref().map(|after| format!("&after={}", segment(after)));
        let place = place.unwrap_or_default();
        let mut page = client.get(&format!("{}?limit=500{place}", links_of(name)))?;
        if let Some(Value::Array(items)) = page.get_mut("links").map(Value::take) {
            all.extend(items);
        }
        let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        // A page that points to itself would never end.
        if next.is_none() || next == after {
            return Ok(all);
        }
        after = next;
    }
}

fn table(links: Vec<Link>, console: &mut Console<'_>) -> Result<(), CliError> {
    if links.is_empty() {
        return console.note("no holder has linked this account");
    }
    let mut table = Table::new(&[
        ("HOLDER", Align::Left),
        ("USER ID", Align::Left),
        ("LINKED (UTC)", Align::Left),
        ("BY", Align::Left),
    ]);
    for one in links {
        let by = match (one.by, one.api_key_prefix) {
            (Some(by), Some(prefix)) => format!("{by} {prefix}"),
            (by, _) => by.unwrap_or_else(|| "-".to_owned()),
        };
        table.row([one.holder, one.user_id, instant(&one.linked_at), by]);
    }
    console.print(&table.render(WIDTH))
}

fn links_of(name: &str) -> String {
    format!("/accounts/{}/links", segment(name))
}
