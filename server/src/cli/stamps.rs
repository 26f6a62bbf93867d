//! `marca stamps`: selling, giving back and accounting for stamps over the admin API.

use super::account::insert;
use super::client::{Client, ServerOptions, segment};
use super::console::{Console, WIDTH};
use super::error::CliError;
use super::table::{Align, Table, count, instant, instant_or_dash, printable};
use super::values::{Hex, Moment};
use super::views::{Balance, Entry, Lot, Statement, Totals, view};
use clap::{Args, Subcommand, ValueEnum};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// How many entries of a statement are fetched at once.
const PAGE: u32 = 500;

/// The subcommands of `marca stamps`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  marca stamps grant acme 1000 --unit-price 0.08 --vat-rate 22 --order 4711
  marca stamps refund acme --serial 0193e0f2a4b35c6d7e8f901122334455
  marca stamps statement acme --from 2026-01-01 --to 2027-01-01 --json")]
pub(crate) struct StampsCommand {
    #[command(subcommand)]
    act: StampsAct,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum StampsAct {
    /// Add a lot of stamps to an account
    #[command(after_help = "\
Examples:
  marca stamps grant acme 1000
  marca stamps grant acme --quantity 50 --category promotional --expires 2027-07-01")]
    Grant(GrantOptions),
    /// Give back the stamp of one token; the token stays valid
    #[command(after_help = "Example:\n  marca stamps refund acme --serial SERIAL")]
    Refund {
        /// Name or id of the account
        name: String,
        /// Serial number of the token: 32 hex digits
        #[arg(long, value_name = "HEX")]
        serial: Hex<16>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take what remains of a lot away
    #[command(after_help = "Example:\n  marca stamps void acme --lot 3 --reason 'paid back'")]
    Void {
        /// Name or id of the account
        name: String,
        /// The lot, as `account show` lists it: lot-3, or 3
        #[arg(long, value_name = "ID")]
        lot: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Print every movement of an account
    #[command(after_help = "Example:\n  marca stamps statement acme --from 2026-01-01")]
    Statement {
        /// Name or id of the account
        name: String,
        /// From when: a date (00:00 UTC) or RFC 3339; from the beginning when left out
        #[arg(long, value_name = "WHEN")]
        from: Option<Moment>,
        /// Until before when; until now when left out
        #[arg(long, value_name = "WHEN")]
        to: Option<Moment>,
    },
}

#[derive(Args, Debug)]
struct GrantOptions {
    /// Name or id of the account
    name: String,
    /// How many stamps
    #[arg(value_name = "N", required_unless_present = "quantity", conflicts_with = "quantity")]
    stamps: Option<u64>,
    /// How many stamps (the same as N)
    #[arg(long, visible_alias = "stamps", value_name = "N", id = "quantity")]
    quantity: Option<u64>,
    /// What kind of lot
    #[arg(long, value_enum)]
    category: Option<Category>,
    /// Drawn before lots with a higher number
    #[arg(long, value_name = "0-255")]
    priority: Option<u8>,
    /// From when the stamps are good: a date (00:00 UTC) or RFC 3339
    #[arg(long, value_name = "WHEN")]
    effective: Option<Moment>,
    /// When they expire: a date (00:00 UTC) or RFC 3339
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    /// Price of one stamp in EUR, without VAT
    #[arg(long, value_name = "EUR")]
    unit_price: Option<Decimal>,
    /// VAT in per cent
    #[arg(long, value_name = "PERCENT")]
    vat_rate: Option<Decimal>,
    /// Number of the order or invoice
    #[arg(long, value_name = "TEXT")]
    order: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What a lot is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Category {
    /// Sold
    Paid,
    /// Given away
    Promotional,
    /// Given for a fault of the service
    Compensation,
    /// For trying out
    Test,
}

impl Category {
    fn name(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Promotional => "promotional",
            Self::Compensation => "compensation",
            Self::Test => "test",
        }
    }
}

/// Runs `marca stamps …`.
pub(crate) fn run(command: &StampsCommand, console: &mut Console<'_>) -> Result<(), CliError> {
    let client = Client::new(&command.server)?;
    let json = command.server.json;
    match &command.act {
        StampsAct::Grant(options) => grant(&client, options, json, console),
        StampsAct::Refund { name, serial, reason } => {
            let body = json!({ "serial": serial.to_string(), "reason": reason });
            let answer = client.post(&format!("/accounts/{}/refunds", segment(name)), &body)?;
            if json {
                return console.json(&answer);
            }
            let totals: Totals = view(&answer)?;
            console.line(&format!("one stamp given back to {name}: {}", told(&totals)))
        }
        StampsAct::Void { name, lot, reason } => {
            let path = format!("/accounts/{}/lots/{}/void", segment(name), segment(&lot_id(lot)));
            let answer = client.post(&path, &json!({ "reason": reason }))?;
            if json {
                return console.json(&answer);
            }
            let lot: Lot = view(&answer)?;
            let (id, remaining) = (&lot.id, count(lot.remaining));
            console.line(&format!("lot {id} of {name} is void: {remaining} stamps remain in it"))
        }
        StampsAct::Statement { name, from, to } => {
            let whole = fetch_statement(&client, name, *from, *to)?;
            if json {
                return console.json(&whole);
            }
            let statement: Statement = view(&whole)?;
            console.print(&statement_text(&statement))
        }
    }
}

fn grant(
    client: &Client,
    options: &GrantOptions,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let answer = client
        .post(&format!("/accounts/{}/lots", segment(&options.name)), &grant_body(options)?)?;
    if json {
        return console.json(&answer);
    }
    let lot: Lot = view(&answer)?;
    let from = options.effective.and(lot.effective_at.as_deref());
    let from = from.map_or_else(String::new, |at| format!(", good from {} UTC", instant(at)));
    let until = match &lot.expires_at {
        Some(at) => format!(", good until {} UTC", instant(at)),
        None => ", without expiry".to_owned(),
    };
    let (stamps, name) = (count(lot.quantity), &options.name);
    console.line(&format!("{stamps} stamps granted to {name}: lot {}{from}{until}", lot.id))
}

/// A lot's identifier, of which the number is enough.
fn lot_id(typed: &str) -> String {
    let number = !typed.is_empty() && typed.bytes().all(|octet| octet.is_ascii_digit());
    if number { format!("lot-{typed}") } else { typed.to_owned() }
}

/// The request of a grant: what was not typed is left to the service.
fn grant_body(options: &GrantOptions) -> Result<Value, CliError> {
    let quantity = options.stamps.or(options.quantity).unwrap_or_default();
    if quantity == 0 {
        return Err(CliError::Argument {
            argument: "N",
            reason: "a lot holds at least one stamp".to_owned(),
        });
    }
    let mut body = json!({ "quantity": quantity });
    if let Some(priority) = options.priority {
        body["priority"] = json!(priority);
    }
    insert(&mut body, "category", options.category.map(|c| c.name().to_owned()));
    insert(&mut body, "effective_at", options.effective.map(|at| at.to_string()));
    insert(&mut body, "expires_at", options.expires.map(|at| at.to_string()));
    // Money travels as text: it is never a float.
    insert(&mut body, "unit_price", options.unit_price.map(|price| price.to_string()));
    insert(&mut body, "vat_rate", options.vat_rate.map(|rate| rate.to_string()));
    insert(&mut body, "order", options.order.clone());
    insert(&mut body, "reason", options.reason.clone());
    Ok(body)
}

/// The whole statement as one object of the API: the entries of all pages, the opening of the
/// first and the closing of the last.
fn fetch_statement(
    client: &Client,
    name: &str,
    from: Option<Moment>,
    to: Option<Moment>,
) -> Result<Value, CliError> {
    let mut query = format!("limit={PAGE}");
    for (key, moment) in [("from", from), ("to", to)] {
        if let Some(moment) = moment {
            query.push_str(&format!("&{key}={}", segment(&moment.to_string())));
        }
    }
    let base = format!("/accounts/{}/statement?{query}", segment(name));
    let mut whole = client.get(&base)?;
    while let Some(after) = whole.get("next").filter(|next| !next.is_null()).map(plain) {
        let mut page = client.get(&format!("{base}&after={}", segment(&after)))?;
        let more = page["entries"].take();
        let entries = whole["entries"].as_array_mut();
        if let (Some(entries), Value::Array(more)) = (entries, more) {
            entries.extend(more);
        }
        // A page that points to itself would never end.
        if page.get("next").map(plain) == Some(after) {
            return Err(CliError::Answer {
                url: base,
                what: "a page of the statement that points to itself".to_owned(),
            });
        }
        whole["closing"] = page["closing"].take();
        whole["next"] = page["next"].take();
    }
    Ok(whole)
}

/// A cursor as it is typed into a query, whether it came as a number or as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A statement for a reader.
fn statement_text(statement: &Statement) -> String {
    let mut table = Table::new(&[
        ("SEQ", Align::Right),
        ("WHEN (UTC)", Align::Left),
        ("KIND", Align::Left),
        ("STAMPS", Align::Right),
        ("REMAIN", Align::Right),
        ("LOT", Align::Left),
        ("SERIAL, WHO, WHY", Align::Left),
    ]);
    for entry in &statement.entries {
        table.row([
            entry.seq.to_string(),
            instant_or_dash(Some(&entry.at)),
            entry.kind.clone(),
            count(entry.quantity),
            entry.balance.map(count).unwrap_or_default(),
            entry.lot.as_ref().map(ToString::to_string).unwrap_or_default(),
            remark(entry),
        ]);
    }
    let mut text = format!("account {}\n", printable(&statement.account.to_string()));
    text.push_str(&format!("opening: {}\n\n", balance(&statement.opening)));
    if statement.entries.is_empty() {
        text.push_str("no movements\n");
    } else {
        text.push_str(&table.render(WIDTH));
    }
    if let Some(closing) = &statement.closing {
        text.push_str(&format!("\nclosing: {}\n", balance(closing)));
    }
    text
}

/// Everything about an entry that is not a number.
fn remark(entry: &Entry) -> String {
    let parts = [&entry.serial, &entry.actor, &entry.reason];
    let told: Vec<&str> =
        parts.iter().filter_map(|part| part.as_deref()).filter(|part| !part.is_empty()).collect();
    told.join(" ")
}

fn balance(balance: &Balance) -> String {
    match balance {
        Balance::Remaining(remaining) => format!("{} remaining", count(*remaining)),
        Balance::Totals(totals) => told(totals),
    }
}

fn told(totals: &Totals) -> String {
    format!("{} remaining, {} used", count(totals.remaining), count(totals.used))
}

#[cfg(test)]
#[path = "stamps_tests.rs"]
mod tests;
