//! `marca ca`: the built-in certificate authorities and what they issued, over the admin API.

use super::account::insert;
use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, count, instant, instant_or_dash, printable};
use super::values::{Moment, SerialText, read_pem, revocation_reason};
use super::views::{Authority, Certificate, Crl, list, view};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The subcommands of `marca ca`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca ca list
  marca ca certificates --status suspended
  marca ca issue --profile tls-client --csr pump.csr --country IT --common-name pump-7 --pem
  marca ca suspend SERIAL --reason 'card reported lost'
  marca ca revoke SERIAL --because key-compromise")]
pub(crate) struct CaCommand {
    #[command(subcommand)]
    act: CaAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum CaAct {
    /// List the CAs with their revocation lists
    #[command(after_help = "Example:\n  marca ca list")]
    List,
    /// List the certificates that were issued
    #[command(after_help = "Example:\n  marca ca certificates --ca holders --status revoked")]
    Certificates {
        /// Only those of this CA
        #[arg(long, value_name = "CA")]
        ca: Option<String>,
        /// Only those that stand so
        #[arg(long, value_name = "STATUS",
            value_parser = ["good", "suspended", "revoked", "expired"])]
        status: Option<String>,
    },
    /// Show a certificate and what became of it
    #[command(after_help = "Example:\n  marca ca show SERIAL --pem > certificate.pem")]
    Show {
        /// Serial number, in hex and whole, as `marca ca certificates` shows it
        serial: SerialText,
        /// Print the certificate, PEM, and nothing else
        #[arg(long, conflicts_with = "json")]
        pem: bool,
    },
    /// Certify the key of a certification request
    #[command(after_help = "\
Examples:
  marca ca issue --profile remote --csr a.csr --country IT --given-name Ada --surname Rossi \\
    --serial-number TINIT-RSSDAA80A41H501X --pem > a.pem
  marca ca issue --profile tls-client --csr p.csr --country IT --common-name pump-7")]
    Issue(Box<IssueOptions>),
    /// Suspend a certificate: on hold in the next revocation list, which is made at once
    #[command(after_help = "Example:\n  marca ca suspend SERIAL --until 2027-01-31")]
    Suspend {
        #[command(flatten)]
        change: Change,
        /// When the suspension ends by itself: a date (from 00:00 UTC) or RFC 3339
        #[arg(long, value_name = "WHEN")]
        until: Option<Moment>,
    },
    /// Let a suspended certificate be valid again
    #[command(after_help = "Example:\n  marca ca reactivate SERIAL")]
    Reactivate(Change),
    /// Revoke a certificate for good
    #[command(after_help = "Example:\n  marca ca revoke SERIAL --because superseded --yes")]
    Revoke {
        #[command(flatten)]
        change: Change,
        /// The reason that stands in the revocation list
        #[arg(long, value_name = "REASON", value_parser = revocation_reason())]
        because: String,
        /// Since when the key may have been misused: a date or RFC 3339
        #[arg(long, value_name = "WHEN")]
        invalid_since: Option<Moment>,
        /// Do not ask for the serial number as a confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Make a new revocation list now
    #[command(after_help = "Example:\n  marca ca crl issuing")]
    Crl {
        /// Name of the CA
        ca: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

/// What confirms a revocation.
const END_OF_SERIAL: &str = "the last four digits of the serial number";

#[derive(Args, Debug)]
struct Change {
    /// Serial number, in hex and whole, as `marca ca certificates` shows it
    serial: SerialText,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Args, Debug)]
struct IssueOptions {
    /// Which CA issues it
    #[arg(long, value_name = "CA", default_value = "holders")]
    ca: String,
    /// What the certificate is for
    #[arg(long, value_parser = ["remote", "automatic", "tls-client"])]
    profile: String,
    /// The certification request, PEM: its key and its proof of possession count, not its name
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// Country, two letters
    #[arg(long, value_name = "CC")]
    country: String,
    /// Name of the organization
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Identifier of the organization, as in VATIT-12345678901 (EN 319 412-1)
    #[arg(long, value_name = "ID")]
    organization_identifier: Option<String>,
    /// Given name of a person
    #[arg(long, value_name = "NAME", requires = "surname")]
    given_name: Option<String>,
    /// Surname of a person
    #[arg(long, value_name = "NAME", requires = "given_name")]
    surname: Option<String>,
    /// Pseudonym, in place of the names
    #[arg(long, value_name = "NAME", conflicts_with = "surname")]
    pseudonym: Option<String>,
    /// Identifier of the person, as in TINIT-RSSDAA80A41H501X (EN 319 412-1)
    #[arg(long, value_name = "ID")]
    serial_number: Option<String>,
    /// Common name; made from the other names without it
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// Print the certificate, PEM, and nothing else
    #[arg(long, conflicts_with = "json")]
    pem: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Runs `marca ca …`.
pub(crate) fn run(command: &CaCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = Client::new(&command.server)?;
    let json = command.server.json;
    match &command.act {
        CaAct::List => {
            let answer = client.get("/authorities")?;
            if json { console.json(&answer) } else { print_authorities(&answer, console) }
        }
        CaAct::Certificates { ca, status } => {
            certificates(&client, ca.as_deref(), status.as_deref(), json, console)
        }
        CaAct::Show { serial, pem } => {
            let answer = client.get(&format!("/certificates/{serial}"))?;
            told(&answer, json, *pem, console)
        }
        CaAct::Issue(options) => issue(&client, options, json, console),
        CaAct::Suspend { change, until } => {
            let mut body = json!({});
            insert(&mut body, "until", until.map(|at| at.to_string()));
            change_status(&client, change, "suspend", body, json, console)
        }
        CaAct::Reactivate(change) => {
            change_status(&client, change, "reactivate", json!({}), json, console)
        }
        CaAct::Revoke { change, because, invalid_since, yes } => {
            if !yes {
                confirm(&client, &change.serial, console)?;
            }
            let mut body = json!({ "reason_code": because });
            insert(&mut body, "invalidity_date", invalid_since.map(|at| at.to_string()));
            change_status(&client, change, "revoke", body, json, console)
        }
        CaAct::Crl { ca, reason } => {
            let mut body = json!({});
            reasoned(&mut body, reason);
            let answer = client.post(&format!("/authorities/{}/crl", segment(ca)), &body)?;
            if json {
                return console.json(&answer);
            }
            let crl: Crl = view(&answer)?;
            console.line(&format!(
                "revocation list {} of {}: {} entries, good until {} UTC",
                crl.number,
                printable(ca),
                count(crl.entries),
                instant_or_dash(crl.next_update.as_deref())
            ))
        }
    }
}

fn print_authorities(answer: &Value, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut table = Table::new(&[
        ("CA", Align::Left),
        ("UNTIL", Align::Left),
        ("ISSUED", Align::Right),
        ("LIST", Align::Left),
        ("SUBJECT", Align::Left),
    ]);
    for authority in list::<Authority>(answer, "authorities")? {
        let day = |text: Option<&str>| instant_or_dash(text).chars().take(10).collect::<String>();
        let crl = authority.crl.as_ref().map_or_else(
            || "none yet".to_owned(),
            |crl| format!("{} of {}", crl.number, instant_or_dash(crl.this_update.as_deref())),
        );
        table.row([
            authority.id,
            day(authority.not_after.as_deref()),
            count(authority.issued),
            crl,
            authority.subject,
        ]);
    }
    console.print(&table.render(WIDTH))
}

/// Every certificate, page after page.
fn certificates(
    client: &Client,
    ca: Option<&str>,
    status: Option<&str>,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (mut all, mut after): (Vec<Value>, u64) = (Vec::new(), 0);
    loop {
        let mut path = format!("/certificates?limit=500&after={after}");
        for (name, value) in [("ca", ca), ("status", status)] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        let mut page = client.get(&path)?;
        if let Some(Value::Array(items)) = page.get_mut("certificates").map(Value::take) {
            all.extend(items);
        }
        match page.get("next").and_then(Value::as_u64) {
            // A page that points back would never end.
            Some(next) if next > after => after = next,
            _ => break,
        }
    }
    let all = json!({ "certificates": all, "next": null });
    if json {
        return console.json(&all);
    }
    let certificates: Vec<Certificate> = list(&all, "certificates")?;
    if certificates.is_empty() {
        return console.note("no such certificates");
    }
    // The serial goes first and whole: it is what the other commands take.
    let mut table = Table::new(&[
        ("SERIAL", Align::Left),
        ("STATUS", Align::Left),
        ("UNTIL", Align::Left),
        ("FOR", Align::Left),
    ]);
    for certificate in certificates {
        let until = instant_or_dash(certificate.not_after.as_deref());
        table.row([
            certificate.serial,
            certificate.status,
            until.chars().take(10).collect(),
            format!("{} ({}) {}", certificate.profile, certificate.ca, certificate.subject),
        ]);
    }
    console.print(&table.render(WIDTH))
}

fn issue(
    client: &Client,
    options: &IssueOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut subject = json!({ "country": options.country });
    for (member, value) in [
        ("organization", &options.organization),
        ("organization_identifier", &options.organization_identifier),
        ("given_name", &options.given_name),
        ("surname", &options.surname),
        ("pseudonym", &options.pseudonym),
        ("serial_number", &options.serial_number),
        ("common_name", &options.common_name),
    ] {
        insert(&mut subject, member, value.clone());
    }
    let csr = read_pem(&options.csr, "CERTIFICATE REQUEST")?;
    let mut body = json!({
        "ca": options.ca, "profile": options.profile, "subject": subject, "csr": csr,
    });
    reasoned(&mut body, &options.reason);
    told(&client.post("/certificates", &body)?, json, options.pem, console)
}

fn change_status(
    client: &Client,
    change: &Change,
    verb: &str,
    mut body: Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    reasoned(&mut body, &change.reason);
    let answer = client.post(&format!("/certificates/{}/{verb}", change.serial), &body)?;
    if json {
        return console.json(&answer);
    }
    let certificate: Certificate = view(&answer)?;
    console.line(&printable(&format!(
        "certificate {} ({}) is {}",
        certificate.serial,
        certificate.subject,
        standing(&certificate)
    )))
}

/// A revocation cannot be undone: whoever revokes types the end of the serial number.
fn confirm(
    client: &Client,
    serial: &SerialText,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let certificate: Certificate = view(&client.get(&format!("/certificates/{serial}"))?)?;
    console.note(&printable(&format!(
        "Revoking certificate {serial} ({}) cannot be undone.",
        certificate.subject
    )))?;
    let digits = serial.to_string();
    let end = &digits[digits.len().saturating_sub(4)..];
    let typed = console.ask("Type the last four digits of its serial number to revoke it: ")?;
    if typed.eq_ignore_ascii_case(end) {
        Ok(())
    } else {
        Err(CliError::NotConfirmed { asked: END_OF_SERIAL })
    }
}

/// One certificate.
fn told(answer: &Value, json: bool, pem: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let certificate: Certificate = view(answer)?;
    if pem {
        return match &certificate.certificate {
            Some(pem) => console.line(pem.trim_end()),
            None => Err(CliError::Answer {
                url: "the service".to_owned(),
                what: "no certificate".to_owned(),
            }),
        };
    }
    let lines = [
        ("serial", certificate.serial.clone()),
        ("status", standing(&certificate)),
        ("subject", certificate.subject.clone()),
        ("profile", certificate.profile.clone()),
        ("issued by", certificate.ca.clone()),
        ("valid from", instant_or_dash(certificate.not_before.as_deref())),
        ("valid until", instant_or_dash(certificate.not_after.as_deref())),
    ];
    for (name, value) in lines {
        console.line(&format!("{name:<11} {}", printable(&value)))?;
    }
    for change in &certificate.history {
        let because = change.reason.as_deref().map(|reason| format!(" ({reason})"));
        console.line(&printable(&format!(
            "{}  {}{} by {}: {}",
            instant(&change.at),
            change.change,
            because.unwrap_or_default(),
            change.actor,
            change.why
        )))?;
    }
    Ok(())
}

/// The status with what belongs to it.
fn standing(certificate: &Certificate) -> String {
    let mut text = certificate.status.clone();
    if let Some(reason) = &certificate.reason {
        text.push_str(&format!(" ({reason})"));
    }
    if let Some(since) = &certificate.since {
        text.push_str(&format!(" since {}", instant(since)));
    }
    if let Some(until) = &certificate.until {
        text.push_str(&format!(" until {}", instant(until)));
    }
    text
}

fn reasoned(body: &mut Value, reason: &str) {
    insert(body, "reason", Some(reason.to_owned()).filter(|reason| !reason.is_empty()));
}
