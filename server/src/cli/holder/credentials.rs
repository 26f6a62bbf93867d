//! `marca holder suspend|reactivate|revoke`: credentials that an operator stops.

use super::path;
use super::views::print_holder;
use crate::cli::client::{Client, segment};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::values::Moment;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

/// A credential of a holder.
#[derive(Args, Debug)]
pub(super) struct Credential {
    #[command(flatten)]
    named: super::Named,
    /// Identifier, as `marca holder show` prints it
    credential: String,
}

/// What is suspended, and for how long.
#[derive(Args, Debug)]
pub(super) struct SuspendOptions {
    #[command(flatten)]
    one: Credential,
    /// Until this instant: a date (from 00:00 UTC) or RFC 3339; without it, until reactivated
    #[arg(long, value_name = "WHEN")]
    until: Option<Moment>,
}

/// What is revoked, and why.
#[derive(Args, Debug)]
pub(super) struct RevokeOptions {
    #[command(flatten)]
    one: Credential,
    /// Why the credential ends
    #[arg(long, value_name = "CAUSE", value_parser = causes())]
    cause: String,
}

fn causes() -> PossibleValuesParser {
    PossibleValuesParser::new([
        "cessation",
        "key-compromise",
        "affiliation-changed",
        "superseded",
        "privilege-withdrawn",
    ])
}

pub(super) fn suspend(
    client: &Client,
    options: &SuspendOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let body = match options.until {
        Some(until) => json!({ "until": until.to_string() }),
        None => json!({}),
    };
    act(client, &options.one, "suspend", &body, json, console)
}

pub(super) fn reactivate(
    client: &Client,
    one: &Credential,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    act(client, one, "reactivate", &json!({}), json, console)
}

pub(super) fn revoke(
    client: &Client,
    options: &RevokeOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    act(client, &options.one, "revoke", &json!({ "cause": options.cause }), json, console)
}

fn act(
    client: &Client,
    one: &Credential,
    verb: &str,
    body: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let holder = path(client, &one.named.holder)?;
    let credential = segment(&one.credential);
    let answer = client.post(&format!("{holder}/credentials/{credential}/{verb}"), body)?;
    print_holder(&answer, json, console)
}
