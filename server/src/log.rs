//! The log: structured lines on standard error, written in blocks.
//!
//! A write for each line would cost more than the request it tells of, so lines gather in memory
//! and a thread writes them every tenth of a second, or at once for a line of level ERROR. Whoever
//! logs never waits for the writing: a log that nobody reads must not stop the service.

use crate::config::{LogConfig, LogFormat};
use parking_lot::{Condvar, Mutex};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// A block of this size is written before its time.
const BLOCK: usize = 64 * 1024;
/// More than this does not wait: when nobody reads the log, lines are lost, and their number told.
const MOST: usize = 4 * 1024 * 1024;

/// Writes what is left when it is dropped: `main` holds it until the end.
pub(crate) struct LogGuard(Block);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Starts logging for the whole process. The configuration has checked `level`.
pub(crate) fn start(config: &LogConfig) -> LogGuard {
    let block = Block::default();
    // What a stranger sends is not an error of ours: the framework's lines about broken requests
    // would let anybody fill the log.
    let quiet = "actix_http=off,actix_server=warn";
    // The client of gateways would tell the addresses that it asks, with all that is in them.
    let secret = "ureq=off,ureq_proto=off";
    let filter = EnvFilter::builder().parse_lossy(format!("{quiet},{},{secret}", config.level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(block.clone())
        .with_ansi(false);
    // A logger that is already there (in a test) stays.
    let started = match config.format {
        LogFormat::Text => lines.try_init().is_ok(),
        LogFormat::Json => lines.json().flatten_event(true).try_init().is_ok(),
    };
    if started {
        let block = block.clone();
        // Detached: it ends with the process, after the guard has written the rest.
        let flusher = std::thread::Builder::new().name("log".to_owned());
        let spawned = flusher.spawn(move || {
            loop {
                block.wait();
                block.flush();
            }
        });
        drop(spawned);
    }
    LogGuard(block)
}

/// Lines that wait to be written.
#[derive(Clone, Default)]
struct Block(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Told when a line should be written at once.
    urgent: Condvar,
    /// Held by whoever writes, so that blocks stay in order.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    lost: u64,
}

impl Block {
    /// Writes what waits. Whoever logs never waits for this: the lines are taken out first.
    fn flush(&self) {
        let _in_order = self.0.writing.lock();
        let Waiting { lines, lost } = std::mem::take(&mut *self.0.waiting.lock());
        let mut out = std::io::stderr();
        // There is nowhere to tell that the log itself cannot be written.
        if !lines.is_empty() {
            out.write_all(&lines).ok();
        }
        if lost > 0 {
            writeln!(out, "{lost} log lines were lost: the log was not read fast enough").ok();
        }
    }

    /// Waits until it is time to write.
    fn wait(&self) {
        let mut waiting = self.0.waiting.lock();
        self.0.urgent.wait_for(&mut waiting, FLUSH_EVERY);
    }
}

/// One line on its way into the block.
struct Line {
    block: Block,
    urgent: bool,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let shared = &self.block.0;
        let mut waiting = shared.waiting.lock();
        if waiting.lines.len() + bytes.len() > MOST {
            waiting.lost += 1;
            return Ok(bytes.len());
        }
        waiting.lines.extend_from_slice(bytes);
        if self.urgent || waiting.lines.len() >= BLOCK {
            shared.urgent.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Block {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { block: self.clone(), urgent: false }
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Line {
        Line { block: self.clone(), urgent: *metadata.level() == Level::ERROR }
    }
}
