//! `marca holder suspend|reactivate|revoke`: credentials that an operator stops. One is named by
//! its identifier, or by a beginning of it that no other of the holder's has.

use super::path;
use super::views::{Credential as Shown, Holder, print_holder};
use crate::cli::client::{Client, segment};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::table::{instant, printable};
use crate::cli::values::{CESSATION, Moment};
use crate::cli::views::view;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::json;

/// A credential of a holder.
#[derive(Args, Debug)]
pub(super) struct Credential {
    #[command(flatten)]
    named: super::Named,
    /// Identifier, as `marca holder show` prints it; its beginning is enough where it is the only
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
    #[arg(long, visible_alias = "cause", value_name = "REASON", value_parser = causes())]
    because: String,
    /// Do not ask for the end of the identifier as a confirmation
    #[arg(long)]
    yes: bool,
}

/// The names that `marca ca revoke` has, as far as they are reasons for a holder's credential.
fn causes() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new([
        PossibleValue::new(CESSATION).alias("cessation"),
        PossibleValue::new("key-compromise"),
        PossibleValue::new("affiliation-changed"),
        PossibleValue::new("superseded"),
        PossibleValue::new("privilege-withdrawn"),
    ])
    // The admin API's word.
    .map(|typed| if typed == CESSATION { "cessation".to_owned() } else { typed })
}

/// What confirms a revocation.
const END_OF_IDENTIFIER: &str = "the last four characters of the credential's identifier";

/// Suspends; a suspension that there is gets no shorter, and then that is told.
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
    let named = options.one.looked_up(client)?;
    let answer = client.post(&named.path("suspend"), &body)?;
    print_holder(&answer, json, console)?;
    let now: Holder = view(&answer)?;
    let held = now.credentials.iter().find(|one| one.id == named.credential.id);
    match (options.until, held) {
        (Some(asked), Some(held)) if held.suspended_longer_than(asked) => {
            let until = held.suspended_until.as_deref().map_or_else(
                || "until it is reactivated".to_owned(),
                |until| format!("until {} UTC", instant(until)),
            );
            console.note(&format!(
                "It stays suspended {until}: a suspension gets no shorter. \
                 `marca holder reactivate` lifts it."
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn reactivate(
    client: &Client,
    one: &Credential,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let named = one.looked_up(client)?;
    print_holder(&client.post(&named.path("reactivate"), &json!({}))?, json, console)
}

/// Revokes. It cannot be undone: whoever does it types the end of the identifier.
pub(super) fn revoke(
    client: &Client,
    options: &RevokeOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let named = options.one.looked_up(client)?;
    if !options.yes {
        let id = &named.credential.id;
        console.note(&printable(&format!(
            "Revoking credential {id} of holder {} ({}) cannot be undone.",
            named.holder.id, named.holder.user_id
        )))?;
        let typed =
            console.ask("Type the last four characters of its identifier to revoke it: ")?;
        if typed.len() != 4 || !id.ends_with(&typed.to_ascii_lowercase()) {
            return Err(CliError::NotConfirmed { asked: END_OF_IDENTIFIER });
        }
    }
    let answer = client.post(&named.path("revoke"), &json!({ "cause": options.because }))?;
    print_holder(&answer, json, console)
}

/// A credential that a holder has.
struct LookedUp {
    holder: Holder,
    credential: Shown,
}

impl LookedUp {
    /// The path of an act upon it.
    fn path(&self, act: &str) -> String {
        let (holder, credential) = (segment(&self.holder.id), segment(&self.credential.id));
        format!("/holders/{holder}/credentials/{credential}/{act}")
    }
}

impl Credential {
    /// The one credential of the holder whose identifier begins as it was typed.
    fn looked_up(&self, client: &Client) -> Result<LookedUp, CliError> {
        let mut holder: Holder = view(&client.get(&path(client, &self.named.holder)?)?)?;
        let typed = self.credential.to_ascii_lowercase();
        let all = std::mem::take(&mut holder.credentials);
        let mut found = all.into_iter().filter(|one| one.id.starts_with(&typed));
        let wrong = |what: &str| CliError::Argument {
            argument: "CREDENTIAL",
            reason: format!("{what}; `marca holder show {}` lists them", printable(&holder.id)),
        };
        match (found.next(), found.next()) {
            _ if typed.is_empty() => Err(wrong("an identifier is needed")),
            (Some(credential), None) => Ok(LookedUp { holder, credential }),
            (Some(_), Some(_)) => Err(wrong("more than one credential begins so: type more of it")),
            (None, _) => Err(wrong("the holder has no credential that begins so")),
        }
    }
}
