//! `marca account key` and `marca account certificate`: what an account signs in with.

use super::account::insert;
use super::client::{Client, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, instant_or_dash, printable};
use super::values::{Hex, read_pem};
use super::views::{ApiKey, BoundCertificate, list};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The subcommands of `marca account key`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  marca account key create acme --label 'build server'
  marca account key revoke acme marca_3f2a")]
pub(crate) enum KeyAct {
    /// Make an API key, shown once
    Create {
        /// Name or id of the account
        name: String,
        /// What the key is for
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// List the API keys of an account, without their secrets
    List {
        /// Name or id of the account
        name: String,
    },
    /// Revoke an API key
    Revoke {
        /// Name or id of the account
        name: String,
        /// The key's prefix, as `key list` shows it
        prefix: String,
    },
}

/// The subcommands of `marca account certificate`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  marca account certificate add acme client.pem
  marca account certificate add acme --sha256 9F:86:D0:…
  marca account certificate list acme")]
pub(crate) enum CertificateAct {
    /// Let the holder of a client certificate stamp from the account
    Add {
        /// Name or id of the account
        name: String,
        /// The certificate, PEM
        #[arg(required_unless_present = "sha256", conflicts_with = "sha256")]
        file: Option<PathBuf>,
        /// In place of the file: SHA-256 over the DER certificate, in hex
        #[arg(long, value_name = "HEX")]
        sha256: Option<Hex<32>>,
    },
    /// List the client certificates of an account
    List {
        /// Name or id of the account
        name: String,
    },
    /// Take a client certificate away from an account
    Remove {
        /// Name or id of the account
        name: String,
        /// SHA-256 over the certificate, as `certificate list` shows it
        sha256: Hex<32>,
    },
}

/// Runs `marca account key …`.
pub(crate) fn key(
    client: &Client,
    act: &KeyAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match act {
        KeyAct::Create { name, label } => {
            let mut body = json!({});
            insert(&mut body, "label", label.clone());
            let answer = client.post(&keys_of(name), &body)?;
            if json {
                return console.json(&answer);
            }
            let key = answer.get("api_key").and_then(Value::as_str).unwrap_or_default();
            console.line(&printable(key))?;
            console.note("The API key is shown this once: keep it now.")
        }
        KeyAct::List { name } => {
            let answer = client.get(&keys_of(name))?;
            if json { console.json(&answer) } else { key_table(&answer, console) }
        }
        KeyAct::Revoke { name, prefix } => {
            client.delete(&format!("{}/{}", keys_of(name), segment(prefix)))?;
            if json {
                return console.json(&json!({ "prefix": prefix, "revoked": true }));
            }
            console.line(&format!("API key {} of {} is revoked", printable(prefix), name))
        }
    }
}

/// Runs `marca account certificate …`.
pub(crate) fn certificate(
    client: &Client,
    act: &CertificateAct,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match act {
        CertificateAct::Add { name, file, sha256 } => {
            let body = match (file, sha256) {
                (Some(file), _) => json!({ "certificate": read_pem(file, "CERTIFICATE")? }),
                (None, Some(sha256)) => json!({ "sha256": sha256.to_string() }),
                (None, None) => {
                    return Err(CliError::Argument {
                        argument: "certificate add",
                        reason: "name a PEM file, or pass --sha256".to_owned(),
                    });
                }
            };
            let answer = client.post(&certificates_of(name), &body)?;
            if json {
                return console.json(&answer);
            }
            let sha256 = answer.get("sha256").and_then(Value::as_str).unwrap_or_default();
            console.line(&format!("certificate {} stamps from {name}", printable(sha256)))
        }
        CertificateAct::List { name } => {
            let answer = client.get(&certificates_of(name))?;
            if json { console.json(&answer) } else { certificate_table(&answer, console) }
        }
        CertificateAct::Remove { name, sha256 } => {
            client.delete(&format!("{}/{sha256}", certificates_of(name)))?;
            if json {
                return console.json(&json!({ "sha256": sha256.to_string(), "removed": true }));
            }
            console.line(&format!("certificate {sha256} no longer stamps from {name}"))
        }
    }
}

fn keys_of(name: &str) -> String {
    format!("/accounts/{}/api-keys", segment(name))
}

fn certificates_of(name: &str) -> String {
    format!("/accounts/{}/certificates", segment(name))
}

fn key_table(answer: &Value, console: &mut Console<'_>) -> Result<(), CliError> {
    let keys: Vec<ApiKey> = list(answer, "api_keys")?;
    if keys.is_empty() {
        return console.note("no API keys; `marca account key create NAME` makes one");
    }
    let mut table = Table::new(&[
        ("PREFIX", Align::Left),
        ("CREATED (UTC)", Align::Left),
        ("LAST USED", Align::Left),
        ("STATE", Align::Left),
        ("LABEL", Align::Left),
    ]);
    for key in &keys {
        table.row([
            key.prefix.clone(),
            instant_or_dash(key.created_at.as_deref()),
            key.last_used_on.clone().unwrap_or_else(|| "-".to_owned()),
            if key.revoked_at.is_some() { "revoked" } else { "active" }.to_owned(),
            key.label.clone().unwrap_or_default(),
        ]);
    }
    console.print(&table.render(WIDTH))
}

fn certificate_table(answer: &Value, console: &mut Console<'_>) -> Result<(), CliError> {
    let certificates: Vec<BoundCertificate> = list(answer, "certificates")?;
    if certificates.is_empty() {
        return console.note("no certificates; `marca account certificate add` binds one");
    }
    // The digest goes first and whole: it is what `remove` takes, so it must not be wrapped.
    let mut table = Table::new(&[("SHA-256", Align::Left), ("BOUND (UTC)", Align::Left)]);
    for certificate in &certificates {
        let bound = instant_or_dash(certificate.bound_at.as_deref());
        let day = bound.split(' ').next().unwrap_or_default().to_owned();
        table.row([certificate.sha256.clone(), day]);
    }
    console.print(&table.render(WIDTH))
}
