//! `marca demo`: the whole service on loopback, with fixed logins, to try it out.
//!
//! The secrets in here exist in this mode only: [`crate::serve`] does not know them.

use crate::cli::{DemoOptions, ServiceError};
use crate::config::Config;
use crate::delivery::Outbox;
use crate::http::dev;
use crate::serve;
use crate::service::Service;
use accounts::credentials::{CredentialError, Password};
use accounts::holders::credential::CredentialKind;
use accounts::holders::registration::{EnvelopePassphrase, NewRegistration, RegistrationState};
use accounts::holders::{Actor, Language};
use accounts::stamps::{Act, Category, NewLot};
use actix_web::web::ServiceConfig;
use std::path::Path;
use std::sync::Arc;

/// A file that says what a data directory is.
pub(crate) const MARKER: &str = "demo";
const MARKER_TEXT: &str =
    "This directory was made by `marca demo`: everybody knows its password and its API key.\n";

/// The demo's stamp account.
const NAME: &str = "demo";
/// Its password.
const PASSWORD: &str = "demo-stamps";
/// Its API key.
const API_KEY: &str = "marca_demo_0123456789abcdef0123456789abcdef";
/// Its stamps.
const STAMPS: u64 = 100;
/// The demo's holder of a signing credential. RFC 2606 §2 keeps `.example` from being anybody's.
const HOLDER: &str = "holder@demo.example";
/// What opens the holder's envelope.
const PASSPHRASE: &str = "demo-passphrase";

/// `marca demo`
pub(crate) fn run(options: &DemoOptions) -> Result<(), ServiceError> {
    let mut config = Config::default_in(&options.data)?;
    if !options.listen.ip().is_loopback() {
        return Err(format!(
            "the demo has passwords that everybody knows, so it listens on loopback only, not on \
             {}; for a real service see `marca config default` and `marca serve`",
            options.listen
        )
        .into());
    }
    config.server.listen = options.listen;
    config.data.min_free_mib = 16;
    // Nobody has to guess these passwords: the cheapest checks that are allowed start faster. And
    // certificates that end soon let the demo's holder try a renewal at once.
    (config.holders.memory_kib, config.holders.passes) = (19_456, 2);
    config.holders.validity_days = 60;
    if let Some(unit) = config.tsu.first_mut() {
        // A unit for each kind of key: a second start with another kind makes another unit.
        unit.key = options.tsu_key.to_string();
        unit.id = format!("demo-{}", options.tsu_key);
    }
    let _log = crate::log::start(&config.log);
    let (listener, address) = serve::bind(&config)?;
    config.server.public_url = format!("http://{address}");
    let outbox = Arc::new(Outbox::default());
    let service = Service::open_for_demo(&config, &outbox)?;
    std::fs::write(options.data.join(MARKER), MARKER_TEXT)?;
    actix_web::rt::System::new().block_on(async {
        open_account(&service).await?;
        invite_holder(&service).await
    })?;
    let data = options.data.clone();
    let pages = move |routes: &mut ServiceConfig| dev::routes(routes, &outbox);
    serve::run_with(&config, listener, service, pages, move |url| {
        serve::tell_ready(&url);
        serve::tell(&commands(&url, &data));
    })
}

/// Opens the demo's account, unless an earlier start did. The stamps come last: an account that
/// never had any was left half open by a start that was killed, and is completed.
async fn open_account(service: &Service) -> Result<(), ServiceError> {
    let now = service.clock.now();
    let by = Act::new("demo", "first start");
    let account = match service.ledger.by_name(NAME)? {
        Some(account) => account,
        None => service.ledger.create(NAME, &by, now).await?.id,
    };
    let view = service.ledger.view(account, now).await?;
    if view.used > 0 || !view.lots.is_empty() {
        return Ok(());
    }
    let credentials = &service.credentials;
    let password = Password::new(PASSWORD.to_owned())?;
    credentials.set_password(account, NAME, password, now).await?;
    match credentials.import_api_key(account, API_KEY, "demo", now).await {
        Ok(()) | Err(CredentialError::PrefixTaken(_)) => {}
        Err(error) => return Err(error.into()),
    }
    service.ledger.grant(account, NewLot::plain(STAMPS, Category::Test, now), &by, now).await?;
    Ok(())
}

/// Registers and invites the demo's holder, unless an earlier start did; one that was killed
/// between the two is completed. Mail and short messages of a demo go nowhere but to its outbox.
async fn invite_holder(service: &Service) -> Result<(), ServiceError> {
    let (now, by) = (service.clock.now(), Actor::Operator("demo".to_owned()));
    let known = service.holders.registrations(None, 1_000)?;
    let known = known.into_iter().find(|one| one.email.as_deref() == Some(HOLDER));
    let id = match known {
        Some(known) if known.state != RegistrationState::Approved => return Ok(()),
        Some(known) => known.id,
        None => service.holders.register(holder(), by.clone(), now).await?.0,
    };
    service.invite(id, false, by, now).await?;
    Ok(())
}

/// Nobody: the fiscal code is of the form for people of other countries.
fn holder() -> NewRegistration {
    NewRegistration {
        given_name: "Demo".to_owned(),
        surname: "Holder".to_owned(),
        fiscal_code: "IE-0000000".to_owned(),
        birth_date: None,
        email: HOLDER.to_owned(),
        // Ofcom keeps this range for drama: it is nobody's.
        phone: "+44 7700 900123".to_owned(),
        passphrase: EnvelopePassphrase::Own(PASSPHRASE.to_owned().into()),
        kind: CredentialKind::Remote,
        language: Language::En,
    }
}

/// Commands that can be pasted as they stand.
fn commands(url: &str, data: &Path) -> String {
    let ca = data.join("ca.pem");
    let (ca, data) = (ca.display(), data.display());
    format!(
        "
This is a demo: it TRUSTS THIS MACHINE'S CLOCK and asks no time server, so its tokens prove no time
to anybody. A real service names its time servers in [time] (`marca config default`).

Stamp a file (takes one of the {STAMPS} stamps of the account `{NAME}`):

  openssl ts -query -data README.md -sha256 -cert -out demo.tsq
  curl -fsS -u {NAME}:{PASSWORD} -H 'Content-Type: application/timestamp-query' \\
       --data-binary @demo.tsq {url}/tsa -o demo.tsr

Verify it:

  openssl ts -verify -data README.md -in demo.tsr -CAfile {ca}

See the stamps that remain:

  curl -fsS -u {NAME}:{PASSWORD} {url}/api/v1/stamp-account

API key for tools: {API_KEY}

A holder of a signing credential, {HOLDER}, is invited at the first start. Mails and short
messages since this start, with the envelope (passphrase: {PASSPHRASE}) and the link to
begin with: {url}/dev/outbox
(Another start does not send them again: to begin anew, delete {data}.)
The interface, to browse: {url}/api/v1/docs/
Press Ctrl-C to end.
"
    )
}
