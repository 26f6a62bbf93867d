//! The binary `marca`: one service that issues RFC 3161 timestamps for prepaid stamps.
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] | the command line: starts the service, or talks to a running one |
//! | [`serve`], [`demo`] | run the service, for real and to try out |
//! | [`config`] | the file that `serve` reads |
//! | [`service`] | the parts put together: store, accounts, units |
//! | [`delivery`] | mails and short messages to holders |
//! | [`http`] | the routes; the only room that knows HTTP |
//! | [`log`], [`metrics`], [`tls`], [`clock`], [`random`] | the rim |

mod cli;
mod config;
mod connections;
mod delivery;
mod demo;
mod http;
mod log;
mod metrics;
mod random;
mod serve;
mod service;
mod tls;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(&cli::Services {
        demo: demo::run,
        serve: serve::run,
        check_config: serve::check_config,
        default_config: serve::DEFAULT_CONFIG,
    })
}
