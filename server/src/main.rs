//! The binary `marca`: hands the command line the parts of the service that it starts.

mod cli;
mod demo;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(&cli::Services {
        demo: demo::run,
        serve: serve::run,
        check_config: serve::check_config,
        default_config: serve::DEFAULT_CONFIG,
    })
}
