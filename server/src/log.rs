//! The log: structured lines on standard error, written in blocks.
//!
//! A write for each line would cost more than the request it tells of, so lines gather in memory
//! and a thread writes them every tenth of a second. A line of level ERROR is written at once.

use crate::config::{LogConfig, LogFormat};
use parking_lot::Mutex;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// A full block is written by whoever fills it, which also slows down what floods the log.
const BLOCK: usize = 64 * 1024;

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
    let filter = EnvFilter::builder().parse_lossy(&config.level);
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
                std::thread::sleep(FLUSH_EVERY);
                block.flush();
            }
        });
        drop(spawned);
    }
    LogGuard(block)
}

#[derive(Clone, Default)]
struct Block(Arc<Mutex<Vec<u8>>>);

impl Block {
    fn flush(&self) {
        let mut lines = self.0.lock();
        Self::write_out(&mut lines);
    }

    fn write_out(lines: &mut Vec<u8>) {
        if !lines.is_empty() {
            // There is nowhere to tell that the log itself cannot be written.
            drop(std::io::stderr().write_all(lines));
            lines.clear();
        }
    }
}

/// One line on its way into the block.
struct Line {
    block: Block,
    urgent: bool,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.block.0.lock();
        lines.extend_from_slice(bytes);
        if self.urgent || lines.len() >= BLOCK {
            Block::write_out(&mut lines);
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
