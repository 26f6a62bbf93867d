//! The admin API's objects about holders, as far as tables show them.

use crate::cli::console::{Console, WIDTH};
use crate::cli::error::CliError;
use crate::cli::table::{Align, Table, instant, instant_or_dash, printable};
use crate::cli::values::Moment;
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
    fiscal_code: Option<String>,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    self_service: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
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
    fiscal_code: String,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    pub(super) notice_email: Option<String>,
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
    pub(super) credentials: Vec<Credential>,
}

/// A credential of a holder.
#[derive(Debug, Deserialize)]
pub(super) struct Credential {
    pub(super) id: String,
    kind: String,
    state: String,
    #[serde(default)]
    not_after: Option<String>,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    pub(super) suspended_until: Option<String>,
    #[serde(default)]
    suspended_by: Option<String>,
}

impl Credential {
    /// Whether it is suspended for longer than until `asked`.
    pub(super) fn suspended_longer_than(&self, asked: Moment) -> bool {
        let until = self.suspended_until.as_deref().map(str::parse::<Moment>);
        let longer = until.is_none_or(|until| until.is_ok_and(|until| until > asked));
        self.state == "suspended" && longer
    }

    /// The state, and of a suspension until when it lasts and who wanted it.
    fn standing(&self) -> String {
        let Some(by) = &self.suspended_by else { return self.state.clone() };
        let until = self.suspended_until.as_deref();
        let until = until.map_or_else(String::new, |at| format!(" until {} UTC", instant(at)));
        format!("{}{until} by {}", self.state, by.replace('-', " "))
    }
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
        console.line(&format!("fiscal ID  {}", printable(&holder.fiscal_code)))?;
        console.line(&format!("born       {}", said(holder.birth_date.as_deref())))?;
        console.line(&format!("user ID    {}", printable(&holder.user_id)))?;
        console.line(&format!("notices    {}", said(holder.notice_email.as_deref())))?;
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
    for one in &holder.credentials {
        let ends = instant_or_dash(one.not_after.as_deref());
        table.row([one.id.clone(), one.kind.clone(), ends, one.standing()]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))?;
    print_certificates(&holder.credentials, console)
}

/// The serial numbers by which `marca ca show` finds the certificates.
fn print_certificates(
    credentials: &[Credential],
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let mut table = Table::new(&[("CREDENTIAL", Align::Left), ("CERTIFICATE", Align::Left)]);
    let certified = credentials.iter().filter_map(|one| Some((&one.id, one.serial.as_ref()?)));
    let rows: Vec<_> = certified.collect();
    if rows.is_empty() {
        return Ok(());
    }
    for (id, serial) in rows {
        table.row([id.clone(), serial.clone()]);
    }
    console.print(&format!("\n{}", table.render(WIDTH)))
}

/// A text, or a dash.
fn said(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), printable)
}

/// Prints all that is known of a registration, for whoever decides.
pub(super) fn print_whole_registration(
    answer: &Value,
    json: bool,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if json {
        return console.json(answer);
    }
    let one: Registration = view(answer)?;
    let asked_by = if one.self_service { "the applicant" } else { "an operator" };
    let mut lines = vec![
        ("request", one.id.clone()),
        ("state", one.state.clone()),
        ("name", one.name()),
        ("fiscal ID", said(one.fiscal_code.as_deref())),
        ("born", said(one.birth_date.as_deref())),
        ("address", said(one.email.as_deref())),
        ("phone", said(one.phone.as_deref())),
        ("kind", said(one.kind.as_deref())),
        ("asked", instant_or_dash(one.created_at.as_deref())),
        ("asked by", asked_by.to_owned()),
        ("holder", said(one.holder.as_deref())),
    ];
    lines.extend(one.reason.map(|reason| ("reason", reason)));
    lines.extend(one.ends_at.map(|at| ("ends", instant(&at))));
    for (name, value) in lines {
        console.line(&format!("{name:<10} {}", printable(&value)))?;
    }
    Ok(())
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
