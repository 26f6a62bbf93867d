//! What can be typed.

use super::fake::run;
use crate::cli::Cli;
use crate::cli::values::{Hex, Moment, ServiceUrl};
use clap::{CommandFactory, Parser};

fn accepts(line: &str) -> bool {
    Cli::try_parse_from(line.split(' ')).is_ok()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_public_commands_parse() {
    for line in [
        "marca demo",
        "marca demo --data d --listen [::1]:0 --tsu-key rsa3072",
        "marca serve --config marca.toml",
        "marca config default",
        "marca config check --config marca.toml",
        "marca account create acme --stamps 5 --expires 2027-01-01 --reason x",
        "marca account list",
        "marca account list --server http://h:1 --admin-token-file t --json",
        "marca account show acme --json --server https://h",
        "marca account suspend acme --reason x",
        "marca account reactivate acme",
        "marca account close acme --yes",
        "marca account password acme",
        "marca account key create acme --label ci --json",
        "marca account key list acme --server http://h",
        "marca account key revoke acme marca_12",
        "marca account certificate add acme c.pem",
        "marca account certificate list acme",
        "marca stamps grant acme 10",
        "marca stamps refund acme --serial 0193e0f2a4b35c6d7e8f901122334455",
        "marca stamps void acme --lot 3",
        "marca stamps statement acme --from 2026-01-01 --to 2027-01-01T00:00:00Z --json",
        "marca tsu list",
        "marca tsu show main --pem",
        "marca tsu create pq --key ml-dsa-65 --policy 1.2.3 --policy 1.2.4 --key-store hsm",
        "marca tsu create r --key rsa3072 --padding pss --policy 1.2.3 --certified-by outside",
        "marca tsu create r --key p256 --policy 1.2 --prepare-days 30 --activate-days 7",
        "marca tsu new-key main --reason x",
        "marca tsu csr main",
        "marca tsu import main chain.pem --generation 2",
        "marca tsu activate main --at 2027-01-31",
        "marca tsu retire main --generation 1 --destroy-key --revoke superseded --yes",
        "marca ca list",
        "marca ca show 0A:0b --pem",
        "marca ca certificates --ca holders --status revoked",
        "marca ca issue --profile remote --csr a.csr --country IT --given-name A --surname B",
        "marca ca suspend 0a0b --until 2027-01-31",
        "marca ca reactivate 0a0b",
        "marca ca revoke 0a0b --because key-compromise --invalid-since 2026-01-01 --yes",
        "marca ca crl issuing",
        "marca time status --json",
        "marca trail list --category key --from 2026-01-01 --limit 5",
        "marca trail export --out trail.jsonl",
        "marca completions bash",
        "marca store check --data d --json",
        "marca store backup --data d --to e",
        "marca store restore --data d --from e",
        "marca store rebuild --data d",
        "marca bench",
        "marca bench --url https://h --user u --password-file f --tsu t --ca-file c --json",
        "marca bench --key k --raw rsa3072 --hash sha3-512 --cert-req --rate 0.5 --threads 2",
    ] {
        assert!(accepts(line), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "marca",
        "marca demo --tsu-key rsa1024",
        "marca demo --listen localhost",
        "marca serve",
        "marca account create acme",
        "marca account create acme --stamps -1",
        "marca account create acme --stamps 5 --expires tomorrow",
        "marca account list --server ftp://h",
        "marca account certificate add acme",
        "marca account certificate add acme c.pem --sha256 00",
        "marca stamps refund acme --serial 01",
        "marca stamps refund acme",
        "marca tsu show main --pem --json",
        "marca tsu create x --policy 1.2.3",
        "marca tsu create x --key p256",
        "marca tsu create x --key p256 --policy 1.2 --prepare-days 30",
        "marca tsu retire main --revoke certificate-hold",
        "marca tsu activate main --at tomorrow",
        "marca ca show nothing",
        "marca ca show 000102030405060708090a0b0c0d0e0f1011121314",
        "marca ca revoke 0a",
        "marca ca revoke 0a --because unspecified",
        "marca ca issue --profile tsu --csr a.csr --country IT",
        "marca ca certificates --status lost",
        "marca trail list --category gossip",
        "marca trail list --limit 0",
        "marca store check",
        "marca store backup --data d",
        "marca bench --user u",
        "marca bench --key k --user u --password-file f",
        "marca bench --connections 0",
        "marca bench --rate 0",
        "marca bench --rate NaN",
        "marca bench --hash sha1",
    ] {
        assert!(!accepts(line), "{line}");
    }
}

#[test]
fn usage_faults_have_code_2() {
    let error = Cli::try_parse_from(["marca", "serve"]).unwrap_err();
    assert_eq!(error.exit_code(), i32::from(crate::cli::error::USAGE));
}

#[test]
fn the_demo_keeps_to_loopback() {
    let ended = run(&["demo", "--listen", "0.0.0.0:3161"], "");
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("not a loopback address"), "{}", ended.err);
    let ended = run(&["demo", "--listen", "[::1]:0"], "");
    assert_eq!((ended.code, ended.err.as_str()), (1, "marca: demo on [::1]:0\n"));
}

#[test]
fn the_configuration_is_printed_and_checked() {
    assert_eq!(run(&["config", "default"], "").out, "# the default\n");
    let ended = run(&["config", "check", "--config", "a.toml"], "");
    assert_eq!((ended.code, ended.out.as_str()), (0, "a.toml: no fault found\n"));
}

#[test]
fn a_completion_script_knows_the_commands() {
    let ended = run(&["completions", "bash"], "");
    assert!(ended.code == 0 && ended.out.contains("statement"), "{}", ended.out);
}

#[test]
fn a_date_is_its_first_moment() {
    let moment = |text: &str| text.parse::<Moment>().map(|moment| moment.to_string());
    assert_eq!(moment("2027-01-31").as_deref(), Ok("2027-01-31T00:00:00Z"));
    assert_eq!(moment("2027-01-31T12:00:00+02:00").as_deref(), Ok("2027-01-31T10:00:00Z"));
    assert_eq!(moment("2027-01-31T12:00:00.25Z").as_deref(), Ok("2027-01-31T12:00:00.250Z"));
    for wrong in ["2027-02-30", "2027-1-1x", "31.01.2027", "2027-01-31 noon", ""] {
        assert!(moment(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_address_is_taken_apart() {
    let url: ServiceUrl = "https://[::1]:8443/base/".parse().unwrap();
    assert_eq!((url.host(), url.port(), url.path()), ("::1", 8443, "/base"));
    assert_eq!((url.authority(), url.is_https()), ("[::1]:8443", true));
    let url: ServiceUrl = "http://tsa.example".parse().unwrap();
    assert_eq!((url.host(), url.port(), url.path()), ("tsa.example", 80, ""));
    assert_eq!(url.to_string(), "http://tsa.example");
    for wrong in ["tsa.example", "/tsa", "http://u:p@h", "http://h/?q", "ftp://h", ""] {
        assert!(wrong.parse::<ServiceUrl>().is_err(), "{wrong}");
    }
}

#[test]
fn hex_is_taken_in_every_common_spelling() {
    let hex = |text: &str| text.parse::<Hex<2>>().map(|hex| hex.to_string());
    assert_eq!(hex("AB:0c").as_deref(), Ok("ab0c"));
    assert_eq!(hex("ab0c").as_deref(), Ok("ab0c"));
    for wrong in ["ab", "ab0c00", "abcg", "abc"] {
        assert!(hex(wrong).is_err(), "{wrong}");
    }
}
