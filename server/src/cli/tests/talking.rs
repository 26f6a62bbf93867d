//! What the service is asked for a command, and what is printed of its answer.

use super::fake::{Answer, Fake, json};
use serde_json::{Value, json as object};

const ACCOUNT: &str = r#"{"id":"sa-7","name":"acme","status":"active","remaining":1499,"used":1,
  "reserved":2,"expiring":{"count":500,"at":"2028-01-01T00:00:00Z"},
  "lots":[{"id":1,"quantity":500,"remaining":499,"category":"paid","priority":100,
    "effective_at":"2026-01-01T00:00:00Z","expires_at":"2028-01-01T00:00:00Z",
    "unit_price":"0.08","vat_rate":"22","order":"4711"}],
  "created_at":"2026-01-01T00:00:00Z"}"#;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn create_prints_the_five_members_of_the_contract() {
    let answer = r#"{"id":"sa-7","name":"acme","password":"pw","api_key":"marca_k","stamps":5,
        "added_later":1}"#;
    let fake = Fake::start(vec![json(201, answer)]);
    let line = ["account", "create", "acme", "--stamps", "5", "--expires", "2028-01-01", "--json"];
    let ended = fake.run(&line, "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(
        body(&ended.out),
        object!({ "id": "sa-7", "name": "acme", "password": "pw", "api_key": "marca_k",
            "stamps": 5 })
    );
    let asked = fake.asked();
    assert_eq!(asked[0].line, "POST /api/v1/admin/accounts");
    assert_eq!(
        body(&asked[0].body),
        object!({ "name": "acme", "stamps": 5, "expires_at": "2028-01-01T00:00:00Z" })
    );
    let authorized =
        |line: &String| line.eq_ignore_ascii_case("authorization: Bearer secret-token");
    assert!(asked[0].head.iter().any(authorized), "{:?}", asked[0].head);
}

#[test]
fn create_warns_beside_the_result_that_secrets_are_shown_once() {
    let answer = r#"{"id":"sa-7","name":"acme","password":"pw","api_key":"marca_k","stamps":5}"#;
    let fake = Fake::start(vec![json(201, answer)]);
    let ended = fake.run(&["account", "create", "acme", "--stamps", "5"], "");
    assert_eq!(ended.out, "account   acme (sa-7)\nstamps    5\npassword  pw\nAPI key   marca_k\n");
    assert!(ended.err.contains("this once"), "{}", ended.err);
}

#[test]
fn show_is_a_summary_and_a_table_of_lots() {
    let fake = Fake::start(vec![json(200, ACCOUNT)]);
    let ended = fake.run(&["account", "show", "a/c me"], "");
    assert!(ended.out.contains("remaining  1,499\nused       1\nreserved   2\n"), "{}", ended.out);
    assert!(ended.out.contains("expiring   500 at 2028-01-01 00:00:00 UTC"), "{}", ended.out);
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
    assert_eq!(fake.asked()[0].line, "GET /api/v1/admin/accounts/a%2Fc%20me");
}

/// What begins to count later is told, so that the lots and what remains add up.
#[test]
fn lots_that_are_not_good_yet_say_from_when_they_are() {
    let account = r#"{"id":"sa-7","name":"acme","status":"active","remaining":500,"used":0,
        "lots":[{"id":"lot-1","quantity":500,"remaining":500,"category":"paid","priority":100,
            "effective_at":"2026-01-01T00:00:00Z","order":"4711"},
          {"id":"lot-3","quantity":50,"remaining":50,"category":"promotional","priority":10,
            "effective_at":"2027-01-01T00:00:00Z"}]}"#;
    let fake = Fake::start(vec![json(200, account)]);
    let ended = fake.run(&["account", "show", "acme"], "");
    let told = "remaining  500\nnot yet    50 in lots that are not good yet\n";
    assert!(ended.out.contains(told), "{}", ended.out);
    let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("GOOD FROM (UTC), ORDER"), "{words}");
    assert!(words.contains("- 2027-01-01 00:00:00"), "{words}");

    let lot = r#"{"id":"lot-3","quantity":50,"remaining":50,
        "effective_at":"2027-01-01T00:00:00Z","expires_at":null}"#;
    let fake = Fake::start(vec![json(201, lot)]);
    let line = ["stamps", "grant", "acme", "50", "--effective", "2027-01-01"];
    let out = fake.run(&line, "").out;
    let told = "lot lot-3, good from 2027-01-01 00:00:00 UTC, without expiry\n";
    assert!(out.ends_with(told), "{out}");
}

#[test]
fn list_follows_the_pages() {
    let page = |id: &str, next: &str| {
        let account = ACCOUNT.replace("sa-7", id);
        json(200, &format!(r#"{{"accounts":[{account}],"next":{next}}}"#))
    };
    let fake = Fake::start(vec![page("sa-1", "\"sa-1\""), page("sa-2", "null")]);
    let ended = fake.run(&["account", "list"], "");
    assert_eq!(
        ended.out,
        "ID    STATUS  REMAINING  USED  NAME\n\
         sa-1  active      1,499     1  acme\n\
         sa-2  active      1,499     1  acme\n"
    );
    let asked = fake.asked();
    assert_eq!(asked[0].line, "GET /api/v1/admin/accounts?limit=500");
    assert_eq!(asked[1].line, "GET /api/v1/admin/accounts?limit=500&after=sa-1");
}

#[test]
fn closing_asks_for_the_name() {
    let fake = Fake::start(vec![json(200, ACCOUNT)]);
    let ended = fake.run(&["account", "close", "acme"], "acne\n");
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("1,499 stamps remain on it"), "{}", ended.err);
    assert!(ended.err.contains("nothing was changed"), "{}", ended.err);
    assert_eq!(fake.asked().len(), 1, "nothing but the look at the account");

    let closed = ACCOUNT.replace("active", "closed");
    let fake = Fake::start(vec![json(200, ACCOUNT), json(200, &closed)]);
    let ended = fake.run(&["account", "close", "acme", "--reason", "over"], "acme\n");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (0, "account acme (sa-7) is closed, 1,499 stamps remain\n")
    );
    let asked = fake.asked();
    assert_eq!(asked[1].line, "POST /api/v1/admin/accounts/acme/close");
    assert_eq!(body(&asked[1].body), object!({ "reason": "over" }));
}

#[test]
fn closing_with_yes_does_not_ask() {
    let fake = Fake::start(vec![json(200, ACCOUNT)]);
    assert_eq!(fake.run(&["account", "close", "acme", "--yes"], "").code, 0);
    assert_eq!(fake.asked()[0].line, "POST /api/v1/admin/accounts/acme/close");
}

#[test]
fn the_other_changes_ask_for_what_they_say() {
    for (line, answer, asked) in [
        ("account suspend acme", ACCOUNT, "POST /api/v1/admin/accounts/acme/suspend"),
        ("account reactivate acme", ACCOUNT, "POST /api/v1/admin/accounts/acme/reactivate"),
        (
            "account password acme",
            r#"{"password":"pw"}"#,
            "POST /api/v1/admin/accounts/acme/password",
        ),
        (
            "account key create acme",
            r#"{"prefix":"p","api_key":"k"}"#,
            "POST /api/v1/admin/accounts/acme/api-keys",
        ),
        ("account key list acme", r#"{"api_keys":[]}"#, "GET /api/v1/admin/accounts/acme/api-keys"),
        (
            "account certificate list acme",
            r#"{"certificates":[]}"#,
            "GET /api/v1/admin/accounts/acme/certificates",
        ),
        (
            "stamps void acme --lot 3",
            r#"{"id":3,"quantity":5,"remaining":0}"#,
            "POST /api/v1/admin/accounts/acme/lots/lot-3/void",
        ),
        ("tsu list", r#"{"tsus":[]}"#, "GET /api/v1/admin/tsus"),
    ] {
        let fake = Fake::start(vec![json(200, answer)]);
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended = fake.run(&arguments, "");
        assert_eq!(ended.code, 0, "{line}: {}", ended.err);
        assert_eq!(fake.asked()[0].line, asked, "{line}");
    }
}

#[test]
fn what_is_deleted_is_named_in_the_path() {
    let gone = || vec![Answer { status: 204, media_type: "", body: String::new() }];
    let fake = Fake::start(gone());
    assert_eq!(fake.run(&["account", "key", "revoke", "acme", "marca_12"], "").code, 0);
    assert_eq!(fake.asked()[0].line, "DELETE /api/v1/admin/accounts/acme/api-keys/marca_12");

    let digest = "AB".repeat(32);
    let fake = Fake::start(gone());
    let ended = fake.run(&["account", "certificate", "remove", "acme", &digest], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    let path = format!("DELETE /api/v1/admin/accounts/acme/certificates/{}", "ab".repeat(32));
    assert_eq!(fake.asked()[0].line, path);
}

#[test]
fn a_private_key_is_never_sent_as_a_certificate() {
    let fake = Fake::start(vec![]);
    let file = fake.token_file().with_file_name("both.pem");
    let pem = "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
    std::fs::write(&file, pem).unwrap();
    let ended = fake.run(&["account", "certificate", "add", "acme", file.to_str().unwrap()], "");
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("private key"), "{}", ended.err);
}

#[test]
fn a_refund_names_the_serial() {
    let fake = Fake::start(vec![json(200, r#"{"remaining":5,"used":1}"#)]);
    let serial = "0193E0F2A4B35C6D7E8F901122334455";
    let ended = fake.run(&["stamps", "refund", "acme", "--serial", serial], "");
    assert_eq!(ended.out, "one stamp given back to acme: 5 remaining, 1 used\n");
    let asked = fake.asked();
    assert_eq!(asked[0].line, "POST /api/v1/admin/accounts/acme/refunds");
    assert_eq!(body(&asked[0].body)["serial"], serial.to_lowercase());
}

#[test]
fn a_statement_is_put_together_from_its_pages() {
    let at = "2026-01-01T00:00:00Z";
    let entry = |seq: u32| object!({ "seq": seq, "at": at, "kind": "debit", "quantity": 1 });
    let page = |seq: u32, closing: Value, next: Value| {
        let page = object!({ "account": "sa-7", "from": null, "to": null,
            "opening": { "remaining": 9, "used": seq }, "entries": [entry(seq)],
            "closing": closing, "next": next });
        json(200, &page.to_string())
    };
    let answers = || {
        vec![
            page(1, Value::Null, object!(1)),
            page(2, object!({ "remaining": 7, "used": 3 }), Value::Null),
        ]
    };
    let fake = Fake::start(answers());
    let ended = fake.run(&["stamps", "statement", "acme", "--from", "2026-01-01", "--json"], "");
    let whole = body(&ended.out);
    assert_eq!(whole["entries"], object!([entry(1), entry(2)]));
    assert_eq!(whole["opening"]["used"], 1, "the opening of the first page");
    assert_eq!(whole["closing"]["used"], 3, "the closing of the last page");
    assert_eq!(whole["next"], Value::Null);
    let asked = fake.asked();
    let first = "GET /api/v1/admin/accounts/acme/statement?limit=500&from=2026-01-01T00%3A00%3A00Z";
    assert_eq!(asked[0].line, first);
    assert_eq!(asked[1].line, format!("{first}&after=1"));
}

#[test]
fn a_unit_is_shown_and_its_certificate_alone() {
    let unit = object!({ "id": "main", "default": true, "key": "p256", "policies": ["1.2.3"],
        "accuracy_ms": 999.5, "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2030-01-01T00:00:00Z", "private_key_usage_end": null,
        "issued_by": "CN=Issuing", "certificate_sha256": "ab", "usable": false,
        "problem": "the clock is not synchronised", "certificate": "-----BEGIN…\n" });
    let fake = Fake::start(vec![json(200, &unit.to_string()), json(200, &unit.to_string())]);
    let ended = fake.run(&["tsu", "show", "main"], "");
    assert!(
        ended.out.contains("state        not usable: the clock is not synchronised\n"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("accuracy     999.5 ms\n"), "{}", ended.out);
    assert_eq!(fake.run(&["tsu", "show", "main", "--pem"], "").out, "-----BEGIN…\n");
}
