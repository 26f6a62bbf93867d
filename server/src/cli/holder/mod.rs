//! `marca holder`: registrations and accounts of holders, over the admin API.
//!
//! An operator can bring a holder in and stop what a holder has. No command here shows or sets a
//! password, a PIN, an answer or a one-time code, because the service has none of them to show.

mod credentials;
mod devices;
mod life;
mod messages;
mod pepper;
mod registrations;
mod views;

use super::client::{Client, ServerOptions, segment};
use super::console::Console;
use super::error::{CliError, Refusal};
use clap::{Args, Subcommand};
use serde_json::Value;

/// The subcommands of `marca holder`.
#[derive(Args, Debug)]
#[command(after_help = "\
A HOLDER is an identifier such as h-1, or the e-mail address that the holder logs in with.

Examples:
  marca holder requests                        who has asked for an account
  marca holder request r-7                     all that was said, to compare with the document
  marca holder approve r-7 && marca holder invite r-7
  marca holder suspend ada@example.org 5f2a --until 2027-01-31
  marca holder close h-1 --reason 'asked for in writing'")]
pub(crate) struct HolderCommand {
    #[command(subcommand)]
    act: HolderAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum HolderAct {
    /// Register somebody, who can be invited then
    #[command(after_help = registrations::EXAMPLE)]
    Register(Box<registrations::RegisterOptions>),
    /// List registrations: those that wait for a decision, or all
    #[command(after_help = "Example:\n  marca holder requests --all")]
    Requests(registrations::RequestsOptions),
    /// Show one registration whole: name, fiscal code, birth date, address, phone
    #[command(after_help = "Example:\n  marca holder request r-7")]
    Request(registrations::Registration),
    /// Approve a request: makes the holder
    #[command(after_help = "Example:\n  marca holder approve r-7")]
    Approve(registrations::Registration),
    /// Reject a request, with a reason that its address is told
    #[command(after_help = "Example:\n  marca holder reject r-7 --reason 'no contract'")]
    Reject(registrations::RejectOptions),
    /// Mail envelope and link to a registered holder; an earlier invitation ends
    #[command(after_help = "Example:\n  marca holder invite r-7 --first-password")]
    Invite(registrations::InviteOptions),
    /// List all holders
    #[command(after_help = "Example:\n  marca holder list --json")]
    List,
    /// Show a holder and the credentials
    #[command(after_help = "Example:\n  marca holder show ada@example.org")]
    Show(Named),
    /// Block an account: no login until it is unblocked
    #[command(after_help = "Example:\n  marca holder block h-1 --reason 'phone stolen'")]
    Block(life::Change),
    /// Lift the block of an account
    #[command(after_help = "Example:\n  marca holder unblock h-1 --reason 'seen in person'")]
    Unblock(life::Change),
    /// Close an account for good; its certificates are revoked first
    #[command(after_help = "Example:\n  marca holder close h-1 --reason 'contract ended' --yes")]
    Close(life::Final),
    /// Erase the data of a closed account, once the law allows it
    #[command(after_help = "Example:\n  marca holder erase h-1 --yes")]
    Erase(life::Final),
    /// Remove a secret question whose answer was forgotten
    #[command(after_help = "Example:\n  marca holder clear-question h-1")]
    ClearQuestion(Named),
    /// Remove the address for notices: they go to the user ID alone again
    #[command(after_help = "Example:\n  marca holder clear-notice-address h-1")]
    ClearNoticeAddress(Named),
    /// Show what happened to an account
    #[command(after_help = "Example:\n  marca holder history h-1 --kind login-failed")]
    History(life::HistoryOptions),
    /// Print all personal data of a holder, who asked for them, as one JSON document
    #[command(after_help = "Example:\n  marca holder personal-data h-1 > personal-data.json")]
    PersonalData(Named),
    /// List the mails and short messages of a holder, or of all
    #[command(after_help = "Example:\n  marca holder messages --state failed")]
    Messages(messages::MessagesOptions),
    /// Send a message again that could not be delivered
    #[command(after_help = "Example:\n  marca holder retry-message m-12")]
    RetryMessage(messages::RetryOptions),
    /// Suspend a credential: signing stops at once
    #[command(after_help = "Example:\n  marca holder suspend h-1 5f2a --until 2027-01-31")]
    Suspend(credentials::SuspendOptions),
    /// Reactivate a suspended credential
    #[command(after_help = "Example:\n  marca holder reactivate h-1 5f2a")]
    Reactivate(credentials::Credential),
    /// Revoke a credential for good
    #[command(after_help = "Example:\n  marca holder revoke h-1 5f2a --because key-compromise")]
    Revoke(credentials::RevokeOptions),
    /// Show how much is kept under each version of the pepper
    #[command(after_help = "Example:\n  marca holder pepper")]
    Pepper,
    /// List and end the sessions of a holder
    #[command(subcommand)]
    Sessions(life::SessionsAct),
    /// List and unlink the devices of a holder
    #[command(subcommand)]
    Devices(devices::DevicesAct),
}

/// A holder, by identifier or user ID.
#[derive(Args, Debug)]
pub(super) struct Named {
    /// Identifier, or the e-mail address that the holder logs in with
    holder: String,
}

/// Runs `marca holder …`.
pub(crate) fn run(command: &HolderCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = &Client::new(&command.server)?;
    let json = command.server.json;
    match &command.act {
        HolderAct::Register(options) => registrations::register(client, options, json, console),
        HolderAct::Requests(options) => registrations::requests(client, options, json, console),
        HolderAct::Request(one) => registrations::request(client, one, json, console),
        HolderAct::Approve(one) => registrations::approve(client, one, json, console),
        HolderAct::Reject(options) => registrations::reject(client, options, json, console),
        HolderAct::Invite(options) => registrations::invite(client, options, json, console),
        HolderAct::List => life::list(client, json, console),
        HolderAct::Show(named) => life::show(client, named, json, console),
        HolderAct::Block(change) => life::change(client, change, "block", json, console),
        HolderAct::Unblock(change) => life::change(client, change, "unblock", json, console),
        HolderAct::Close(end) => life::end(client, end, "close", json, console),
        HolderAct::Erase(end) => life::end(client, end, "erase", json, console),
        HolderAct::ClearQuestion(named) => {
            life::clear(client, named, life::Cleared::Question, json, console)
        }
        HolderAct::ClearNoticeAddress(named) => {
            life::clear(client, named, life::Cleared::NoticeAddress, json, console)
        }
        HolderAct::PersonalData(named) => life::personal_data(client, named, console),
        HolderAct::History(options) => life::history(client, options, json, console),
        HolderAct::Messages(options) => messages::list(client, options, json, console),
        HolderAct::RetryMessage(options) => messages::retry(client, options, json, console),
        HolderAct::Suspend(options) => credentials::suspend(client, options, json, console),
        HolderAct::Reactivate(one) => credentials::reactivate(client, one, json, console),
        HolderAct::Revoke(options) => credentials::revoke(client, options, json, console),
        HolderAct::Pepper => pepper::show(client, json, console),
        HolderAct::Sessions(act) => life::sessions(client, act, json, console),
        HolderAct::Devices(act) => devices::run(client, act, json, console),
    }
}

/// The path of a holder below `/api/v1/admin`, whose user ID is looked up first.
fn path(client: &Client, holder: &str) -> Result<String, CliError> {
    if !holder.contains('@') {
        return Ok(format!("/holders/{}", segment(holder)));
    }
    let found = client.get(&format!("/holders?user_id={}", segment(holder)))?;
    let id = found.pointer("/holders/0/id").and_then(Value::as_str);
    let unknown = || Refusal {
        status: 404,
        title: "No such holder".to_owned(),
        detail: "no holder logs in with this address".to_owned(),
        advice: "`marca holder list` shows who there is".to_owned(),
    };
    Ok(format!("/holders/{}", segment(id.ok_or_else(unknown)?)))
}

/// Every object of a list, page after page.
fn pages(client: &Client, path: &str, member: &str) -> Result<Vec<Value>, CliError> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let place = after.as_deref().map(|after| format!("&after={}", segment(after)));
        let place = place.unwrap_or_default();
        let mut page = client.get(&format!("{path}{separator}limit=500{place}"))?;
        if let Some(Value::Array(items)) = page.get_mut(member).map(Value::take) {
            all.extend(items);
        }
        let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        // A page that points to itself would never end.
        if next.is_none() || next == after {
            return Ok(all);
        }
        after = next;
    }
}
