//! `marca account`: stamp accounts over the admin API.

use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::credentials::{self, CertificateAct, KeyAct};
use super::error::CliError;
use super::links::{self, LinksAct};
use super::table::{Align, Table, count, instant, instant_or_dash, printable};
use super::values::Moment;
use super::views::{Account, CreatedAccount, list, view};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// The subcommands of `marca account`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca account create acme --stamps 500 --expires 2028-01-01
  marca account list --server https://tsa.example --admin-token-file token
  marca account close acme --reason 'contract ended'")]
pub(crate) struct AccountCommand {
    #[command(subcommand)]
    act: AccountAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum AccountAct {
    /// Open an account; prints its password and API key, once
    #[command(after_help = "Example:\n  marca account create acme --stamps 500 --json")]
    Create(CreateOptions),
    /// List all accounts
    #[command(after_help = "Example:\n  marca account list")]
    List,
    /// Show one account and its lots
    #[command(after_help = "Example:\n  marca account show acme")]
    Show {
        /// Name or id of the account
        name: String,
    },
    /// Stop an account: no token is issued for it until it is reactivated
    #[command(after_help = "Example:\n  marca account suspend acme --reason 'invoice 12 open'")]
    Suspend(Change),
    /// Let a suspended account issue again
    #[command(after_help = "Example:\n  marca account reactivate acme")]
    Reactivate(Change),
    /// Close an account for good; what remains on it is lost to the caller
    #[command(after_help = "Example:\n  marca account close acme --yes")]
    Close {
        #[command(flatten)]
        change: Change,
        /// Do not ask for the account's name as a confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Make a new password, shown once; the old one stops working
    #[command(after_help = "Example:\n  marca account password acme")]
    Password {
        /// Name or id of the account
        name: String,
    },
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Key(KeyAct),
    /// Add, list and remove client certificates
    #[command(subcommand)]
    Certificate(CertificateAct),
    /// List and cut the links of holders, who take stamps from the account
    #[command(subcommand)]
    Links(LinksAct),
}

/// What confirms the end of an account.
const NAME: &str = "the account's name";

#[derive(Args, Debug)]
struct CreateOptions {
    /// Name of the account, which is also its login
    name: String,
    /// How many stamps to start with; 0 for none
    #[arg(long, value_name = "N")]
    stamps: u64,
    /// When these stamps expire: a date (from 00:00 UTC) or RFC 3339
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Args, Debug)]
struct Change {
    /// Name or id of the account
    name: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// Runs `marca account …`.
pub(crate) fn run(command: &AccountCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = Client::new(&command.server)?;
    let json = command.server.json;
    match &command.act {
        AccountAct::Create(options) => create(&client, options, json, console),
        AccountAct::List => list_all(&client, json, console),
        AccountAct::Show { name } => {
            let account = client.get(&format!("/accounts/{}", segment(name)))?;
            show(&account, json, console)
        }
        AccountAct::Suspend(change) => change_status(&client, change, "suspend", json, console),
        AccountAct::Reactivate(change) => {
            change_status(&client, change, "reactivate", json, console)
        }
        AccountAct::Close { change, yes } => {
            if !yes {
                confirm_closing(&client, &change.name, console)?;
            }
            change_status(&client, change, "close", json, console)
        }
        AccountAct::Password { name } => password(&client, name, json, console),
        AccountAct::Key(act) => credentials::key(&client, act, json, console),
        AccountAct::Certificate(act) => credentials::certificate(&client, act, json, console),
        AccountAct::Links(act) => links::run(&client, act, json, console),
    }
}

fn create(
    client: &Client,
    options: &CreateOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut body = json!({ "name": options.name, "stamps": options.stamps });
    insert(&mut body, "expires_at", options.expires.map(|at| at.to_string()));
    insert(&mut body, "reason", Some(options.reason.clone()).filter(|r| !r.is_empty()));
    let answer = client.post("/accounts", &body)?;
    let created: CreatedAccount = view(&answer)?;
    if json {
        // The public contract: exactly these five members, whatever a newer service adds.
        return console.json(&json!({
            "id": created.id.to_string(),
            "name": created.name,
            "password": created.password,
            "api_key": created.api_key,
            "stamps": created.stamps,
        }));
    }
    console.print(&format!(
        "account   {} ({})\nstamps    {}\npassword  {}\nAPI key   {}\n",
        printable(&created.name),
        created.id,
        count(created.stamps),
        printable(&created.password),
        printable(&created.api_key)
    ))?;
    console.note("The password and the API key are shown this once: keep them now.")
}

/// Every account, page after page.
fn list_all(client: &Client, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut accounts: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let path = match &after {
            Some(id) => format!("/accounts?limit=500&after={}", segment(id)),
            None => "/accounts?limit=500".to_owned(),
        };
        let mut page = client.get(&path)?;
        if let Some(Value::Array(items)) = page.get_mut("accounts").map(Value::take) {
            accounts.extend(items);
        }
        let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        // A page that points to itself would never end.
        if next.is_none() || next == after {
            break;
        }
        after = next;
    }
    let all = json!({ "accounts": accounts, "next": null });
    if json {
        return console.json(&all);
    }
    let mut table = Table::new(&[
        ("ID", Align::Left),
        ("STATUS", Align::Left),
        ("REMAINING", Align::Right),
        ("USED", Align::Right),
        ("NAME", Align::Left),
    ]);
    let accounts: Vec<Account> = list(&all, "accounts")?;
    for account in &accounts {
        table.row([
            account.id.to_string(),
            account.status.clone(),
            count(account.remaining),
            count(account.used),
            account.name.clone(),
        ]);
    }
    if accounts.is_empty() {
        return console.note("no accounts; `marca account create NAME --stamps N` opens one");
    }
    console.print(&table.render(WIDTH))
}

/// One account and its lots.
fn show(account: &Value, json: bool, console: &mut Console<'_>) -> Result<(), CliError> {
    if json {
        return console.json(account);
    }
    let account: Account = view(account)?;
    console.line(&format!("account    {} ({})", printable(&account.name), account.id))?;
    console.line(&format!("status     {}", printable(&account.status)))?;
    console.line(&format!("remaining  {}", count(account.remaining)))?;
    let waiting = not_good_yet(&account);
    if waiting > 0 {
        console.line(&format!("not yet    {} in lots that are not good yet", count(waiting)))?;
    }
    console.line(&format!("used       {}", count(account.used)))?;
    if account.reserved > 0 {
        console.line(&format!("reserved   {}", count(account.reserved)))?;
    }
    if let Some(expiring) = &account.expiring {
        let (stamps, at) = (count(expiring.count), instant(&expiring.at));
        console.line(&format!("expiring   {stamps} at {at} UTC"))?;
    }
    console.line(&format!("created    {}", instant_or_dash(account.created_at.as_deref())))?;
    if account.lots.is_empty() {
        return Ok(());
    }
    print_lots(&account, console)
}

/// Stamps in lots that begin to count later: the lots are all that has stamps, and `remaining` is
/// what can be used.
fn not_good_yet(account: &Account) -> u64 {
    let all: u64 = account.lots.iter().map(|lot| lot.remaining).sum();
    all.saturating_sub(account.remaining)
}

/// The lots; from when each counts only where one does not count yet, for the width of a line.
fn print_lots(account: &Account, console: &mut Console<'_>) -> Result<(), CliError> {
    let begins = not_good_yet(account) > 0;
    let mut table = Table::new(&[
        ("LOT", Align::Left),
        ("REMAINING", Align::Right),
        ("OF", Align::Right),
        ("CATEGORY", Align::Left),
        ("PRIORITY", Align::Right),
        ("EXPIRES (UTC)", Align::Left),
        (if begins { "GOOD FROM (UTC), ORDER" } else { "ORDER" }, Align::Left),
    ]);
    for lot in &account.lots {
        let from = lot.effective_at.as_deref().filter(|_| begins).map(instant);
        let last = [from, lot.order.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        table.row([
            lot.id.to_string(),
            count(lot.remaining),
            count(lot.quantity),
            lot.category.clone(),
            lot.priority.to_string(),
            instant_or_dash(lot.expires_at.as_deref()),
            last,
        ]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))
}

fn change_status(
    client: &Client,
    change: &Change,
    verb: &str,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let path = format!("/accounts/{}/{verb}", segment(&change.name));
    let answer = client.post(&path, &json!({ "reason": change.reason }))?;
    if json {
        return console.json(&answer);
    }
    let account: Account = view(&answer)?;
    console.line(&format!(
        "account {} ({}) is {}, {} stamps remain",
        printable(&account.name),
        account.id,
        printable(&account.status),
        count(account.remaining)
    ))
}

/// Closing cannot be undone: whoever closes types the account's name.
fn confirm_closing(client: &Client, name: &str, console: &mut Console<'_>) -> Result<(), CliError> {
    let account: Account = view(&client.get(&format!("/accounts/{}", segment(name)))?)?;
    console.note(&format!(
        "Closing account {} ({}) cannot be undone; {} stamps remain on it.",
        printable(&account.name),
        account.id,
        count(account.remaining)
    ))?;
    let typed = console.ask("Type the account's name to close it: ")?;
    if typed == account.name { Ok(()) } else { Err(CliError::NotConfirmed { asked: NAME }) }
}

fn password(
    client: &Client,
    name: &str,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let answer = client.post(&format!("/accounts/{}/password", segment(name)), &json!({}))?;
    if json {
        return console.json(&answer);
    }
    let password = answer.get("password").and_then(Value::as_str).unwrap_or_default();
    console.line(&printable(password))?;
    console.note("The password is shown this once: keep it now. The old one stops working.")
}

/// Puts an optional text into an object; an absent one stays absent.
pub(crate) fn insert(body: &mut Value, member: &str, text: Option<String>) {
    if let Some(text) = text {
        body[member] = Value::String(text);
    }
}
