//! The command line of `marca`: what can be typed, and what is printed for it.
//!
//! This room parses arguments, talks to a running service over its admin API, checks a data
//! directory and measures a service. It starts the service itself through [`Services`] only, so
//! that it stays independent of how the service is composed. It changes no balance: every such
//! act is a request to the service, which decides and keeps the record.
//!
//! Exit codes: 0 done, 1 refused by the service (or something was found wrong), 2 usage,
//! 3 the service cannot be reached.

mod account;
mod audit;
mod bench;
mod ca;
mod client;
mod console;
mod credentials;
mod error;
mod health;
mod holder;
mod links;
mod service;
mod stamps;
mod store;
mod table;
mod time;
mod trail;
mod tsu;
mod values;
mod views;

#[cfg(test)]
mod tests;

pub(crate) use service::{DemoOptions, ServiceError, Services};

use clap::{CommandFactory, Parser, Subcommand};
use console::Console;
use error::CliError;
use std::io;
use std::process::ExitCode;

/// A timestamp authority (RFC 3161) with prepaid stamps.
#[derive(Debug, Parser)]
#[command(name = "marca", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  marca demo                                  start a complete service to try out
  marca account create acme --stamps 500      open an account with 500 stamps
  marca stamps grant acme 1000 --order 4711   sell 1,000 more
  marca stamps statement acme --json          every movement, as JSON
  marca store check --data ./marca-demo       re-add every stamp from the journal

Exit codes: 0 done, 1 refused or something found wrong, 2 usage, 3 service not reachable.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a complete service with a demo CA and fixed logins, on loopback only
    Demo(DemoOptions),
    /// Start the service for production
    Serve(service::ServeOptions),
    /// Print or check the configuration
    Config(service::ConfigCommand),
    /// Open, list, suspend and close stamp accounts, and their credentials
    Account(account::AccountCommand),
    /// Register, invite, block and close holders of signatures, and stop their credentials
    Holder(holder::HolderCommand),
    /// Grant, refund and void stamps, and read statements
    Stamps(stamps::StampsCommand),
    /// Make, certify, roll over and retire time-stamping units
    Tsu(tsu::TsuCommand),
    /// Issue, suspend and revoke certificates, and see what the CA issued
    Ca(ca::CaCommand),
    /// Ask how the service knows the time
    Time(time::TimeCommand),
    /// Read and export the audit trail
    Trail(trail::TrailCommand),
    /// Check, back up, restore and rebuild a data directory
    Store(store::StoreCommand),
    /// Ask a service whether it may issue (for health checks)
    Health(health::HealthOptions),
    /// Measure a service under load
    Bench(bench::BenchOptions),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  marca completions bash > /etc/bash_completion.d/marca")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command named by the arguments of the process, and tells how it ended.
pub(crate) fn main(services: &Services) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version come this way too, with exit code 0. When even that cannot be
            // printed there is nobody left to tell.
            told.print().ok();
            return ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(error::USAGE));
        }
    };
    let (mut input, mut out, mut err) = (io::stdin().lock(), io::stdout(), io::stderr());
    let mut console = Console::new(&mut input, &mut out, &mut err);
    let outcome = dispatch(cli.command, services, &mut console);
    ExitCode::from(console.report(outcome))
}

/// Runs one command.
fn dispatch(
    command: Command,
    services: &Services,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        Command::Demo(options) => service::demo(&options, services),
        Command::Serve(options) => service::serve(&options, services),
        Command::Config(command) => service::config(&command, services, console),
        Command::Account(command) => account::run(&command, console),
        Command::Holder(command) => holder::run(&command, console),
        Command::Stamps(command) => stamps::run(&command, console),
        Command::Tsu(command) => tsu::run(&command, console),
        Command::Ca(command) => ca::run(&command, console),
        Command::Time(command) => time::run(&command, console),
        Command::Trail(command) => trail::run(&command, console),
        Command::Store(command) => store::run(&command, console),
        Command::Health(options) => health::run(&options, console),
        Command::Bench(options) => bench::run(&options, console),
        Command::Completions { shell } => {
            // Rendered first: the generator panics when it cannot write, and a closed pipe is
            // no fault.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "marca", &mut script);
            console.print(&String::from_utf8_lossy(&script))
        }
    }
}
