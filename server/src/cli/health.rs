//! `marca health`: whether a service may issue now, for health checks that have no HTTP client.

use super::client;
use super::console::Console;
use super::error::{CliError, Refusal, TokenHint};
use super::values::ServiceUrl;
use clap::Args;
use std::path::PathBuf;

/// The arguments of `marca health`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Prints what /readyz says. Exit codes: 0 ready, 1 not ready, 3 not reachable.

Example:
  marca health --server http://127.0.0.1:3161")]
pub(crate) struct HealthOptions {
    /// Address of the service
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3161")]
    server: ServiceUrl,
    /// CA certificates (PEM) to trust for an https service, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// `marca health`
pub(crate) fn run(options: &HealthOptions, console: &mut Console<'_>) -> Result<(), CliError> {
    let unreachable = |error: ureq::Error| CliError::Unreachable {
        url: options.server.to_string(),
        reason: error.to_string(),
        flag: "--server",
        token: TokenHint(None),
    };
    let agent = client::agent(options.ca_file.as_deref())?;
    let asked = agent.get(format!("{}/readyz", options.server)).call();
    let mut answer = asked.map_err(unreachable)?;
    let status = answer.status().as_u16();
    let text = answer.body_mut().read_to_string().map_err(unreachable)?;
    console.line(&super::table::printable(text.trim()))?;
    if status == 200 {
        return Ok(());
    }
    Err(Refusal {
        status,
        title: "not ready".to_owned(),
        detail: "the service may not issue now".to_owned(),
        advice: "the checks above name the reason; the log of the service tells more".to_owned(),
    }
    .into())
}
