//! `marca tsu`: the time-stamping units of a running service, over the admin API.

use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant_or_dash, printable};
use super::views::{Tsu, list, view};
use clap::{Args, Subcommand};
use serde_json::Value;

/// The subcommands of `marca tsu`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca tsu list
  marca tsu show main --pem > tsu.pem")]
pub(crate) struct TsuCommand {
    #[command(subcommand)]
    act: TsuAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum TsuAct {
    /// List the units
    #[command(after_help = "Example:\n  marca tsu list --json")]
    List,
    /// Show one unit
    #[command(after_help = "Example:\n  marca tsu show main --pem > tsu.pem")]
    Show {
        /// Identifier of the unit
        id: String,
        /// Print the unit's certificate, PEM, and nothing else
        #[arg(long, conflicts_with = "json")]
        pem: bool,
    },
}

/// Runs `marca tsu …`.
pub(crate) fn run(command: &TsuCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = Client::new(&command.server)?;
    let json = command.server.json;
    match &command.act {
        TsuAct::List => {
            let answer = client.get("/tsus")?;
            if json { console.json(&answer) } else { print_list(&answer, console) }
        }
        TsuAct::Show { id, pem } => {
            let answer = client.get(&format!("/tsus/{}", segment(id)))?;
            if json {
                return console.json(&answer);
            }
            let tsu: Tsu = view(&answer)?;
            if *pem { print_certificate(&tsu, console) } else { print_tsu(&tsu, console) }
        }
    }
}

fn print_list(answer: &Value, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("KEY", Align::Left),
        ("CERTIFICATE UNTIL", Align::Left),
        ("STATE", Align::Left),
    ]);
    for tsu in list::<Tsu>(answer, "tsus")? {
        let state = state(&tsu);
        let mark = if tsu.default { " (default)" } else { "" };
        table.row([
            format!("{}{mark}", tsu.id),
            tsu.key,
            instant_or_dash(tsu.not_after.as_deref()),
            state,
        ]);
    }
    console.print(&table.render(WIDTH))
}

fn print_tsu(tsu: &Tsu, console: &mut Console<'_>) -> Result<(), CliError> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let accuracy = tsu.accuracy_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let id = if tsu.default { format!("{} (default)", tsu.id) } else { tsu.id.clone() };
    let lines = [
        ("unit", id),
        ("state", state(tsu)),
        ("key", tsu.key.clone()),
        ("policies", tsu.policies.join(", ")),
        ("accuracy", accuracy),
        ("issued by", text(&tsu.issued_by)),
        ("valid from", instant_or_dash(tsu.not_before.as_deref())),
        ("valid until", instant_or_dash(tsu.not_after.as_deref())),
        ("signs until", instant_or_dash(tsu.private_key_usage_end.as_deref())),
        ("SHA-256", text(&tsu.certificate_sha256)),
    ];
    for (name, value) in lines {
        console.line(&format!("{name:<12} {}", printable(&value)))?;
    }
    Ok(())
}

/// The certificate as it came, so that it can go into a file.
fn print_certificate(tsu: &Tsu, console: &mut Console<'_>) -> Result<(), CliError> {
    match &tsu.certificate {
        Some(pem) => console.line(pem.trim_end()),
        None => Err(CliError::Answer {
            url: format!("unit {}", tsu.id),
            what: "no certificate".to_owned(),
        }),
    }
}

fn state(tsu: &Tsu) -> String {
    match (tsu.usable, tsu.problem.as_deref()) {
        (true, _) => "usable".to_owned(),
        (false, Some(problem)) => format!("not usable: {problem}"),
        (false, None) => "not usable".to_owned(),
    }
}
