//! Starting the service and looking at its configuration: the arguments, and the hand-over.
//!
//! What runs behind a hand-over is composed elsewhere in this crate and comes in as [`Services`].

use super::console::Console;
use super::error::CliError;
use super::values::key_kind;
use certs::KeyKind;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a service could not start, or ended: in words, for the terminal.
pub(crate) type ServiceError = Box<dyn std::error::Error + Send + Sync>;

/// What the command line starts, but does not contain.
#[derive(Debug)]
pub(crate) struct Services {
    /// Runs the demo until it is told to stop.
    pub(crate) demo: fn(&DemoOptions) -> Result<(), ServiceError>,
    /// Runs the service of a configuration file until it is told to stop.
    pub(crate) serve: fn(&Path) -> Result<(), ServiceError>,
    /// Reads a configuration file and refuses what `serve` would refuse, without starting.
    pub(crate) check_config: fn(&Path) -> Result<(), ServiceError>,
    /// The commented default configuration.
    pub(crate) default_config: &'static str,
}

/// The arguments of `marca demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Prints `ready: http://ADDR:PORT` when it answers, and commands ready to paste.

Examples:
  marca demo
  marca demo --data /tmp/try --listen 127.0.0.1:0 --tsu-key rsa3072")]
pub(crate) struct DemoOptions {
    /// Directory of everything the demo keeps: keys, store, CA, admin token
    #[arg(long, value_name = "DIR", default_value = "./marca-demo")]
    pub(crate) data: PathBuf,
    /// Where to listen; loopback only, port 0 picks a free port
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:3161")]
    pub(crate) listen: SocketAddr,
    /// Kind of the time-stamping unit's key, when the data directory is new
    #[arg(long, value_name = "KIND", default_value = "p256", value_parser = key_kind())]
    pub(crate) tsu_key: KeyKind,
}

/// The arguments of `marca serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  marca config default > marca.toml
  marca config check --config marca.toml
  marca serve --config marca.toml")]
pub(crate) struct ServeOptions {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// The subcommands of `marca config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    act: ConfigAct,
}

#[derive(Debug, Subcommand)]
enum ConfigAct {
    /// Print the default configuration, with comments
    #[command(after_help = "Example:\n  marca config default > marca.toml")]
    Default,
    /// Read a configuration and name everything that `marca serve` would refuse
    #[command(after_help = "Example:\n  marca config check --config marca.toml")]
    Check(ServeOptions),
}

/// `marca demo`.
pub(crate) fn demo(options: &DemoOptions, services: &Services) -> Result<(), CliError> {
    if !options.listen.ip().is_loopback() {
        return Err(CliError::Argument {
            argument: "--listen",
            reason: format!(
                "{} is not a loopback address, and the demo has fixed passwords; \
                 use 127.0.0.1 or [::1], or `marca serve` for a real service",
                options.listen
            ),
        });
    }
    (services.demo)(options).map_err(|error| told(&error))
}

/// `marca serve`.
pub(crate) fn serve(options: &ServeOptions, services: &Services) -> Result<(), CliError> {
    (services.serve)(&options.config).map_err(|error| told(&error))
}

/// `marca config default|check`.
pub(crate) fn config(
    command: &ConfigCommand,
    services: &Services,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match &command.act {
        ConfigAct::Default => console.print(services.default_config),
        ConfigAct::Check(options) => {
            (services.check_config)(&options.config).map_err(|error| told(&error))?;
            console.line(&format!("{}: no fault found", options.config.display()))
        }
    }
}

/// An error of the service with everything behind it, each told once.
fn told(error: &ServiceError) -> CliError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(behind) = cause {
        let words = behind.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = behind.source();
    }
    CliError::Service(text)
}
