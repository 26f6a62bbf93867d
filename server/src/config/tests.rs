//! Every fault of a configuration names its file and its key.

use super::{Config, DEFAULT};
use std::path::Path;

/// The default configuration with the one decision made that it leaves open.
fn decided() -> String {
    DEFAULT.replace("# trust_machine_clock = false", "trust_machine_clock = true")
}

fn error(change: impl Fn(&str) -> String) -> String {
    let text = change(&decided());
    assert_ne!(text, decided(), "the change changed nothing");
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
    let config = Config::parse(Path::new("default.toml"), &decided()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3161");
    assert_eq!(config.tsu.len(), 1);
}

/// The commented lines of the default file show the defaults that are in force.
#[test]
fn the_commented_defaults_are_the_defaults() {
    // What belongs into a section that is not there by default names it, or a file of the operator.
    let optional = [
        "[tls]",
        "[hsm]",
        "[mail]",
        "[sms]",
        "[[tsu]] id",
        "[server] true",
        "[holders] without",
        "/etc/marca",
    ];
    let uncommented: String = DEFAULT
        .lines()
        .filter(|line| !line.starts_with("# ") || !optional.iter().any(|word| line.contains(word)))
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => rest,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let all = Config::read(Path::new("all.toml"), &uncommented).unwrap();
    let default = Config::read(Path::new("default.toml"), DEFAULT).unwrap();
    assert_eq!(format!("{all:?}"), format!("{default:?}"));
    assert!(uncommented.matches(" = ").count() > 40, "too few keys were uncommented");
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

#[test]
fn a_service_without_a_choice_of_time_is_refused_with_the_way_out() {
    let refused = Config::parse(Path::new("marca.toml"), DEFAULT).unwrap_err().to_string();
    assert!(refused.starts_with("marca.toml: time.servers: there is none"), "{refused}");
    assert!(refused.contains("servers = [\"ntp1.example.org\""), "{refused}");
    assert!(refused.contains("time.trust_machine_clock = true"), "{refused}");
    // The demo decides for itself.
    assert!(Config::default_in(Path::new("d")).unwrap().time.trust_machine_clock);
}

fn timed(lines: &str) -> String {
    let text = DEFAULT.replace("# servers = []", &format!("{lines} #"));
    match Config::parse(Path::new("marca.toml"), &text) {
        Ok(config) => format!("{} servers", config.time.servers.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_quorum_that_can_never_be_is_refused() {
    assert_eq!(timed("servers = [\"a\", \"b:123\", \"[::1]:123\"]"), "3 servers");
    let few = timed("servers = [\"a\", \"b\"]");
    assert!(few.contains("time.servers: 2 can never be 3 that agree"), "{few}");
    let twice = timed("servers = [\"a\", \"b\", \"A\"]");
    assert!(twice.contains("\"A\" is there twice"), "{twice}");
    let wrong = timed("servers = [\"a\", \"b\", \"ntp://c\"]");
    assert!(wrong.contains("\"ntp://c\" is not HOST or HOST:PORT"), "{wrong}");
    let both = timed("servers = [\"a\", \"b\", \"c\"]\ntrust_machine_clock = true");
    assert!(both.contains("take one of the two away"), "{both}");
    let alone = timed("min_agree = 1\nservers = [\"a\"]");
    assert!(alone.contains("time.min_agree"), "{alone}");
}

#[test]
fn an_accuracy_finer_than_the_clock_is_refused() {
    let text = DEFAULT
        .replace("# servers = []", "servers = [\"a\", \"b\", \"c\"] #")
        .replace("accuracy_ms = 1000", "accuracy_ms = 8");
    let error = Config::parse(Path::new("marca.toml"), &text).unwrap_err().to_string();
    assert!(error.contains("tsu.tsu1.accuracy_ms: 8 is finer"), "{error}");
    assert!(error.contains("at least 9 with time.poll_s = 64"), "{error}");
    let fits = text.replace("accuracy_ms = 8", "accuracy_ms = 9");
    assert!(Config::parse(Path::new("marca.toml"), &fits).is_ok());
}

#[test]
fn a_device_is_named_before_it_is_used() {
    let absent = "\"hsm\" and there is no [hsm]";
    let unit = replaced("# key_store = \"file\"\n# How", "key_store = \"hsm\"\n# How");
    assert!(unit.contains("tsu.tsu1.key_store") && unit.contains(absent), "{unit}");
    let ca = replaced("# key_store = \"file\"\n# A rev", "key_store = \"hsm\"\n# A rev");
    assert!(ca.contains("ca.key_store") && ca.contains(absent), "{ca}");
    let holders = replaced("# key_store = \"file\"\n# Arg", "key_store = \"hsm\"\n# Arg");
    assert!(holders.contains("holders.key_store") && holders.contains(absent), "{holders}");
    let hsm = "[hsm]\nmodule = \"m.so\"\ntoken = \"t\"\npin_file = \"/p\"\n[ca]";
    assert!(replaced("[ca]\n", &format!("{hsm}\n")).contains("hsm.module: \"m.so\" is not an abs"));
}

#[test]
fn a_list_is_replaced_before_it_ends() {
    let text = replaced("# crl_every_hours = 24", "crl_every_hours = 72");
    assert!(text.contains("ca.crl_every_hours: 72 is not below ca.crl_hours = 72"), "{text}");
    assert!(replaced("# crl_hours = 72", "crl_hours = 0").contains("ca.crl_hours"));
    let twins =
        replaced("# holders_name = \"Marca Holders CA\"", "holders_name = \"Marca Root CA\"");
    assert!(twins.contains("ca.holders_name"), "{twins}");
}

fn mailed(lines: &str) -> String {
    let section = format!("[mail]\n{lines}\n[ca]\n");
    let text = decided().replace("[ca]\n", &section);
    match Config::parse(Path::new("marca.toml"), &text) {
        Ok(_) => "good".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mail_goes_over_tls_or_stays_on_the_machine() {
    let to = "from = \"a@b.example\"\noperator = [\"Op <c@d.example>\"]";
    let relay = |host: &str, more: &str| mailed(&format!("smtp = \"{host}\"\n{to}\n{more}"));
    assert_eq!(relay("relay.example:587", ""), "good");
    assert_eq!(relay("127.0.0.1:25", "tls = \"none\""), "good");
    assert!(relay("relay.example:25", "tls = \"none\"").contains("mail.tls"));
    assert!(relay("relay.example", "").contains("mail.smtp"));
    assert!(relay("h:25", "user = \"u\"").contains("mail.user"));
    let nobody = mailed("smtp = \"h:25\"\nfrom = \"a@b.example\"\noperator = []");
    assert!(nobody.contains("mail.operator"), "{nobody}");
    let wrong = mailed("smtp = \"h:25\"\nfrom = \"a\"\noperator = [\"c@d.example\"]");
    assert!(wrong.contains("mail.from"), "{wrong}");
}

#[test]
fn pairs_paddings_and_rollovers_have_to_fit() {
    let companion = "# companion = \"pq\"";
    assert!(replaced(companion, "companion = \"pq\" #").contains("not the id of another"));
    assert!(replaced(companion, "companion = \"tsu1\" #").contains("not the id of another"));
    let chain = error(|text| {
        let second = "id = \"b\"\nkey = \"p384\"\npolicies = [\"1.2.3\"]\naccuracy_ms = 1000\n";
        text.replace(companion, "companion = \"b\" #")
            + &format!("\n[[tsu]]\n{second}companion = \"tsu1\"\n")
    });
    assert!(chain.contains("has a companion itself"), "{chain}");
    assert!(replaced("# padding = \"pkcs1\"", "padding = \"pss\"").contains("tsu.tsu1.padding"));
    let late = replaced("# prepare_days = 30", "prepare_days = 7");
    assert!(late.contains("tsu.tsu1.prepare_days: 7 is not above activate_days = 7"), "{late}");
}
