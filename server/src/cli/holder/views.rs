//! The admin API's objects about holders, as far as tables show them.

use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, instant_or_dash, printable};
use crate::cli::views::view;
use serde::Deserialize;
use serde_json::Value;

/// A registration.
#[derive(Debug, Deserialize)]
pub(super) struct Registration {
    pub(super) id: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) given_name: Option<String>,
    #[serde(default)]
    pub(super) surname: Option<String>,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default)]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) holder: Option<String>,
    #[serde(default)]
    pub(super) created_at: Option<String>,
}

impl Registration {
    /// Given name and surname, as far as they are kept.
    pub(super) fn name(&self) -> String {
        let names = [self.given_name.as_deref(), self.surname.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// A holder.
#[derive(Debug, Deserialize)]
pub(super) struct Holder {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) given_name: String,
    #[serde(default)]
    pub(super) surname: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    totp: bool,
    #[serde(default)]
    question_set: bool,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    closed_at: Option<String>,
    #[serde(default)]
    credentials: Vec<Credential>,
}

/// A credential of a holder.
#[derive(Debug, Deserialize)]
pub(super) struct Credential {
    id: String,
    kind: String,
    state: String,
    #[serde(default)]
    not_after: Option<String>,
}

/// Prints a holder and the credentials.
pub(super) fn print_holder(
    answer: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let holder: Holder = view(answer)?;
    let yes = |is: bool| if is { "yes" } else { "no" };
    console.line(&format!("holder     {}", printable(&holder.id)))?;
    console.line(&format!("status     {}", printable(&holder.status)))?;
    if !holder.user_id.is_empty() {
        let name = format!("{} {}", holder.given_name, holder.surname);
        console.line(&format!("name       {}", printable(&name)))?;
        console.line(&format!("user ID    {}", printable(&holder.user_id)))?;
        console.line(&format!("phone      {}", printable(&holder.phone)))?;
        console.line(&format!("language   {}", printable(&holder.language)))?;
        console.line(&format!("app codes  {}", yes(holder.totp)))?;
        console.line(&format!("question   {}", yes(holder.question_set)))?;
    }
    console.line(&format!("created    {}", instant_or_dash(holder.created_at.as_deref())))?;
    if let Some(closed) = &holder.closed_at {
        console.line(&format!("closed     {}", instant_or_dash(Some(closed))))?;
    }
    if holder.credentials.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("CREDENTIAL", Align::Left),
        ("KIND", Align::Left),
        ("ENDS (UTC)", Align::Left),
        ("STATE", Align::Left),
    ]);
    for one in holder.credentials {
        table.row([one.id, one.kind, instant_or_dash(one.not_after.as_deref()), one.state]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))
}

/// Prints a registration in one line.
pub(super) fn print_registration(
    answer: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let one: Registration = view(answer)?;
    let holder = one.holder.as_deref().map(|holder| format!(", holder {holder}"));
    let (id, state, holder) = (&one.id, &one.state, holder.unwrap_or_default());
    console.line(&printable(&format!("registration {id} is {state}{holder}")))
}
