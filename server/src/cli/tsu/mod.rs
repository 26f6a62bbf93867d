//! `marca tsu`: the time-stamping units of a running service, over the admin API.
//!
//! What changes a unit is in [`life`], enrolment with an outside CA in [`enroll`]; this file shows
//! units, and says what can be typed.

mod credentials;
mod enroll;
mod life;
mod transfer;

pub(crate) use enroll::EnrollError;

use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant_or_dash, printable};
use super::views::{Generation, Tsu, list, view};
use clap::{Args, Subcommand};
use serde_json::Value;

/// The subcommands of `marca tsu`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca tsu list
  marca tsu show main --pem > tsu.pem
  marca tsu create pq --key ml-dsa-65 --policy 0.4.0.2023.1.1
  marca tsu new-key main && marca tsu csr main > main.csr
  marca tsu import main chain.pem && marca tsu activate main --at 2027-01-31")]
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
    /// Show one unit and its keys, generation by generation
    #[command(after_help = "Example:\n  marca tsu show main --pem > tsu.pem")]
    Show {
        /// Identifier of the unit
        id: String,
        /// Print the unit's certificate, PEM, and nothing else
        #[arg(long, conflicts_with = "json")]
        pem: bool,
    },
    /// Make a unit and its first key; the built-in CA certifies it, or an outside one is waited for
    #[command(after_help = "\
Examples:
  marca tsu create second --key p384 --policy 0.4.0.2023.1.1
  marca tsu create outside --key rsa3072 --policy 1.2.3 --certified-by outside")]
    Create(life::CreateOptions),
    /// Make the next key of a unit; the present one goes on signing
    #[command(after_help = "Example:\n  marca tsu new-key main --reason 'yearly rollover'")]
    NewKey(life::ReasonedAct),
    /// Print the certification request of the newest key that waits for a certificate, PEM
    #[command(after_help = "Example:\n  marca tsu csr main > main.csr")]
    Csr {
        /// Identifier of the unit
        id: String,
    },
    /// Have an outside CA certify the newest key that waits for it, over CMP (RFC 9810)
    #[command(after_help = enroll::EXAMPLES)]
    Enroll(enroll::EnrollOptions),
    /// Bring a certificate from an outside CA, with its chain; every fault is named
    #[command(after_help = "Example:\n  marca tsu import main chain.pem")]
    Import(life::ImportOptions),
    /// Let a certified key sign, now or at a time to come; the one before signs no more from then
    #[command(after_help = "\
Examples:
  marca tsu activate main
  marca tsu activate main --generation 2 --at 2027-01-31T00:00:00Z")]
    Activate(life::ActivateOptions),
    /// Make a unit the one behind `POST /tsa`
    #[command(after_help = "Example:\n  marca tsu default second")]
    Default(life::ReasonedAct),
    /// Take a key out of use: it signs no more
    #[command(after_help = "\
Examples:
  marca tsu retire main --generation 1 --destroy-key
  marca tsu retire main --revoke key-compromise --yes")]
    Retire(life::RetireOptions),
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
        TsuAct::Create(options) => life::create(&client, options, json, console),
        TsuAct::NewKey(options) => life::new_key(&client, options, json, console),
        TsuAct::Csr { id } => life::csr(&client, id, json, console),
        TsuAct::Enroll(options) => enroll::run(&client, options, json, console),
        TsuAct::Import(options) => life::import(&client, options, json, console),
        TsuAct::Activate(options) => life::activate(&client, options, json, console),
        TsuAct::Default(options) => life::make_default(&client, options, json, console),
        TsuAct::Retire(options) => life::retire(&client, options, json, console),
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
    let mut lines = vec![
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
    if let Some(companion) = &tsu.companion {
        lines.push(("companion", companion.clone()));
    }
    for (name, value) in lines {
        console.line(&format!("{name:<12} {}", printable(&value)))?;
    }
    if tsu.generations.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("NO", Align::Right),
        ("STATE", Align::Left),
        ("KEY", Align::Left),
        ("SIGNS UNTIL", Align::Left),
        ("SINCE, AND WHAT COMES", Align::Left),
    ]);
    for generation in &tsu.generations {
        table.row([
            generation.number.to_string(),
            generation.state.clone(),
            format!("{} ({})", generation.key, generation.key_store),
            instant_or_dash(generation.key_use_until.as_deref()).chars().take(10).collect(),
            history(generation),
        ]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))
}

/// The last thing that happened to a key, and what is planned for it.
fn history(generation: &Generation) -> String {
    let steps = [
        ("destroyed", &generation.destroyed_at),
        ("retired", &generation.retired_at),
        ("active from", &generation.activate_at),
        ("active since", &generation.activated_at),
        ("certified", &generation.certified_at),
        ("made", &generation.made_at),
    ];
    let last = steps.into_iter().find_map(|(what, at)| at.as_deref().map(|at| (what, at)));
    last.map_or_else(String::new, |(what, at)| format!("{what} {}", instant_or_dash(Some(at))))
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
