//! `marca holder devices`: what a holder linked.

use super::{Named, path};
use crate::cli::client::{Client, segment};
use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, instant, instant_or_dash, printable};
use crate::cli::views::list as items;
use clap::{Args, Subcommand};
use serde::Deserialize;

#[derive(Debug, Subcommand)]
pub(super) enum DevicesAct {
    /// List the linked phones and systems of a holder
    #[command(after_help = "Example:\n  marca holder devices list h-1")]
    List(Named),
    /// Unlink a device at once; every address of the holder is told
    #[command(after_help = "Example:\n  marca holder devices unlink h-1 5f2a…")]
    Unlink(One),
}

/// A device of a holder.
#[derive(Args, Debug)]
pub(super) struct One {
    #[command(flatten)]
    named: Named,
    /// Identifier, as `devices list` shows it
    device: String,
}

/// A linked device.
#[derive(Debug, Deserialize)]
struct Device {
    id: String,
    name: String,
    kind: String,
    linked_at: String,
    #[serde(default)]
    last_used_at: Option<String>,
    #[serde(default)]
    from: String,
    #[serde(default)]
    certificate_sha256: Option<String>,
}

pub(super) fn run(
    client: &Client,
    act: &DevicesAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match act {
        DevicesAct::Unlink(One { named, device }) => {
            let of = path(client, &named.holder)?;
            client.delete(&format!("{of}/devices/{}", segment(device)))?;
            console.note(&format!("Device {} is unlinked.", printable(device)))
        }
        DevicesAct::List(named) => {
            let all = client.get(&format!("{}/devices", path(client, &named.holder)?))?;
            if json {
                return console.json(&all);
            }
            print_devices(items(&all, "devices")?, console)
        }
    }
}

fn print_devices(devices: Vec<Device>, console: &mut Console<'_>) -> Result<(), CliError> {
    if devices.is_empty() {
        return console.note("no devices");
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("KIND", Align::Left),
        ("NAME", Align::Left),
        ("LINKED (UTC)", Align::Left),
        ("LAST USED (UTC)", Align::Left),
        ("FROM", Align::Left),
        ("COMES IN BY", Align::Left),
    ]);
    for one in devices {
        let (linked, used) =
            (instant(&one.linked_at), instant_or_dash(one.last_used_at.as_deref()));
        let by = one.certificate_sha256.map_or("token".to_owned(), |sha256| {
            format!("certificate {}", sha256.get(..12).unwrap_or(&sha256))
        });
        table.row([one.id, one.kind, one.name, linked, used, one.from, by]);
    }
    console.print(&table.render(WIDTH))
}
