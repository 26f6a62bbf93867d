//! `marca holder`: what is asked for a command, and what is printed of the answer.

use super::fake::{Answer, Ended, Fake, json, run};
use crate::cli::Cli;
use clap::Parser;
use serde_json::{Value, json as object};

const HOLDER: &str = r#"{"id":"h-1","user_id":"ada@example.org","given_name":"Ada",
  "surname":"Rossi","status":"active","phone":"+393471234567","language":"it","totp":false,
  "question_set":true,"created_at":"2026-01-01T00:00:00Z","closed_at":null,
  "credentials":[{"id":"00112233445566778899aabbccddeeff","kind":"remote","state":"active",
    "not_after":"2028-01-01T00:00:00Z"}],"added_later":1}"#;
const REGISTRATION: &str = r#"{"id":"r-7","state":"invited","given_name":"Ada","surname":"Rossi",
  "email":"ada@example.org","kind":"remote","holder":"h-1","created_at":"2026-01-01T00:00:00Z"}"#;
const CREDENTIAL: &str = "00112233445566778899aabbccddeeff";

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The request line of each request, and how the command ended.
fn asked(arguments: &[&str], typed: &str, answers: Vec<Answer>) -> (Vec<(String, Value)>, Ended) {
    let fake = Fake::start(answers);
    let ended = fake.run(arguments, typed);
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    let asked = fake.asked().into_iter().map(|one| (one.line, read(&one.body)));
    (asked.collect(), ended)
}

fn register() -> Vec<&'static str> {
    let mut line = vec!["holder", "register", "--given-name", "Ada", "--surname", "Rossi"];
    line.extend(["--fiscal-code", "RSSMRA85T10A562S", "--email", "ada@example.org"]);
    line.extend(["--phone", "+39 347 123 4567"]);
    line
}

#[test]
fn registering_sends_what_was_typed_and_can_invite_at_once() {
    let mut line = register();
    line.extend(["--fiscal-code-as-passphrase", "--language", "it", "--invite"]);
    let answers = vec![json(201, REGISTRATION), json(200, REGISTRATION)];
    let (asked, ended) = asked(&line, "", answers);
    assert_eq!(ended.out, "registration r-7 is invited, holder h-1\n", "{}", ended.err);
    assert_eq!(asked[0].0, "POST /api/v1/admin/registrations");
    assert_eq!(
        asked[0].1,
        object!({ "given_name": "Ada", "surname": "Rossi", "fiscal_code": "RSSMRA85T10A562S",
            "email": "ada@example.org", "phone": "+39 347 123 4567", "kind": "remote",
            "language": "it", "fiscal_code_as_passphrase": true })
    );
    assert_eq!(asked[1].0, "POST /api/v1/admin/registrations/r-7/invite");
}

/// A passphrase stands in no argument: other users of the machine could read it.
#[test]
fn a_passphrase_comes_out_of_a_file() {
    assert!(Cli::try_parse_from(std::iter::once("marca").chain(register())).is_err());
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("passphrase");
    std::fs::write(&path, "una frase lunga\nnot this line\n").unwrap();
    let mut line = register();
    line.extend(["--passphrase-file", path.to_str().unwrap()]);
    let (asked, _) = asked(&line, "", vec![json(201, REGISTRATION)]);
    assert_eq!(asked[0].1["passphrase"], "una frase lunga");
    let token = directory.path().join("admin-token");
    std::fs::write(&token, "secret\n").unwrap();
    let missing = directory.path().join("missing");
    let mut line = register();
    line.extend(["--passphrase-file", missing.to_str().unwrap()]);
    line.extend(["--admin-token-file", token.to_str().unwrap()]);
    assert_eq!(run(&line, "").code, 2);
}

#[test]
fn requests_are_those_that_wait_unless_all_are_asked_for() {
    let page =
        |next: &str| json(200, &format!(r#"{{"registrations":[{REGISTRATION}],"next":{next}}}"#));
    let answers = vec![page("\"r-7\""), page("null")];
    let (asked, ended) = asked(&["holder", "requests"], "", answers);
    let lines: Vec<_> = asked.iter().map(|(line, _)| line.as_str()).collect();
    let first = "GET /api/v1/admin/registrations?state=requested&limit=500";
    assert_eq!(lines, [first, &format!("{first}&after=r-7")]);
    assert_eq!(ended.out.matches("ada@example.org").count(), 2, "{}", ended.out);
    let (asked, _) = self::asked(&["holder", "requests", "--all"], "", vec![page("null")]);
    assert_eq!(asked[0].0, "GET /api/v1/admin/registrations?limit=500");
}

#[test]
fn a_holder_is_shown_with_the_credentials() {
    let (asked, ended) = asked(&["holder", "show", "h-1"], "", vec![json(200, HOLDER)]);
    assert_eq!(asked[0].0, "GET /api/v1/admin/holders/h-1");
    assert!(ended.out.contains("user ID    ada@example.org\n"), "{}", ended.out);
    assert!(ended.out.contains(CREDENTIAL), "{}", ended.out);
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
}

#[test]
fn a_user_id_is_looked_up() {
    let list = format!(r#"{{"holders":[{HOLDER}],"next":null}}"#);
    let line = ["holder", "block", "ada@example.org", "--reason", "phone stolen"];
    let (asked, ended) = asked(&line, "", vec![json(200, &list), json(200, HOLDER)]);
    assert_eq!(asked[0].0, "GET /api/v1/admin/holders?user_id=ada%40example.org");
    assert_eq!(asked[1].0, "POST /api/v1/admin/holders/h-1/block");
    assert_eq!(asked[1].1, object!({ "reason": "phone stolen" }));
    assert_eq!(ended.out, "holder h-1 is active\n");
    let nobody = json(200, r#"{"holders":[],"next":null}"#);
    let (_, ended) = self::asked(&["holder", "show", "x@example.org"], "", vec![nobody]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("no holder logs in with this address"), "{}", ended.err);
}

#[test]
fn what_cannot_be_undone_is_confirmed() {
    let line = ["holder", "close", "h-1", "--reason", "contract ended"];
    let (seen, ended) = asked(&line, "h-2\n", vec![json(200, HOLDER)]);
    assert_eq!((seen.len(), ended.code), (1, 2), "{}", ended.err);
    let (seen, ended) = asked(&line, "h-1\n", vec![json(200, HOLDER), json(200, HOLDER)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(seen[1].0, "POST /api/v1/admin/holders/h-1/close");
    let (seen, _) = asked(&["holder", "erase", "h-1", "--yes"], "", vec![json(200, HOLDER)]);
    assert_eq!(seen[0].0, "POST /api/v1/admin/holders/h-1/erase");
}

#[test]
fn credentials_are_stopped() {
    let at = format!("POST /api/v1/admin/holders/h-1/credentials/{CREDENTIAL}");
    let until = ["holder", "suspend", "h-1", CREDENTIAL, "--until", "2027-01-31"];
    let (seen, _) = asked(&until, "", vec![json(200, HOLDER)]);
    assert_eq!(seen[0], (format!("{at}/suspend"), object!({ "until": "2027-01-31T00:00:00Z" })));
    let (seen, _) = asked(&["holder", "suspend", "h-1", CREDENTIAL], "", vec![json(200, HOLDER)]);
    assert_eq!(seen[0].1, object!({}));
    let revoke = ["holder", "revoke", "h-1", CREDENTIAL, "--cause", "key-compromise"];
    let (seen, _) = asked(&revoke, "", vec![json(200, HOLDER)]);
    assert_eq!(seen[0], (format!("{at}/revoke"), object!({ "cause": "key-compromise" })));
    let unknown = ["marca", "holder", "revoke", "h-1", CREDENTIAL, "--cause", "because"];
    assert!(Cli::try_parse_from(unknown).is_err());
}

#[test]
fn a_history_is_a_table_of_its_pages() {
    let entry = r#"{"number":1,"at":"2026-01-01T10:00:00.5Z","kind":"login-failed",
        "success":false,"actor":"anyone","details":{"from":"192.0.2.1"}}"#;
    let page = |next: &str| json(200, &format!(r#"{{"entries":[{entry}],"next":{next}}}"#));
    let line = ["holder", "history", "h-1", "--from", "2026-01-01", "--kind", "login-failed"];
    let (seen, ended) = asked(&line, "", vec![page("\"1-1\""), page("null")]);
    let path = "GET /api/v1/admin/holders/h-1/history?from=2026-01-01T00%3A00%3A00Z\
                &kind=login-failed&limit=500";
    assert_eq!(seen[0].0, path);
    assert_eq!(seen[1].0, format!("{path}&after=1-1"));
    assert_eq!(ended.out.matches("FAILED").count(), 2, "{}", ended.out);
    assert!(ended.out.contains("from 192.0.2.1"), "{}", ended.out);
}

#[test]
fn messages_are_listed_and_sent_again() {
    let message = r#"{"id":"m-12","holder":"h-1","channel":"mail","kind":"password-changed",
        "state":"failed","created_at":"2026-01-01T00:00:00Z","tries":10,
        "last_error":"550 no such mailbox"}"#;
    let list = || json(200, &format!(r#"{{"messages":[{message}],"next":null}}"#));
    let (seen, ended) = asked(&["holder", "messages", "--state", "failed"], "", vec![list()]);
    assert_eq!(seen[0].0, "GET /api/v1/admin/messages?state=failed&limit=500");
    assert!(ended.out.contains("(550"), "{}", ended.out);
    let (seen, _) = asked(&["holder", "messages", "h-1"], "", vec![list()]);
    assert_eq!(seen[0].0, "GET /api/v1/admin/holders/h-1/messages");
    let (seen, ended) = asked(&["holder", "retry-message", "m-12"], "", vec![json(200, message)]);
    assert_eq!(seen[0].0, "POST /api/v1/admin/messages/m-12/retry");
    assert_eq!(ended.out, "message m-12 is failed\n");
}

#[test]
fn sessions_are_listed_and_ended() {
    let session = r#"{"sessions":[{"id":"ab","from":"192.0.2.1","client":"a\u001bb",
        "opened_at":"2026-01-01T00:00:00Z","last_used_at":"2026-01-01T00:05:00Z"}]}"#;
    let (seen, ended) = asked(&["holder", "sessions", "list", "h-1"], "", vec![json(200, session)]);
    assert_eq!(seen[0].0, "GET /api/v1/admin/holders/h-1/sessions");
    assert!(ended.out.contains("192.0.2.1") && !ended.out.contains('\u{1b}'), "{:?}", ended.out);
    let (seen, ended) = asked(&["holder", "sessions", "end", "h-1"], "", vec![json(204, "")]);
    assert_eq!((seen[0].0.as_str(), ended.code), ("DELETE /api/v1/admin/holders/h-1/sessions", 0));
}

#[test]
fn a_version_of_the_pepper_with_nothing_under_it_is_pointed_out() {
    let versions = r#"{"versions":[
        {"version":1,"current":false,"total":0,"kept":{}},
        {"version":2,"current":false,"total":1200,"kept":{"passwords":1000,"pin-keys":200}},
        {"version":3,"current":true,"total":0,"kept":{}}]}"#;
    let (seen, ended) = asked(&["holder", "pepper"], "", vec![json(200, versions)]);
    assert_eq!((seen[0].0.as_str(), ended.code), ("GET /api/v1/admin/pepper", 0));
    assert!(ended.out.contains("1,000 passwords, 200 pin-keys"), "{}", ended.out);
    assert!(ended.err.contains("under version 1"), "{}", ended.err);
    assert_eq!(ended.err.matches("taken out").count(), 1, "{}", ended.err);
}

#[test]
fn json_is_what_the_service_said() {
    let (_, ended) = asked(&["holder", "show", "h-1", "--json"], "", vec![json(200, HOLDER)]);
    assert_eq!(body(&ended.out), body(HOLDER));
}
