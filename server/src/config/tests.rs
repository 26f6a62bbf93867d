//! Every fault of a configuration names its file and its key.

use super::{Config, DEFAULT};
use std::path::Path;

fn error(change: impl Fn(&str) -> String) -> String {
    let text = change(DEFAULT);
    assert_ne!(text, DEFAULT, "the change changed nothing");
    match Config::parse(Path::new("marca.toml"), &text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

fn replaced(from: &str, to: &str) -> String {
    error(|text| text.replace(from, to))
}

#[test]
fn the_default_configuration_is_good_and_complete() {
    let config = Config::parse(Path::new("default.toml"), DEFAULT).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3161");
    assert_eq!(config.tsu.len(), 1);
}

/// The commented lines of the default file show the defaults that are in force.
#[test]
fn the_commented_defaults_are_the_defaults() {
    let uncommented: String = DEFAULT
        .lines()
        .filter(|line| !line.contains("[tls]") && !line.contains("/etc/marca"))
        .filter(|line| !line.contains("[server] allow"))
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => rest,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let all = Config::parse(Path::new("all.toml"), &uncommented).unwrap();
    let default = Config::parse(Path::new("default.toml"), DEFAULT).unwrap();
    assert_eq!(format!("{all:?}"), format!("{default:?}"));
    assert!(uncommented.matches(" = ").count() > 25, "too few keys were uncommented");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let text = replaced("accuracy_ms = 1000", "accuracy_ms = 1000\nacuracy = 1");
    assert!(text.starts_with("marca.toml: TOML parse error at line "), "{text}");
    assert!(text.contains("unknown field `acuracy`"), "{text}");
}

#[test]
fn values_out_of_range_are_named_with_the_range() {
    assert_eq!(
        replaced("accuracy_ms = 1000", "accuracy_ms = 1001"),
        "marca.toml: tsu.tsu1.accuracy_ms: 1001 is not within 1 to 1000"
    );
    assert_eq!(
        replaced("# memory_kib = 19456", "memory_kib = 1024"),
        "marca.toml: passwords.memory_kib: 1024 is not within 19456 to 4194304"
    );
    assert_eq!(
        replaced("# segment_mib = 32", "segment_mib = 0"),
        "marca.toml: data.segment_mib: 0 is not within 1 to 1024"
    );
}

#[test]
fn an_open_address_without_tls_is_refused_by_name() {
    let text = replaced("listen = \"127.0.0.1:3161\"", "listen = \"0.0.0.0:3161\"");
    assert!(text.starts_with("marca.toml: server.listen: 0.0.0.0:3161 is open"), "{text}");
    assert!(text.contains("allow_plain_http"), "{text}");
}

#[test]
fn unusable_units_are_refused() {
    assert!(replaced("id = \"tsu1\"", "id = \"../x\"").contains("tsu.id"));
    assert!(replaced("id = \"tsu1\"", "id = \"key\"").contains("tsu.id"));
    assert!(replaced("key = \"p256\"", "key = \"rsa1024\"").contains("tsu.tsu1.key"));
    assert!(replaced("\"0.4.0.2023.1.1\"", "\"9.9\"").contains("tsu.tsu1.policies"));
    assert!(replaced("[\"0.4.0.2023.1.1\"]", "[]").contains("tsu.tsu1.policies"));
    let twice = error(|text| {
        text.to_owned()
            + "\n[[tsu]]\nid = \"tsu1\"\nkey = \"p384\"\npolicies = [\"1.2.3\"]\naccuracy_ms = 1\n"
    });
    assert!(twice.contains("is there twice"), "{twice}");
}

#[test]
fn wrong_names_and_levels_are_refused() {
    assert!(replaced("# country = \"IT\"", "country = \"Italy\"").contains("ca.country"));
    assert!(replaced("# level = \"info\"", "level = \"marca=loud\"").contains("log.level"));
    for url in ["http://h/", "ftp://h", "http://", "http://u@h", "http://h?q", "http://\\\">h"] {
        let line = format!("public_url = \"{url}\"");
        let text = replaced("public_url = \"http://127.0.0.1:3161\"", &line);
        assert!(text.contains("server.public_url"), "{text}");
    }
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Config::load(Path::new("/nonexistent/marca.toml")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/marca.toml"), "{error}");
    assert!(error.contains("marca config default"), "{error}");
}
