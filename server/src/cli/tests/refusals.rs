//! How a refusal reads, and which exit code it gives.

use super::fake::{Answer, Fake, json, problem, run};
use std::net::TcpListener;

#[test]
fn a_problem_is_told_with_what_to_do() {
    let fake = Fake::start(vec![problem(404, "Not found", "there is no account `nobody`")]);
    let ended = fake.run(&["account", "show", "nobody"], "");
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert_eq!(
        ended.err,
        "marca: there is no account `nobody`\n`marca account list` shows what there is\n"
    );
}

/// The command that lists the things of this kind, and no other.
#[test]
fn what_is_not_there_is_listed_by_a_command_of_its_kind() {
    for (line, hint) in [
        (&["holder", "approve", "r-9"][..], "`marca holder requests --all`"),
        (&["holder", "request", "r-9"], "`marca holder requests --all`"),
        (&["holder", "history", "h-9"], "`marca holder list`"),
        (&["holder", "retry-message", "m-9"], "`marca holder messages`"),
        (&["ca", "crl", "holder"], "`marca ca list`"),
        (&["ca", "show", "3f2a"], "`marca ca certificates`"),
        (&["stamps", "void", "acme", "--lot", "9"], "`marca account show NAME`"),
        (&["stamps", "grant", "acme", "9"], "`marca account list`"),
        (&["tsu", "show", "x"], "`marca tsu list`"),
    ] {
        let fake = Fake::start(vec![problem(404, "Not found", "There is none.")]);
        let ended = fake.run(line, "");
        let wanted = format!("marca: There is none.\n{hint} shows what there is\n");
        assert_eq!(ended.err, wanted, "{line:?}");
    }
    let fake = Fake::start(vec![problem(409, "No", "It is approved.")]);
    let ended = fake.run(&["holder", "approve", "r-9"], "");
    assert!(ended.err.contains("`marca holder request ID`"), "{}", ended.err);
}

/// Waiting brings no configuration.
#[test]
fn what_does_not_come_by_waiting_is_not_waited_for() {
    let mut answer = problem(503, "No way to send messages", "there is no [mail]");
    answer.body = answer.body.replace("about:blank", "urn:marca:problem:no-channel");
    let fake = Fake::start(vec![answer]);
    let ended = fake.run(&["holder", "invite", "r-7"], "");
    assert_eq!(ended.err, "marca: there is no [mail]\nnothing was changed\n");
}

#[test]
fn every_refusal_has_code_1_and_says_something_useful() {
    for (status, hint) in [
        (400, "correct the value"),
        (401, "--admin-token-file"),
        (403, "--admin-token-file"),
        (409, "marca account show"),
        (422, "correct the value"),
        (429, "try again"),
        (500, "log of the service"),
        (503, "try again"),
    ] {
        let fake = Fake::start(vec![problem(status, "Refused", "the detail")]);
        let ended = fake.run(&["account", "suspend", "acme"], "");
        assert_eq!(ended.code, 1, "{status}");
        assert!(ended.err.starts_with("marca: the detail\n"), "{status}: {}", ended.err);
        assert!(ended.err.contains(hint), "{status}: {}", ended.err);
    }
}

#[test]
fn a_refused_token_is_named_even_without_a_problem() {
    let fake = Fake::start(vec![Answer { status: 401, media_type: "", body: String::new() }]);
    let ended = fake.run(&["tsu", "list"], "");
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains(fake.token_file().to_str().unwrap()), "{}", ended.err);
}

#[test]
fn somebody_else_at_the_address_is_noticed() {
    let page = Answer {
        status: 502,
        media_type: "text/html",
        body: "<h1>Bad gateway\u{1b}[2J</h1>".to_owned(),
    };
    let fake = Fake::start(vec![page]);
    let ended = fake.run(&["tsu", "list"], "");
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("status 502 and text/html"), "{}", ended.err);
    assert!(!ended.err.contains('\u{1b}'), "{:?}", ended.err);

    let fake = Fake::start(vec![json(200, "hello")]);
    let ended = fake.run(&["tsu", "list"], "");
    assert!(ended.code == 1 && ended.err.contains("without JSON"), "{}", ended.err);

    let fake = Fake::start(vec![json(200, r#"{"unexpected":true}"#)]);
    let ended = fake.run(&["account", "show", "acme"], "");
    assert!(ended.code == 1 && ended.err.contains("does not know"), "{}", ended.err);
}

#[test]
fn a_redirect_is_not_followed() {
    let fake = Fake::start(vec![Answer {
        status: 307,
        media_type: "text/plain\r\nLocation: http://127.0.0.1:9/",
        body: String::new(),
    }]);
    let ended = fake.run(&["tsu", "list"], "");
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("status 307"), "{}", ended.err);
}

#[test]
fn nobody_there_has_code_3_and_names_everything() {
    // The port was free a moment ago; binding and dropping is how one gets such a port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let directory = tempfile::TempDir::new().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "t").unwrap();
    let (server, token) = (format!("http://127.0.0.1:{port}"), token.to_str().unwrap());
    let ended = run(&["tsu", "list", "--server", &server, "--admin-token-file", token], "");
    assert_eq!(ended.code, 3);
    for part in [server.as_str(), token, "is the service running?", "--server"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
}

#[test]
fn a_token_that_cannot_be_read_has_code_3_and_names_the_file() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("empty"), "\n").unwrap();
    std::fs::write(file("text"), "two words").unwrap();
    std::fs::write(file("header"), "a\r\nX-Evil: 1").unwrap();
    for name in ["missing", "empty", "text", "header"] {
        let ended = run(&["tsu", "list", "--admin-token-file", &file(name)], "");
        assert_eq!(ended.code, 3, "{name}");
        assert!(ended.err.contains(&file(name)), "{name}: {}", ended.err);
        assert!(ended.err.contains("is the service running?"), "{name}: {}", ended.err);
    }
}

#[test]
fn a_private_ca_must_be_a_certificate() {
    let fake = Fake::start(vec![]);
    let token = fake.token_file();
    let ended = fake.run(&["tsu", "list", "--ca-file", token.to_str().unwrap()], "");
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no PEM certificate"), "{}", ended.err);
}
