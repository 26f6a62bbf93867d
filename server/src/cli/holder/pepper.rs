//! `marca holder pepper`: what is kept under which version of the pepper.

use crate::cli::client::Client;
use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, count, printable};
use crate::cli::views::list as items;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A version of the pepper.
#[derive(Debug, Deserialize)]
struct Version {
    version: u16,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    total: u64,
    #[serde(default)]
    kept: BTreeMap<String, u64>,
}

pub(super) fn show(client: &Client, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    let all = client.get("/pepper")?;
    if json {
        return console.json(&all);
    }
    let versions: Vec<Version> = items(&all, "versions")?;
    let mut table = Table::new(&[
        ("VERSION", Align::Right),
        ("", Align::Left),
        ("TOTAL", Align::Right),
        ("KEPT UNDER IT", Align::Left),
    ]);
    for one in &versions {
        let kept = one.kept.iter().map(|(kind, number)| format!("{} {kind}", count(*number)));
        let current = if one.current { "current" } else { "" };
        let kept = kept.collect::<Vec<_>>().join(", ");
        table.row([one.version.to_string(), current.to_owned(), count(one.total), kept]);
    }
    console.print(&table.render(WIDTH))?;
    for free in versions.iter().filter(|one| !one.current && one.total == 0) {
        console.note(&printable(&format!(
            "Nothing is under version {}: its line can be taken out of the pepper file.",
            free.version
        )))?;
    }
    Ok(())
}
