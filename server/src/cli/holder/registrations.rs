//! `marca holder register|requests|approve|reject|invite`.

use super::pages;
use super::views::{Registration as View, print_registration, print_whole_registration};
use crate::cli::account::insert;
use crate::cli::client::{Client, segment};
use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, instant_or_dash};
use crate::cli::views::list;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The example of `register`.
pub(super) const EXAMPLE: &str = "\
Example:
  marca holder register --given-name Ada --surname Rossi --email ada@example.org \\
    --phone '+39 347 123 4567' --fiscal-code RSSMRA85T10A562S --fiscal-code-as-passphrase";

/// The longest passphrase file that makes sense.
const PASSPHRASE_LIMIT: u64 = 1024;

/// Who is registered.
#[derive(Args, Debug)]
pub(super) struct RegisterOptions {
    /// Given name
    #[arg(long, value_name = "NAME")]
    given_name: String,
    /// Surname
    #[arg(long, value_name = "NAME")]
    surname: String,
    /// Italian fiscal code, or a country and a number as in DE-12345678901
    #[arg(long, value_name = "CODE")]
    fiscal_code: String,
    /// Birth date, as in 1985-12-10
    #[arg(long, value_name = "DATE")]
    birth_date: Option<chrono::NaiveDate>,
    /// E-mail address, which becomes the user ID
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Mobile number for one-time codes, with its country code
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// File whose first line opens the envelope: on a command line others could read it
    #[arg(long, value_name = "FILE", required_unless_present = "fiscal_code_as_passphrase")]
    passphrase_file: Option<PathBuf>,
    /// The fiscal code opens the envelope
    #[arg(long, conflicts_with = "passphrase_file")]
    fiscal_code_as_passphrase: bool,
    /// How the credential signs
    #[arg(long, value_enum, default_value = "remote")]
    kind: Kind,
    /// Language of mails and pages
    #[arg(long, value_enum, default_value = "en")]
    language: Language,
    /// Invite at once
    #[arg(long)]
    invite: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Every signature with PIN and one-time code
    Remote,
    /// Unattended, by a linked system
    Automatic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// English
    En,
    /// Italian
    It,
}

/// Which registrations.
#[derive(Args, Debug)]
pub(super) struct RequestsOptions {
    /// All of them, not only those that wait for a decision
    #[arg(long)]
    all: bool,
}

/// A registration.
#[derive(Args, Debug)]
pub(super) struct Registration {
    /// Identifier, as in r-7
    registration: String,
}

/// What is rejected, and why.
#[derive(Args, Debug)]
pub(super) struct RejectOptions {
    #[command(flatten)]
    one: Registration,
    /// Why; the address is told
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Who is invited, and how.
#[derive(Args, Debug)]
pub(super) struct InviteOptions {
    #[command(flatten)]
    one: Registration,
    /// Send a first password by short message as well
    #[arg(long)]
    first_password: bool,
}

pub(super) fn register(
    client: &Client,
    options: &RegisterOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (kind, language) = (options.kind, options.language);
    let word = |value: Option<clap::builder::PossibleValue>| {
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    };
    let mut body = json!({
        "given_name": options.given_name,
        "surname": options.surname,
        "fiscal_code": options.fiscal_code,
        "email": options.email,
        "phone": options.phone,
        "fiscal_code_as_passphrase": options.fiscal_code_as_passphrase,
        "kind": word(kind.to_possible_value()),
        "language": word(language.to_possible_value()),
    });
    insert(&mut body, "birth_date", options.birth_date.map(|date| date.to_string()));
    if let Some(path) = &options.passphrase_file {
        insert(&mut body, "passphrase", Some(read_passphrase(path)?.to_string()));
    }
    let registered = client.post("/registrations", &body)?;
    if !options.invite {
        return print_registration(&registered, json, console);
    }
    let id = registered.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    let invited = client.post(&path(id, "invite"), &json!({}))?;
    print_registration(&invited, json, console)
}

/// The first line of a file.
fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let fault = |reason: String| CliError::File { path: path.to_owned(), reason };
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if size > PASSPHRASE_LIMIT {
        return Err(fault("too large for a passphrase: write it alone, in the first line".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

pub(super) fn requests(
    client: &Client,
    options: &RequestsOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let which = if options.all { "/registrations" } else { "/registrations?state=requested" };
    let all = json!({ "registrations": pages(client, which, "registrations")?, "next": null });
    if json {
        return console.json(&all);
    }
    let registrations: Vec<View> = list(&all, "registrations")?;
    if registrations.is_empty() {
        return console.note(if options.all {
            "no registrations"
        } else {
            "nobody waits for a decision; `marca holder requests --all` shows old ones too"
        });
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("STATE", Align::Left),
        ("KIND", Align::Left),
        ("ASKED (UTC)", Align::Left),
        ("ADDRESS", Align::Left),
        ("NAME", Align::Left),
    ]);
    for one in registrations {
        let (name, created) = (one.name(), instant_or_dash(one.created_at.as_deref()));
        let (kind, email) = (one.kind.unwrap_or_default(), one.email.unwrap_or_default());
        table.row([one.id, one.state, kind, created, email, name]);
    }
    console.print(&table.render(WIDTH))?;
    console.note("`marca holder request ID` shows all that was said of one")
}

/// One registration, with what has to be compared before it is approved.
pub(super) fn request(
    client: &Client,
    one: &Registration,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let answer = client.get(&format!("/registrations/{}", segment(&one.registration)))?;
    print_whole_registration(&answer, json, console)
}

pub(super) fn approve(
    client: &Client,
    one: &Registration,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let answer = client.post(&path(&one.registration, "approve"), &json!({}))?;
    print_registration(&answer, json, console)
}

pub(super) fn reject(
    client: &Client,
    options: &RejectOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let body = json!({ "reason": options.reason });
    let answer = client.post(&path(&options.one.registration, "reject"), &body)?;
    print_registration(&answer, json, console)
}

pub(super) fn invite(
    client: &Client,
    options: &InviteOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let body = json!({ "first_password": options.first_password });
    let answer = client.post(&path(&options.one.registration, "invite"), &body)?;
    print_registration(&answer, json, console)
}

fn path(registration: &str, act: &str) -> String {
    format!("/registrations/{}/{act}", segment(registration))
}
