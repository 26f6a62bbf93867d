//! `marca time`: how a running service knows the time, over the admin API.

use super::client::{Client, ServerOptions};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant_or_dash, printable};
use super::views::{KernelWitness, Time, view};
use clap::{Args, Subcommand};

/// The subcommands of `marca time`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  marca time status")]
pub(crate) struct TimeCommand {
    #[command(subcommand)]
    act: TimeAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum TimeAct {
    /// Show the state of the clock, its estimated error, and what each time server says
    #[command(after_help = "\
Exit codes: 0 there is time for tokens, 1 there is none.

Example:
  marca time status --json")]
    Status,
}

/// Runs `marca time …`.
pub(crate) fn run(command: &TimeCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let TimeAct::Status = command.act;
    let client = Client::new(&command.server)?;
    let answer = client.get("/time")?;
    let time: Time = view(&answer)?;
    if command.server.json {
        console.json(&answer)?;
    } else {
        print(&time, console)?;
    }
    if time.available { Ok(()) } else { Err(CliError::Found { count: 1 }) }
}

fn print(time: &Time, console: &mut Console<'_>) -> Result<(), CliError> {
    let since = instant_or_dash(time.since.as_deref());
    let unknown = || "not measured".to_owned();
    let error = time.error_us.map_or_else(unknown, |us| format!("within {}", millis(us)));
    let offset = time.offset_us.map_or_else(unknown, signed_millis);
    let mut lines = vec![
        ("state", format!("{} since {since}", time.state)),
        ("error", error),
        ("offset", offset),
    ];
    lines.extend(time.reason.clone().map(|reason| ("reason", reason)));
    lines.extend(time.kernel.as_ref().map(|kernel| ("kernel", kernel_words(kernel))));
    for (name, value) in lines {
        console.line(&format!("{name:<7} {}", printable(&value)))?;
    }
    if time.sources.is_empty() {
        return console.note("no time servers: this machine's clock is trusted as it was at start");
    }
    let mut table = Table::new(&[
        ("SERVER", Align::Left),
        ("STRATUM", Align::Right),
        ("OFFSET", Align::Right),
        ("DISTANCE", Align::Right),
        ("LAST ANSWER (UTC)", Align::Left),
        ("VERDICT", Align::Left),
    ]);
    for server in &time.sources {
        let dash = || "-".to_owned();
        table.row([
            server.server.clone(),
            server.stratum.map_or_else(dash, |stratum| stratum.to_string()),
            server.offset_us.map_or_else(dash, signed_millis),
            server.root_distance_us.map_or_else(dash, millis),
            instant_or_dash(server.last.as_deref()),
            server.problem.as_ref().map_or_else(
                || server.standing.clone(),
                |problem| format!("{}: {problem}", server.standing),
            ),
        ]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))
}

fn kernel_words(kernel: &KernelWitness) -> String {
    match (kernel.synchronised, &kernel.problem) {
        (Some(true), _) => "says that it is synchronised".to_owned(),
        (Some(false), _) => "says that it is not synchronised".to_owned(),
        (None, Some(problem)) => format!("cannot be asked: {problem}"),
        (None, None) => "not asked".to_owned(),
    }
}

fn millis(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

fn signed_millis(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "+" };
    format!("{sign}{}", millis(micros.unsigned_abs()))
}
