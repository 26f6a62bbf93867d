//! `marca store`: a data directory checked, copied, brought back, and its index built anew.
//!
//! The work is done by `store::maintenance` and the checks of [`super::audit`]; this room shows how
//! far it is and tells what came of it. `check` and `backup` only read, and work beside a running
//! service.

use super::audit::{self, Audited};
use super::console::Console;
use super::error::CliError;
use super::table::count;
use ::store::StoreError;
use ::store::maintenance::{self, BackupReport, CheckReport, IndexCheck, RebuildReport};
use accounts::audit::AuditReport;
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The subcommands of `marca store`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca store check --data ./marca-demo
  marca store backup --data /var/lib/marca --to /backup/2026-11-21
  marca store restore --data /var/lib/marca-new --from /backup/2026-11-21

Exit codes: 0 all is right, 1 something is wrong or could not be done, 2 usage.")]
pub(crate) struct StoreCommand {
    #[command(subcommand)]
    act: StoreAct,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum StoreAct {
    /// Verify the journal, each stamp, certificate and event in it, and the index unless in use
    #[command(after_help = "Example:\n  marca store check --data ./marca-demo --json")]
    Check {
        #[command(flatten)]
        at: DataDirectory,
        /// How long the service gives the same token to a repeated request; when it was changed,
        /// the shortest it was
        #[arg(long, value_name = "SECONDS", default_value_t = 600)]
        retry_window: u32,
    },
    /// Copy the journal into an empty directory, also while the service runs
    #[command(after_help = "Example:\n  marca store backup --data ./marca-demo --to ./copy")]
    Backup {
        #[command(flatten)]
        at: DataDirectory,
        /// Where to: a directory that is empty or not there
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Make a data directory from a backup
    #[command(after_help = "Example:\n  marca store restore --data ./new --from ./copy")]
    Restore {
        #[command(flatten)]
        at: DataDirectory,
        /// The backup
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
    },
    /// Delete the index and build it again from the journal; the service must be stopped
    #[command(after_help = "Example:\n  marca store rebuild --data ./marca-demo")]
    Rebuild {
        #[command(flatten)]
        at: DataDirectory,
    },
}

#[derive(Args, Debug)]
struct DataDirectory {
    /// The data directory of the service
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Runs `marca store …`.
pub(crate) fn run(command: &StoreCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let bar = progress_bar(console.shows_progress());
    let mut progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let outcome = match &command.act {
        StoreAct::Check { at, retry_window } => {
            check(&at.data, TimeDelta::seconds((*retry_window).into()), &mut progress)
        }
        StoreAct::Backup { at, to } => maintenance::backup(&at.data, to, &mut progress)
            .map(|report| Told::copied("backed up", to, &report)),
        StoreAct::Restore { at, from } => maintenance::restore(from, &at.data, &mut progress)
            .map(|report| Told::copied("restored", &at.data, &report)),
        StoreAct::Rebuild { at } => {
            maintenance::rebuild(&at.data, &mut progress).map(|report| Told::rebuilt(&report))
        }
    };
    // The bar goes away before anything is printed.
    bar.finish_and_clear();
    outcome?.print(command.json, console)
}

/// What came of a command: lines for a reader, an object for a program, and what is wrong.
#[derive(Debug)]
struct Told {
    lines: Vec<String>,
    object: Value,
    /// Each says what is wrong and what to do.
    findings: Vec<String>,
}

impl Told {
    fn copied(act: &str, place: &Path, report: &BackupReport) -> Self {
        let hash = hex::encode(report.hash);
        Self {
            lines: vec![
                format!("{act} to {}", place.display()),
                format!("transactions  {}", count(report.sequence)),
                format!("segments      {}", count(report.segments.into())),
                format!("bytes         {}", count(report.bytes)),
                format!("chain hash    {hash}"),
            ],
            object: json!({
                "directory": place.display().to_string(), "sequence": report.sequence,
                "segments": report.segments, "bytes": report.bytes, "hash": hash,
            }),
            findings: Vec::new(),
        }
    }

    fn rebuilt(report: &RebuildReport) -> Self {
        let transactions = count(report.transactions);
        Self {
            lines: vec![format!("index built again from {transactions} transactions")],
            object: json!({
                "sequence": report.sequence, "transactions": report.transactions,
            }),
            findings: Vec::new(),
        }
    }

    fn checked(report: &CheckReport) -> Self {
        let (state, keys, words) = match report.index {
            IndexCheck::Right { keys } => {
                ("right", Some(keys), format!("right, {} keys compared", count(keys)))
            }
            IndexCheck::InUse => (
                "in-use",
                None,
                "not looked at: a service has the store open (the journal is the truth)".to_owned(),
            ),
            IndexCheck::NotTrusted => (
                "not-trusted",
                None,
                "not compared: the store was not closed, the next start completes or rebuilds it"
                    .to_owned(),
            ),
            // A newer store may find out more.
            _ => ("unknown", None, "of a kind that this version does not know".to_owned()),
        };
        let hash = hex::encode(report.hash);
        Self {
            lines: vec![
                format!("transactions  {}", count(report.sequence)),
                format!("frames        {}, each verified", count(report.frames)),
                format!("bytes         {}", count(report.bytes)),
                format!("chain hash    {hash}"),
                format!("index         {words}"),
            ],
            object: json!({
                "sequence": report.sequence, "frames": report.frames, "bytes": report.bytes,
                "hash": hash, "index": state, "index_keys": keys,
            }),
            findings: Vec::new(),
        }
    }

    /// Adds what the checks of the journal's content found.
    fn audited(&mut self, audited: &Audited) {
        match &audited.stamps {
            Ok(sums) => self.stamps(sums),
            Err(found) => self.findings.extend(found.iter().cloned()),
        }
        match &audited.certificates {
            Ok(report) => self.certificates(report),
            Err(found) => self.findings.extend(found.iter().cloned()),
        }
        match &audited.trail {
            Ok(report) => {
                let (events, head) = (report.events, hex::encode(report.head.hash));
                self.lines.push(format!("audit trail   right: {} events", count(events)));
                self.lines.push(format!("trail head    {head}"));
                self.object["trail"] = json!({ "events": events, "head": head });
            }
            Err(found) => self.findings.extend(found.iter().cloned()),
        }
    }

    fn certificates(&mut self, report: &authority::audit::Report) {
        let authority::audit::Report { certificates, held, revoked, crls, .. } = *report;
        self.lines.push(format!(
            "certificates  right: {} issued, {} suspended, {} revoked, {} revocation lists",
            count(certificates),
            count(held),
            count(revoked),
            count(crls)
        ));
        self.object["certificates"] = json!({
            "issued": certificates, "suspended": held, "revoked": revoked, "crls": crls,
        });
    }

    fn stamps(&mut self, sums: &AuditReport) {
        self.lines.push(format!(
            "accounting    right: {} accounts, {} lots, {} entries, {} tokens",
            count(sums.accounts),
            count(sums.lots),
            count(sums.entries),
            count(sums.tokens)
        ));
        self.lines.push(format!(
            "stamps        {} granted = {} available + {} used + {} expired + {} void",
            count(sums.granted),
            count(sums.available),
            count(sums.used),
            count(sums.expired),
            count(sums.voided)
        ));
        self.object["accounting"] = json!({
            "accounts": sums.accounts, "lots": sums.lots, "entries": sums.entries,
            "tokens": sums.tokens, "granted": sums.granted,
            "available": sums.available, "used": sums.used, "expired": sums.expired,
            "voided": sums.voided,
        });
    }

    /// Damage is what a check is for: it is a finding, and not a failure to check.
    fn damaged(error: &StoreError) -> Self {
        Self { lines: Vec::new(), object: json!({}), findings: vec![error.to_string()] }
    }

    fn print(mut self, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
        if json {
            self.object["findings"] = json!(self.findings);
            console.json(&self.object)?;
        } else {
            for line in self.lines.iter().chain(&self.findings) {
                console.line(line)?;
            }
        }
        match self.findings.len() {
            0 => Ok(()),
            count => Err(CliError::Found { count }),
        }
    }
}

/// The journal and the index, and then what the journal says.
fn check(
    data: &Path,
    retry_window: TimeDelta,
    progress: maintenance::Progress<'_>,
) -> Result<Told, StoreError> {
    match maintenance::check(data, progress) {
        Ok(report) => {
            let mut told = Told::checked(&report);
            told.audited(&audit::audit(data, retry_window, progress)?);
            Ok(told)
        }
        // What a damaged journal says cannot be checked, and an index that is wrong says nothing
        // about it.
        Err(error @ StoreError::Damaged { .. }) => Ok(Told::damaged(&error)),
        Err(error @ StoreError::Index { .. }) => {
            let mut told = Told::damaged(&error);
            told.audited(&audit::audit(data, retry_window, progress)?);
            Ok(told)
        }
        Err(error) => Err(error),
    }
}

fn progress_bar(shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
