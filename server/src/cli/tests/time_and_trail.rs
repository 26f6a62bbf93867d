//! `marca time` and `marca trail`: what is asked for, and what is told.

use super::fake::{Answer, Fake, json, problem};
use serde_json::{Value, json as object};

fn time(state: &str, available: bool) -> Value {
    object!({ "mode": "ntp", "state": state, "since": "2026-11-22T10:00:00Z",
        "available": available, "reason": null, "offset_us": -1500, "error_us": 2345,
        "kernel": { "synchronised": true }, "sources": [
        { "server": "ntp1.example", "standing": "truechimer", "stratum": 1, "offset_us": -1400,
          "root_distance_us": 2100, "last": "2026-11-22T10:00:01Z", "problem": null },
        { "server": "ntp2.example", "standing": "unreachable", "stratum": null,
          "offset_us": null, "root_distance_us": null, "last": null,
          "problem": "no answer within 2 s" }]})
}

#[test]
fn the_clock_is_told_with_every_server() {
    let fake = Fake::start(vec![json(200, &time("in-sync", true).to_string())]);
    let ended = fake.run(&["time", "status"], "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    for part in [
        "state   in-sync since 2026-11-22 10:00:00\n",
        "error   within 2.345 ms\n",
        "offset  -1.500 ms\n",
        "kernel  says that it is synchronised\n",
        "truechimer",
        "unreachable: no",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(ended.out.lines().all(|line| line.chars().count() <= 80), "{}", ended.out);
    assert_eq!(fake.asked()[0].line, "GET /api/v1/admin/time");
}

#[test]
fn a_clock_without_time_has_code_1() {
    for line in [&["time", "status"][..], &["time", "status", "--json"]] {
        let mut status = time("out-of-sync", false);
        status["reason"] = object!("no three servers agree");
        let fake = Fake::start(vec![json(200, &status.to_string())]);
        let ended = fake.run(line, "");
        assert_eq!(ended.code, 1);
        assert!(ended.out.contains("no three servers agree"), "{}", ended.out);
    }
}

#[test]
fn the_machines_clock_is_called_by_its_name() {
    let status = object!({ "state": "machine-clock", "since": "2026-11-22T10:00:00Z",
        "available": true, "offset_us": null, "error_us": null, "sources": [] });
    let fake = Fake::start(vec![json(200, &status.to_string())]);
    let ended = fake.run(&["time", "status"], "");
    assert!(ended.out.contains("error   not measured\n"), "{}", ended.out);
    assert!(ended.err.contains("this machine's clock is trusted"), "{}", ended.err);
}

fn event(number: u64) -> Value {
    object!({ "sequence": number, "at": "2026-11-22T10:00:00Z", "category": "certificate",
        "action": "certificate-suspended", "actor": "admin", "subject": "certificate 3f2a",
        "outcome": "success", "details": [["reason", "card lost"]],
        "previous_hash": "00", "hash": "01" })
}

#[test]
fn events_are_shown_up_to_the_limit_over_short_pages() {
    let page = |events: &[u64], next: Value| {
        let events: Vec<Value> = events.iter().map(|number| event(*number)).collect();
        json(200, &object!({ "events": events, "next": next }).to_string())
    };
    let answers = vec![page(&[1], object!(4)), page(&[], object!(8)), page(&[9], object!(9))];
    let fake = Fake::start(answers);
    let line = ["trail", "list", "--category", "certificate", "--from", "2026-01-01", "--limit"];
    let ended = fake.run(&[&line[..], &["2"]].concat(), "");
    let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let event = "certificate-suspended: certificate 3f2a, by admin; reason card lost";
    assert_eq!(words.matches(event).count(), 2, "{}", ended.out);
    let asked = fake.asked();
    let query = "category=certificate&from=2026-01-01T00%3A00%3A00Z";
    assert_eq!(asked[0].line, format!("GET /api/v1/admin/trail?after=0&{query}&limit=2"));
    assert_eq!(asked[1].line, format!("GET /api/v1/admin/trail?after=4&{query}&limit=1"));
    assert_eq!(asked[2].line, format!("GET /api/v1/admin/trail?after=8&{query}&limit=1"));
}

/// Whoever looks what happened just now is told that these are not the newest, or asks for those.
#[test]
fn the_newest_events_are_asked_for_by_their_number() {
    let page = |events: &[u64], next: Value| {
        let events: Vec<Value> = events.iter().map(|number| event(*number)).collect();
        let head = object!({ "count": 349, "hash": "00" });
        json(200, &object!({ "events": events, "next": next, "head": head }).to_string())
    };
    let fake = Fake::start(vec![page(&[1, 2], object!(2))]);
    let ended = fake.run(&["trail", "list", "--limit", "2"], "");
    assert!(ended.err.contains("`--after 2` goes on"), "{}", ended.err);

    let fake = Fake::start(vec![page(&[1], object!(1)), page(&[348, 349], Value::Null)]);
    let ended = fake.run(&["trail", "list", "--last", "2"], "");
    assert_eq!(ended.err, "");
    assert!(ended.out.contains("   348  ") && ended.out.contains("   349  "), "{}", ended.out);
    assert_eq!(fake.asked()[1].line, "GET /api/v1/admin/trail?after=347&limit=1000");

    // Of a kind, the newest are at the end of what can be anywhere.
    let answers = vec![page(&[1, 7], object!(300)), page(&[301], Value::Null)];
    let fake = Fake::start(answers);
    let ended = fake.run(&["trail", "list", "--last", "2", "--category", "certificate"], "");
    assert!(!ended.out.contains("     1  ") && ended.out.contains("   301  "), "{}", ended.out);
}

#[test]
fn an_export_is_written_line_by_line_and_never_over_a_file() {
    let lines = format!("{}\n{}\n", event(1), event(2));
    let answer = || Answer { status: 200, media_type: "application/jsonl", body: lines.clone() };
    let fake = Fake::start(vec![answer()]);
    let file = fake.token_file().with_file_name("trail.jsonl");
    let line = ["trail", "export", "--out", file.to_str().unwrap()];
    let ended = fake.run(&line, "");
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("2 events written"), "{}", ended.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), lines);
    assert_eq!(fake.run(&line, "").code, 2, "the file is there");
    let asked = fake.asked();
    assert_eq!(asked[0].line, "GET /api/v1/admin/trail?after=0");
    assert!(asked[0].head.iter().any(|line| line.contains("application/jsonl")));

    let fake = Fake::start(vec![answer()]);
    assert_eq!(fake.run(&["trail", "export"], "").out, lines);
}

#[test]
fn a_refused_export_is_told_as_a_problem() {
    let fake = Fake::start(vec![problem(401, "x", "the token is needed")]);
    let ended = fake.run(&["trail", "export"], "");
    assert!(ended.code == 1 && ended.err.contains("the token is needed"), "{}", ended.err);
    assert!(ended.err.contains("--admin-token-file"), "{}", ended.err);
}
