//! `marca tsu create … retire`: the life of a unit's keys, step by step.
//!
//! The service decides what is allowed when; this file asks for it and tells what to do next.

use super::state;
use crate::cli::account::insert;
use crate::cli::client::{Client, segment};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::table::{instant, printable};
use crate::cli::values::{Moment, key_kind, read_pem, revocation_reason};
use crate::cli::views::{Generation, Tsu, view};
use certs::KeyKind;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Where a key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyStore {
    /// In a file of the data directory
    File,
    /// In the device of the configuration
    Hsm,
}

/// How an RSA key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Padding {
    /// RSASSA-PKCS1-v1_5
    Pkcs1,
    /// RSASSA-PSS
    Pss,
}

/// Which certificates a token carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TokenCertificates {
    /// The unit's own
    Leaf,
    /// The chain below the root too
    Full,
}

/// Who certifies a unit's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CertifiedBy {
    /// The built-in CA
    BuiltIn,
    /// Another CA
    Outside,
}

/// The name of a choice, as it is typed and as the service has it.
fn word(choice: &impl ValueEnum) -> String {
    // No choice is hidden, so each has its name.
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The arguments of `marca tsu create`.
#[derive(Args, Debug)]
pub(super) struct CreateOptions {
    /// Identifier, as in `POST /tsa/ID`: a-z, 0-9 and '-'
    id: String,
    /// Kind of the key
    #[arg(long, value_name = "KIND", value_parser = key_kind())]
    key: KeyKind,
    /// Where the key is made
    #[arg(long, value_enum, default_value = "file")]
    key_store: KeyStore,
    /// How an RSA key signs
    #[arg(long, value_enum, default_value = "pkcs1")]
    padding: Padding,
    /// Policy that the unit offers, an object identifier; repeat for more, the first is the default
    #[arg(long = "policy", value_name = "OID", required = true)]
    policies: Vec<String>,
    /// Accuracy stated in each token, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    accuracy_ms: u32,
    /// Which certificates a token carries
    #[arg(long, value_enum, default_value = "leaf")]
    certificates: TokenCertificates,
    /// A unit that stamps every request too: two tokens for one stamp
    #[arg(long, value_name = "ID")]
    companion: Option<String>,
    /// Who certifies the key
    #[arg(long, value_enum, default_value = "built-in")]
    certified_by: CertifiedBy,
    /// Days before the end of the key's use at which the next key is made
    #[arg(long, value_name = "DAYS", requires = "activate_days")]
    prepare_days: Option<u16>,
    /// Days before the end of the key's use at which the next key takes over
    #[arg(long, value_name = "DAYS", requires = "prepare_days")]
    activate_days: Option<u16>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// `marca tsu create`
pub(super) fn create(
    client: &Client,
    options: &CreateOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({
        "id": options.id, "key": options.key.name(), "policies": options.policies,
        "key_store": word(&options.key_store), "padding": word(&options.padding),
        "accuracy_ms": options.accuracy_ms, "certificates": word(&options.certificates),
        "certified_by": word(&options.certified_by),
    });
    insert(&mut body, "companion", options.companion.clone());
    if let (Some(prepare), Some(activate)) = (options.prepare_days, options.activate_days) {
        body["rollover"] = json!({ "prepare_days": prepare, "activate_days": activate });
    }
    reasoned(&mut body, &options.reason);
    let answer = client.post("/tsus", &body)?;
    if json {
        return console.json(&answer);
    }
    let tsu: Tsu = view(&answer)?;
    console.line(&format!("unit {} made, {}", printable(&tsu.id), state(&tsu)))?;
    match options.certified_by {
        CertifiedBy::BuiltIn => Ok(()),
        CertifiedBy::Outside => {
            let id = printable(&tsu.id);
            console.note(&format!(
                "Next: `marca tsu csr {id}` for the CA, `marca tsu import {id} CHAIN.pem` for what \
                 it answers, `marca tsu activate {id}`."
            ))
        }
    }
}

/// A unit, and why something is done to it.
#[derive(Args, Debug)]
pub(super) struct ReasonedAct {
    /// Identifier of the unit
    id: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// `marca tsu new-key`
pub(super) fn new_key(
    client: &Client,
    options: &ReasonedAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({});
    reasoned(&mut body, &options.reason);
    let answer = client.post(&format!("/tsus/{}/keys", segment(&options.id)), &body)?;
    tell(&options.id, &answer, json, console)
}

/// `marca tsu default`
pub(super) fn make_default(
    client: &Client,
    options: &ReasonedAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({});
    reasoned(&mut body, &options.reason);
    let answer = client.post(&format!("/tsus/{}/default", segment(&options.id)), &body)?;
    if json {
        return console.json(&answer);
    }
    let tsu: Tsu = view(&answer)?;
    console.line(&format!("unit {} is behind /tsa now, {}", printable(&tsu.id), state(&tsu)))
}

/// `marca tsu csr`
pub(super) fn csr(
    client: &Client,
    id: &str,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let answer = client.get(&format!("/tsus/{}/csr", segment(id)))?;
    if json {
        return console.json(&answer);
    }
    match answer.get("csr").and_then(Value::as_str) {
        Some(pem) => console.line(pem.trim_end()),
        None => Err(CliError::Answer {
            url: format!("unit {id}"),
            what: "no certification request".to_owned(),
        }),
    }
}

/// The arguments of `marca tsu import`.
#[derive(Args, Debug)]
pub(super) struct ImportOptions {
    /// Identifier of the unit
    id: String,
    /// The certificate and its chain with the root, PEM, in any order
    #[arg(value_name = "CHAIN.pem")]
    chain: PathBuf,
    /// Which key it is for; the newest that waits for a certificate
    #[arg(long, value_name = "N")]
    generation: Option<u32>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// `marca tsu import`
pub(super) fn import(
    client: &Client,
    options: &ImportOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let chain = read_pem(&options.chain, "CERTIFICATE")?;
    let mut body = json!({ "chain": chain });
    number(&mut body, options.generation);
    reasoned(&mut body, &options.reason);
    let answer = client.post(&format!("/tsus/{}/certificate", segment(&options.id)), &body)?;
    tell(&options.id, &answer, json, console)
}

/// The arguments of `marca tsu activate`.
#[derive(Args, Debug)]
pub(super) struct ActivateOptions {
    /// Identifier of the unit
    id: String,
    /// Which key; the newest that is certified
    #[arg(long, value_name = "N")]
    generation: Option<u32>,
    /// When: a date (from 00:00 UTC) or RFC 3339; at once without it
    #[arg(long, value_name = "WHEN")]
    at: Option<Moment>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// `marca tsu activate`
pub(super) fn activate(
    client: &Client,
    options: &ActivateOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({});
    number(&mut body, options.generation);
    insert(&mut body, "at", options.at.map(|at| at.to_string()));
    reasoned(&mut body, &options.reason);
    let answer = client.post(&format!("/tsus/{}/activate", segment(&options.id)), &body)?;
    tell(&options.id, &answer, json, console)
}

/// The arguments of `marca tsu retire`.
#[derive(Args, Debug)]
pub(super) struct RetireOptions {
    /// Identifier of the unit
    id: String,
    /// Which key; the active one without it
    #[arg(long, value_name = "N")]
    generation: Option<u32>,
    /// Destroy the private key too; it cannot be brought back
    #[arg(long)]
    destroy_key: bool,
    /// Revoke the certificate for this reason, when the built-in CA issued it
    #[arg(long, value_name = "REASON", value_parser = revocation_reason())]
    revoke: Option<String>,
    /// Also when the service cannot do without the key: nothing stamps in its place
    #[arg(long)]
    force: bool,
    /// Do not ask for the unit's name as a confirmation
    #[arg(long)]
    yes: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// `marca tsu retire`. It cannot be undone: whoever retires a key types the unit's name.
pub(super) fn retire(
    client: &Client,
    options: &RetireOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if !options.yes {
        let which = options.generation.map_or("the active key".to_owned(), |n| format!("key {n}"));
        let destroyed = if options.destroy_key { " and destroyed" } else { "" };
        console.note(&format!(
            "{which} of unit {} will be retired{destroyed}; this cannot be undone.",
            printable(&options.id)
        ))?;
        if console.ask("Type the unit's name to go on: ")? != options.id {
            return Err(CliError::NotConfirmed { asked: "the unit's name" });
        }
    }
    let mut body = json!({ "destroy_key": options.destroy_key });
    if options.force {
        body["force"] = json!(true);
    }
    number(&mut body, options.generation);
    insert(&mut body, "revoke", options.revoke.clone());
    reasoned(&mut body, &options.reason);
    let answer = client.post(&format!("/tsus/{}/retire", segment(&options.id)), &body)?;
    tell(&options.id, &answer, json, console)
}

/// How a key stands after a step.
pub(super) fn tell(
    id: &str,
    answer: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let generation: Generation = view(answer)?;
    let at = generation.activate_at.as_deref();
    let planned = at.map_or_else(String::new, |at| format!(", active from {}", instant(at)));
    console.line(&printable(&format!(
        "key {} of unit {id} ({}) is {}{planned}",
        generation.number, generation.key, generation.state
    )))
}

fn number(body: &mut Value, generation: Option<u32>) {
    if let Some(generation) = generation {
        body["generation"] = json!(generation);
    }
}

fn reasoned(body: &mut Value, reason: &str) {
    insert(body, "reason", Some(reason.to_owned()).filter(|reason| !reason.is_empty()));
}
