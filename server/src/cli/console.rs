//! The terminal: the three streams, as parameters, so that every command can be tested.

use super::error::CliError;
use std::io::{self, BufRead, IsTerminal, Write};

/// The widest line that a table uses.
pub(crate) const WIDTH: usize = 80;

/// Where a command reads answers, prints results and tells what happens.
pub(crate) struct Console<'a> {
    input: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    progress: bool,
}

impl<'a> Console<'a> {
    /// The console of the process. Progress bars are drawn on a terminal only.
    pub(crate) fn new(
        input: &'a mut dyn BufRead,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
    ) -> Self {
        Self { input, out, err, progress: io::stderr().is_terminal() }
    }

    /// A console over buffers, for tests: no progress bars.
    #[cfg(test)]
    pub(crate) fn over(
        input: &'a mut dyn BufRead,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
    ) -> Self {
        Self { input, out, err, progress: false }
    }

    /// Whether progress bars may be drawn on standard error.
    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    /// Prints a result as it is; the text ends its own lines.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), CliError> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(())
    }

    /// Prints one line of a result.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.print(&format!("{text}\n"))
    }

    /// Prints an object as JSON, indented, one document per command.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> Result<(), CliError> {
        self.line(&format!("{value:#}"))
    }

    /// Tells what happens, beside the result.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.err, "{text}")?;
        Ok(())
    }

    /// Asks for one line. At the end of the input the answer is empty.
    pub(crate) fn ask(&mut self, question: &str) -> Result<String, CliError> {
        write!(self.err, "{question}")?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Tells how a command ended, and gives its exit code.
    pub(crate) fn report(&mut self, outcome: Result<(), CliError>) -> u8 {
        match outcome {
            Ok(()) => 0,
            Err(error) if error.is_closed_pipe() => 0,
            Err(error) => {
                // When standard error is gone too, the exit code alone has to tell.
                writeln!(self.err, "marca: {error}").ok();
                error.exit_code()
            }
        }
    }
}
