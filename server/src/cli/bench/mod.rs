//! `marca bench`: how many tokens a service gives, how fast, and whether they are right.
//!
//! The measuring shares its machine with the service under test, so it has to be light: one
//! thread drives all connections, requests are patched in place, replies are looked at where
//! they lie, and the expensive check of a sample waits until the load is over. What is compared
//! with is the raw signing rate of the machine (`--raw`), which no service can exceed.

mod connection;
mod driver;
mod load;
mod raw;
mod reply;
mod report;
mod tally;
mod template;
mod verify;

#[cfg(test)]
mod tests;

use super::console::Console;
use super::error::{CliError, TokenHint};
use super::values::{ServiceUrl, TsuKey};
use clap::Args;
use connection::Endpoint;
use indicatif::{ProgressBar, ProgressStyle};
use load::{Plan, Stopped};
use openssl::x509::X509;
use report::Report;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use template::{Hash, Random, Target, Template};

/// How long the raw signing rate is measured.
const RAW_TIME: Duration = Duration::from_secs(3);

/// The arguments of `marca bench`.
#[derive(Args, Debug)]
#[command(after_help = "\
Each request has a fresh imprint and a fresh 64-bit nonce, so every token takes a stamp.
Exit code 1 when a reply was wrong, or when there were errors; running out of stamps after
some tokens ends the measuring early, and is said, but is no error.

Examples:
  marca bench --key marca_demo_0123456789abcdef0123456789abcdef --seconds 5
  marca bench --url https://tsa.example --ca-file ca.pem --user acme --password-file pw
  marca bench --url http://127.0.0.1:3161 --key KEY --raw p256 --json
  marca bench --url http://127.0.0.1:3161 --key KEY --rate 500 --connections 16")]
pub(crate) struct BenchOptions {
    /// Address of the service, or the whole address of a time-stamping endpoint
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3161")]
    url: ServiceUrl,
    /// Connections, kept alive, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// How long to load the service
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Threads that drive the connections
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// API key of the account that pays
    #[arg(long, value_name = "API_KEY", conflicts_with = "user")]
    key: Option<String>,
    /// Name of the account that pays
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// File that holds the account's password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// The time-stamping unit to ask; the service's default when left out
    #[arg(long, value_name = "ID")]
    tsu: Option<String>,
    /// Hash algorithm of the imprints
    #[arg(long, value_enum, default_value = "sha256")]
    hash: Hash,
    /// Ask for the certificate in every token, and not in the verified ones only
    #[arg(long)]
    cert_req: bool,
    /// Measure first how many signatures a second this machine makes, and compare
    #[arg(long, value_name = "KIND", value_enum)]
    raw: Option<TsuKey>,
    /// Requests per second, sent on schedule whatever the service does (open loop); latency
    /// then counts from the scheduled moment. Without it each connection sends as soon as it
    /// has its reply (closed loop)
    #[arg(long, value_name = "N", value_parser = positive_rate)]
    rate: Option<f64>,
    /// Verify the signature of every Nth token; 0 for none
    #[arg(long, value_name = "N", default_value_t = 64)]
    verify_every: u32,
    /// CA certificates (PEM): the tokens must chain to them, and so must an https server
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Why a measuring could not be made, or ended badly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BenchError {
    /// The request cannot be built. It is built from constants, so this is a fault of ours.
    #[error("the request cannot be encoded: {0}")]
    Request(String),
    /// The machine gave no randomness, thread or runtime.
    #[error("this machine gives no {what}: {reason}")]
    Machine {
        /// What was asked for.
        what: &'static str,
        /// The operating system's words.
        reason: String,
    },
    /// OpenSSL refused to make or use a key or a TLS context.
    #[error("OpenSSL: {0}")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The service refused the credentials or the address.
    #[error("the service refused with status {status}: {advice}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What to do.
        advice: &'static str,
    },
    /// The account had no stamp at all.
    #[error("the account has no stamps; grant some with `marca stamps grant NAME N`")]
    NoStamps,
    /// The measuring went through, but not every reply was right.
    #[error("{wrong} of {total} requests did not give a right token")]
    Wrong {
        /// Requests without a right token, or with one that did not verify.
        wrong: u64,
        /// All requests.
        total: u64,
    },
    /// Interrupted twice: the requests under way were not waited for.
    #[error("interrupted before the requests under way were answered")]
    Abandoned,
}

/// Runs `marca bench`.
pub(crate) fn run(options: &BenchOptions, console: &mut Console<'_>) -> Result<(), CliError> {
    let roots = match &options.ca_file {
        Some(path) => read_roots(path)?,
        None => Vec::new(),
    };
    let plan = plan(options, &roots)?;
    load::try_connection(&plan).map_err(|fault| unreachable(options, fault.label()))?;
    let raw = match options.raw {
        Some(kind) => {
            if console.shows_progress() {
                console.note(&format!("measuring raw {kind} signatures for 3 s"))?;
            }
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            Some(raw::measure(kind, threads, RAW_TIME)?)
        }
        None => None,
    };
    let bar = progress_bar(options.seconds, console.shows_progress());
    let result = load::run(plan, roots, |tokens, elapsed| {
        bar.set_position(elapsed.as_secs().min(options.seconds));
        bar.set_message(super::table::count(tokens));
    });
    bar.finish_and_clear();
    let result = result?;
    let report = Report {
        url: options.url.to_string(),
        connections: options.connections,
        threads: options.threads.min(options.connections),
        hash: options.hash.name(),
        rate: options.rate,
        result: &result,
        raw,
    };
    if options.json {
        console.json(&report.json())?;
    } else {
        console.print(&report.text())?;
    }
    judge(&result)
}

/// Whether what was measured is what was asked for.
fn judge(result: &load::Outcome) -> Result<(), CliError> {
    let tally = &result.tally;
    match result.stopped {
        Stopped::Refused(status) => {
            return Err(BenchError::Refused { status, advice: refusal_advice(status) }.into());
        }
        Stopped::OutOfStamps if tally.tokens == 0 => return Err(BenchError::NoStamps.into()),
        Stopped::OutOfStamps | Stopped::TimeUp | Stopped::Interrupted => {}
    }
    let wrong = tally.errors_besides_402() + result.verified.bad;
    if wrong > 0 {
        return Err(BenchError::Wrong { wrong, total: tally.requests }.into());
    }
    Ok(())
}

fn refusal_advice(status: u16) -> &'static str {
    match status {
        401 => "check --key, or --user and --password-file",
        403 => "the account may not stamp; `marca account show NAME` tells its state",
        404 => "check --url and --tsu; `marca tsu list` shows the units",
        _ => "check --url: it has to be the address of a time-stamping service",
    }
}

/// Everything that the load needs, checked and prepared.
fn plan(options: &BenchOptions, roots: &[X509]) -> Result<Plan, CliError> {
    let url = &options.url;
    let address = (url.host(), url.port())
        .to_socket_addrs()
        .map_err(|error| unreachable(options, &error.to_string()))?
        .next()
        .ok_or_else(|| unreachable(options, "the host has no address"))?;
    let target = Target {
        path: path(url, options.tsu.as_deref()),
        authority: url.authority().to_owned(),
        authorization: authorization(options)?,
    };
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|error| BenchError::Machine { what: "randomness", reason: error.to_string() })?;
    Ok(Plan {
        endpoint: Endpoint::new(address, url.is_https().then(|| url.host()), roots)?,
        plain: Template::new(&target, options.hash, options.cert_req)?,
        sampled: Template::new(&target, options.hash, true)?,
        connections: options.connections,
        threads: options.threads.min(options.connections),
        duration: Duration::from_secs(options.seconds),
        rate: options.rate,
        verify_every: options.verify_every,
        random: Random::new(u64::from_le_bytes(seed)),
    })
}

/// `/tsa` of a bare address, or the path that was given; then the unit.
fn path(url: &ServiceUrl, tsu: Option<&str>) -> String {
    let base = if url.path().is_empty() { "/tsa" } else { url.path() };
    match tsu {
        Some(id) => format!("{base}/{}", super::client::segment(id)),
        None => base.to_owned(),
    }
}

/// The `Authorization` header's value.
fn authorization(options: &BenchOptions) -> Result<Option<String>, CliError> {
    if let Some(key) = &options.key {
        if key.is_empty() || !key.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(CliError::Argument {
                argument: "--key",
                reason: "an API key is one word of plain ASCII".to_owned(),
            });
        }
        return Ok(Some(format!("Bearer {key}")));
    }
    let (Some(user), Some(file)) = (&options.user, &options.password_file) else {
        return Ok(None);
    };
    let password = std::fs::read_to_string(file)
        .map_err(|error| CliError::File { path: file.clone(), reason: error.to_string() })?;
    let pair = format!("{user}:{}", password.trim_end_matches(['\r', '\n']));
    Ok(Some(format!("Basic {}", openssl::base64::encode_block(pair.as_bytes()))))
}

fn read_roots(path: &Path) -> Result<Vec<X509>, CliError> {
    let fault = |reason: String| CliError::File { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
    let roots = X509::stack_from_pem(&pem).map_err(|error| fault(error.to_string()))?;
    if roots.is_empty() {
        return Err(fault("no PEM certificate in it".to_owned()));
    }
    Ok(roots)
}

fn unreachable(options: &BenchOptions, reason: &str) -> CliError {
    CliError::Unreachable {
        url: options.url.to_string(),
        reason: reason.to_owned(),
        flag: "--url",
        token: TokenHint(None),
    }
}

fn progress_bar(seconds: u64, shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg} tokens")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(seconds).with_style(style)
}

fn positive_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000_000.0 => Ok(rate),
        _ => Err("expected requests per second, more than 0".to_owned()),
    }
}
