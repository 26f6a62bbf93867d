//! Set-up through the administration API: accounts, lots, credentials.

use super::http::{Client, basic, totals};
use super::service::Service;
use serde_json::{Value, json};

/// An account that a test has opened.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) api_key: String,
}

impl Account {
    /// Opens an account.
    #[track_caller]
    pub(crate) fn open(service: &Service, name: &str, stamps: u64) -> Self {
        let body = json!({ "name": name, "stamps": stamps, "reason": "test" });
        let made = service.admin().post("/api/v1/admin/accounts", &body).status(201).json();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        assert_eq!(made["stamps"], stamps);
        Self {
            id: text("id"),
            name: text("name"),
            password: text("password"),
            api_key: text("api_key"),
        }
    }

    /// A client with this account's API key.
    pub(crate) fn client(&self, service: &Service) -> Client {
        service.client().bearer(&self.api_key)
    }

    /// `Authorization` with this account's API key.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.api_key)
    }

    /// `Authorization` with this account's password.
    pub(crate) fn basic(&self) -> String {
        basic(&self.name, &self.password)
    }

    /// The path of the account, or below it, in the administration API.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/admin/accounts/{}{rest}", self.id)
    }

    /// The account as the operator sees it.
    #[track_caller]
    pub(crate) fn view(&self, service: &Service) -> Value {
        service.admin().get(&self.path("")).status(200).json()
    }

    /// What remains and what is used.
    #[track_caller]
    pub(crate) fn balance(&self, service: &Service) -> (u64, u64) {
        totals(&self.view(service))
    }

    /// `suspend`, `reactivate` or `close`.
    #[track_caller]
    pub(crate) fn change(&self, service: &Service, act: &str) {
        let body = json!({ "reason": "test" });
        service.admin().post(&self.path(&format!("/{act}")), &body).status(200);
    }

    /// Grants a lot.
    #[track_caller]
    pub(crate) fn grant(&self, service: &Service, lot: &Value) -> Value {
        service.admin().post(&self.path("/lots"), lot).status(201).json()
    }

    /// The whole statement, in one page.
    #[track_caller]
    pub(crate) fn statement(&self, service: &Service) -> Value {
        service.admin().get(&self.path("/statement?limit=10000")).status(200).json()
    }

    /// Checks that opening + entries = closing, that every entry gives from one book what it adds
    /// to another, and that the closing is what the balance says.
    #[track_caller]
    pub(crate) fn check_statement(&self, service: &Service) {
        let statement = self.statement(service);
        let lots_only = |book: &Value| book.as_str().is_some_and(|name| !OTHER.contains(&name));
        let opening = statement["opening"].as_i64().unwrap();
        let (mut available, mut used) = (opening, 0);
        for entry in statement["entries"].as_array().unwrap() {
            let quantity = entry["quantity"].as_i64().unwrap();
            let (from, to) = (&entry["from"], &entry["to"]);
            assert_eq!(from.is_null(), to.is_null(), "one side only: {entry}");
            let side = |book: bool| i64::from(book) * quantity;
            available += side(lots_only(to)) - side(lots_only(from));
            used += side(to == "used") - side(from == "used");
            assert_eq!(entry["balance"].as_i64(), Some(available), "{entry}");
        }
        assert_eq!(statement["closing"].as_i64(), Some(available), "{statement}");
        let (remaining, now_used) = self.balance(service);
        assert_eq!(used, now_used as i64, "{statement}");
        // Lots that are over, or not begun, count in the book and not in what can be used.
        assert!(remaining as i64 <= available, "{statement}");
    }

    /// Walks the whole statement, page by page, and counts its debits.
    #[track_caller]
    pub(crate) fn check_statement_totals(&self, service: &Service, used: u64) {
        let (mut debits, mut path) = (0, self.path("/statement?limit=10000"));
        loop {
            let page = service.admin().get(&path).status(200).json();
            let entries = page["entries"].as_array().unwrap();
            debits += entries.iter().filter(|entry| entry["to"] == "used").count() as u64;
            match page["next"].as_u64() {
                Some(next) => path = self.path(&format!("/statement?limit=10000&after={next}")),
                None => break,
            }
        }
        assert_eq!(debits, used);
    }
}

/// The books that are no lot of the account.
const OTHER: [&str; 4] = ["world", "used", "expired", "voided"];
