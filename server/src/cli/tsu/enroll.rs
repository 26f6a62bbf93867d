//! `marca tsu enroll`: an outside CA certifies a unit's key over CMP (RFC 9810, RFC 9483).
//!
//! The service makes the request and keeps the key; this room carries the request to the CA and
//! the certificate back. The CA is told that the certificate is accepted only after the service
//! has looked at it and taken it, and else that it is not: so no certificate is left in force that
//! nobody uses.

use super::credentials::{read_certificates, read_secret, read_signature};
use super::life;
use super::transfer::{CmpUrl, Transfer};
use crate::cli::client::{Client, segment};
use crate::cli::console::Console;
use crate::cli::error::{CliError, REFUSED, UNREACHABLE};
use crate::cli::table::printable;
use crate::random::SystemRandom;
use certs::cmp::{
    Answer, CmpError, Enrollment, Issued, MacAlgorithm, Protection, Request, Verdict,
};
use certs::pem;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use clock::{Clocks, SystemClocks};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The examples under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  marca tsu enroll main --cmp-server https://ca.example/.well-known/cmp \\
      --reference 4711 --secret-file cmp-secret --trusted ca.pem
  marca tsu enroll main --cmp-server http://ca.example/cmp --cert ra.pem --key ra.key \\
      --trusted ca.pem --timeout 3600";

/// The arguments of `marca tsu enroll`.
#[derive(Args, Debug)]
pub(super) struct EnrollOptions {
    /// Identifier of the unit
    id: String,
    /// Address of the CA's CMP service, with its path
    #[arg(long, value_name = "URL")]
    cmp_server: CmpUrl,
    /// Reference of the secret shared with the CA
    #[arg(long, value_name = "REF", requires = "secret_file", required_unless_present = "cert")]
    reference: Option<String>,
    /// File with the secret shared with the CA, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "reference")]
    secret_file: Option<PathBuf>,
    /// How the shared secret protects the messages
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Mac::Pbm)]
    mac: Mac,
    /// In place of a secret: a certificate that the CA knows (PEM), its chain after it
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "reference")]
    cert: Option<PathBuf>,
    /// The key of --cert (PKCS#8, PEM), readable by its owner only
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Certificates (PEM) trusted to sign the CA's answers: the CA's own first
    #[arg(long, value_name = "FILE", required_unless_present = "reference")]
    trusted: Option<PathBuf>,
    /// Ask the CA to do without a confirmation; then a certificate that the service refuses stays
    /// in force until it is revoked
    #[arg(long)]
    implicit_confirm: bool,
    /// How long to wait for the CA to decide, in seconds
    #[arg(long, value_name = "N", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=2_592_000))]
    timeout: u64,
    /// CA certificates (PEM) to trust for an https CMP service, in place of the system's
    #[arg(long, value_name = "FILE")]
    cmp_ca_file: Option<PathBuf>,
}

/// A MAC algorithm, by the name that the command line uses.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mac {
    /// PasswordBasedMac: every CA understands it
    Pbm,
    /// PBMAC1: the better one, where the CA knows it
    Pbmac1,
}

/// Why no certificate came from the CA, or in which state things were left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnrollError {
    /// Nobody answers at the CA's address.
    #[error("cannot reach the CA at {url}: {reason}\nname its address with --cmp-server")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// Something answered, but no CMP.
    #[error(
        "{url} answered with status {status} and the media type {media_type:?} where \
         application/pkixcmp belongs (RFC 9811); is the path of --cmp-server right?"
    )]
    Answer {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The media type.
        media_type: String,
    },
    /// The exchange ended without a certificate.
    #[error("no certificate for unit {id}: {error}")]
    Exchange {
        /// The unit.
        id: String,
        /// Why.
        error: CmpError,
    },
    /// The CA has not decided in time.
    #[error(
        "the CA has not decided within {} seconds (--timeout); nothing was changed here: enrol \
         again later, or import the certificate when the CA sends it another way",
        .0.as_secs()
    )]
    TimedOut(Duration),
    /// The service refused the certificate.
    #[error("{refusal}\n{told}")]
    NotTaken {
        /// The service's words.
        refusal: Box<CliError>,
        /// What the CA knows about it.
        told: String,
    },
    /// The service took the certificate, and the CA does not know.
    #[error(
        "unit {id} has its certificate, but the CA has not taken the confirmation: {error}\n\
         it may revoke the certificate: ask the CA before the key is activated"
    )]
    NotConfirmed {
        /// The unit.
        id: String,
        /// Why.
        error: Box<Self>,
    },
}

impl EnrollError {
    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => UNREACHABLE,
            Self::NotTaken { refusal, .. } => refusal.exit_code(),
            _ => REFUSED,
        }
    }
}

/// `marca tsu enroll`
pub(super) fn run(
    client: &Client,
    options: &EnrollOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    // Everything that can be wrong here is found before the CA is asked.
    let protection = protection(options)?;
    let trusted = options.trusted.as_deref().map(read_certificates).transpose()?;
    let transfer = Transfer::new(&options.cmp_server, options.cmp_ca_file.as_deref())?;
    let request = Request {
        csr: fetch_request(client, &options.id)?,
        protection,
        recipient: trusted.as_deref().and_then(recipient),
        trusted: trusted.unwrap_or_default(),
        implicit_confirm: options.implicit_confirm,
    };
    let mut exchange = Exchange::begin(&options.id, transfer, request)?;
    let issued = exchange.obtain(Duration::from_secs(options.timeout), console)?;
    console.note(&format!("the CA issued the certificate ({})", issued.status))?;

    let chain = pem::bundle(issued.chain.iter().map(Vec::as_slice));
    let path = format!("/tsus/{}/certificate", segment(&options.id));
    match client.post(&path, &json!({ "chain": chain })) {
        Ok(answer) => {
            exchange.accept(&issued)?;
            if issued.to_confirm {
                console.note("the service took it, and the CA has the confirmation")?;
            }
            life::tell(&options.id, &answer, json, console)
        }
        Err(refusal) => Err(exchange.reject(&issued, refusal).into()),
    }
}

fn protection(options: &EnrollOptions) -> Result<Protection, CliError> {
    match (&options.reference, &options.secret_file, &options.cert, &options.key) {
        (Some(reference), Some(file), ..) => Ok(Protection::Secret {
            reference: reference.as_bytes().to_vec(),
            secret: read_secret(file)?,
            algorithm: match options.mac {
                Mac::Pbm => MacAlgorithm::PasswordBasedMac,
                Mac::Pbmac1 => MacAlgorithm::Pbmac1,
            },
        }),
        (_, _, Some(certificate), Some(key)) => read_signature(certificate, key),
        _ => Err(CliError::Argument {
            argument: "enroll",
            reason: "pass --reference with --secret-file, or --cert with --key".to_owned(),
        }),
    }
}

/// RFC 9483 §3.1: the recipient is the CA, where its name is known.
fn recipient(trusted: &[Vec<u8>]) -> Option<rasn_pkix::Name> {
    let first = certs::check::parse(trusted.first()?).ok()?;
    Some(first.subject().clone())
}

/// The service's request for the newest key of the unit that waits for a certificate, DER.
fn fetch_request(client: &Client, id: &str) -> Result<Vec<u8>, CliError> {
    let answer = client.get(&format!("/tsus/{}/csr", segment(id)))?;
    let text = answer.get("csr").and_then(Value::as_str).unwrap_or_default();
    let mut blocks = pem::decode(text.as_bytes()).unwrap_or_default().into_iter();
    match (blocks.next(), blocks.next()) {
        (Some(block), None) if block.label == "CERTIFICATE REQUEST" => Ok(block.der.clone()),
        _ => Err(CliError::Answer {
            url: format!("unit {id}"),
            what: "no certification request".to_owned(),
        }),
    }
}

/// An exchange with the CA over a connection.
struct Exchange<'a> {
    id: &'a str,
    transfer: Transfer,
    enrollment: Enrollment,
    /// The message to be sent next.
    next: Vec<u8>,
}

impl<'a> Exchange<'a> {
    fn begin(id: &'a str, transfer: Transfer, request: Request) -> Result<Self, EnrollError> {
        let (enrollment, next) =
            Enrollment::p10cr(request, now(), &mut SystemRandom.generator())
                .map_err(|error| EnrollError::Exchange { id: id.to_owned(), error })?;
        Ok(Self { id, transfer, enrollment, next })
    }

    /// Sends the request, and asks again as long as the CA makes us wait.
    fn obtain(
        &mut self,
        patience: Duration,
        console: &mut Console<'_>,
    ) -> Result<Issued, CliError> {
        let begun = Instant::now();
        loop {
            let answer = self.transfer.send(&self.next)?;
            let answer = self.enrollment.read(&answer, now());
            match answer.map_err(|error| self.failed(error))? {
                Answer::Issued(issued) => return Ok(issued),
                Answer::Waiting { check_after, reason } => {
                    if begun.elapsed() + check_after > patience {
                        return Err(EnrollError::TimedOut(patience).into());
                    }
                    let words =
                        if reason.is_empty() { String::new() } else { format!(" ({reason})") };
                    console.note(&printable(&format!(
                        "the CA has not decided yet{words}; asking again in {} s",
                        check_after.as_secs()
                    )))?;
                    std::thread::sleep(check_after);
                }
            }
            let polled = self.enrollment.poll(now(), &mut SystemRandom.generator());
            self.next = polled.map_err(|error| self.failed(error))?;
        }
    }

    /// Tells the CA that the certificate is in use.
    fn accept(&mut self, issued: &Issued) -> Result<(), EnrollError> {
        if !issued.to_confirm {
            return Ok(());
        }
        self.tell(issued, Verdict::Accepted).map_err(|error| EnrollError::NotConfirmed {
            id: self.id.to_owned(),
            error: Box::new(error),
        })
    }

    /// Tells the CA that the service does not want the certificate; if the service did not say so,
    /// the CA is told nothing.
    fn reject(&mut self, issued: &Issued, refusal: CliError) -> EnrollError {
        let told = match &refusal {
            CliError::Refused(said) if issued.to_confirm => {
                let reason: String = said.detail.chars().take(200).collect();
                match self.tell(issued, Verdict::Rejected { reason: &reason }) {
                    Ok(()) => "the CA was told that its certificate is not accepted".to_owned(),
                    Err(error) => format!(
                        "the CA could not be told that its certificate is not accepted: {error}"
                    ),
                }
            }
            CliError::Refused(_) => {
                "the certificate is in force all the same (--implicit-confirm): have the CA revoke \
                 it"
                .to_owned()
            }
            _ => format!(
                "the CA has issued the certificate, and was told neither that it is accepted nor \
                 that it is not; whether the service took it, `marca tsu show {}` tells",
                self.id
            ),
        };
        EnrollError::NotTaken { refusal: Box::new(refusal), told }
    }

    fn tell(&mut self, issued: &Issued, verdict: Verdict<'_>) -> Result<(), EnrollError> {
        let random = &mut SystemRandom.generator();
        let message = self.enrollment.confirm(issued, verdict, now(), random);
        let message = message.map_err(|error| self.failed(error))?;
        let answer = self.transfer.send(&message)?;
        self.enrollment.read_confirmation(&answer, now()).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: CmpError) -> EnrollError {
        EnrollError::Exchange { id: self.id.to_owned(), error }
    }
}

/// The machine's time: an answer's signer has to be valid now.
fn now() -> DateTime<Utc> {
    let clocks = SystemClocks::boot();
    DateTime::from_timestamp_micros(clocks.read().wall_us).unwrap_or_default()
}
