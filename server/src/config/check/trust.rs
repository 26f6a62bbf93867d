//! The values of `[time]`, `[hsm]`, `[ca]` and `[mail]`.

use super::{Fault, fault, range};
use crate::config::{Config, KeyStore, MailConfig, MailTls};
use lettre::message::Mailbox;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

pub(super) fn check(config: &Config) -> Result<(), Fault> {
    check_time(config)?;
    check_hsm(config)?;
    check_ca(config)?;
    config.mail.as_ref().map_or(Ok(()), check_mail)
}

fn check_time(config: &Config) -> Result<(), Fault> {
    let time = &config.time;
    range("time.min_agree", time.min_agree, 2..=16)?;
    // RFC 5905 §7.2: MINPOLL is 4, so 16 s. That spares other people's servers; the ones on this
    // machine may be asked every second.
    let fastest =
        if !time.servers.is_empty() && time.servers.iter().all(|s| is_local(s)) { 1 } else { 16 };
    range("time.poll_s", time.poll_s, fastest..=1024)?;
    match (time.servers.is_empty(), time.trust_machine_clock) {
        (true, true) => return Ok(()),
        (true, false) => {
            return fault(
                "time.servers",
                "there is none, so nothing would vouch for the time in the tokens: name at least \
                 three NTP servers of different operators, as in servers = [\"ntp1.example.org\", \
                 \"ntp2.example.net\", \"ntp3.example.com\", \"ntp4.example.org\"]; or, where \
                 something else keeps this machine's clock right and watches over it, set \
                 time.trust_machine_clock = true",
            );
        }
        (false, true) => {
            return fault(
                "time.trust_machine_clock",
                "it is true and time.servers names servers: take one of the two away",
            );
        }
        (false, false) => {}
    }
    if time.servers.len() < time.min_agree {
        let (servers, wanted) = (time.servers.len(), time.min_agree);
        return fault(
            "time.servers",
            format!(
                "{servers} can never be {wanted} that agree (time.min_agree): name {wanted} or \
                 more, one more than that to bear the loss of one"
            ),
        );
    }
    let mut seen = HashSet::new();
    for server in &time.servers {
        if !is_host(server) {
            return fault("time.servers", format!("\"{server}\" is not HOST or HOST:PORT"));
        }
        if !seen.insert(server.to_ascii_lowercase()) {
            return fault(
                "time.servers",
                format!("\"{server}\" is there twice, and would count as two that agree"),
            );
        }
    }
    Ok(())
}

/// Whether a server is on this machine by its address.
fn is_local(server: &str) -> bool {
    let address = server.parse::<SocketAddr>().map(|address| address.ip());
    address.or_else(|_| server.parse::<IpAddr>()).is_ok_and(|address| address.is_loopback())
}

/// A name or an address, an IPv6 one in brackets when a port follows.
fn is_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    !text.is_empty() && text.len() <= 255 && text.chars().all(plain)
}

fn check_hsm(config: &Config) -> Result<(), Fault> {
    let user = config.tsu.iter().find(|unit| unit.key_store == KeyStore::Hsm);
    let user = user.map(|unit| format!("tsu.{}.key_store", unit.id));
    let of_ca = (config.ca.key_store == KeyStore::Hsm).then(|| "ca.key_store".to_owned());
    let of_holders = config.holders.key_store == KeyStore::Hsm;
    let of_holders = of_holders.then(|| "holders.key_store".to_owned());
    let Some(hsm) = &config.hsm else {
        return match of_ca.or(of_holders).or(user) {
            Some(key) => fault(
                key,
                "it is \"hsm\" and there is no [hsm]: add the section with module, token and \
                 pin_file",
            ),
            None => Ok(()),
        };
    };
    for (key, path) in [("hsm.module", &hsm.module), ("hsm.pin_file", &hsm.pin_file)] {
        if !path.is_absolute() {
            return fault(
                key,
                format!("\"{}\" is not an absolute path, as in /etc/marca/pin", path.display()),
            );
        }
    }
    // PKCS #11 v2.40, CK_TOKEN_INFO: the label has 32 bytes.
    if hsm.token.trim().is_empty() || hsm.token.len() > 32 {
        return fault("hsm.token", format!("\"{}\" is not 1 to 32 bytes long", hsm.token));
    }
    range("hsm.sessions", hsm.sessions, 1..=256)
}

fn check_ca(config: &Config) -> Result<(), Fault> {
    let ca = &config.ca;
    let country = &ca.country;
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return fault(
            "ca.country",
            format!("\"{country}\" is not a two-letter code, as in \"IT\""),
        );
    }
    let names = [
        ("ca.organization", &ca.organization),
        ("ca.root_name", &ca.root_name),
        ("ca.issuing_name", &ca.issuing_name),
        ("ca.holders_name", &ca.holders_name),
    ];
    for (key, name) in names {
        // RFC 5280 appendix A.1: ub-organization-name and ub-common-name are 64 characters.
        if name.trim().is_empty() || name.chars().count() > 64 {
            return fault(key, format!("\"{name}\" is not 1 to 64 characters long"));
        }
    }
    // Two CAs of one name cannot be told apart by an issuer's name (RFC 5280 section 4.1.2.4).
    let mut seen = HashSet::new();
    for (key, name) in names.into_iter().skip(1) {
        if !seen.insert(name) {
            return fault(key, format!("\"{name}\" is the name of another CA too"));
        }
    }
    range("ca.crl_hours", ca.crl_hours, 1..=168)?;
    if ca.crl_every_hours == 0 || ca.crl_every_hours >= ca.crl_hours {
        return fault(
            "ca.crl_every_hours",
            format!(
                "{} is not below ca.crl_hours = {}: a list must be replaced before it ends",
                ca.crl_every_hours, ca.crl_hours
            ),
        );
    }
    range("ca.ocsp_max_age_s", ca.ocsp_max_age_s, 1..=86_400)
}

fn check_mail(mail: &MailConfig) -> Result<(), Fault> {
    let host = mail.smtp.rsplit_once(':');
    let host = host.filter(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    let Some((host, _port)) = host.filter(|(host, _)| is_host(host)) else {
        return fault("mail.smtp", format!("\"{}\" is not HOST:PORT", mail.smtp));
    };
    let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if mail.tls == MailTls::None && !local {
        return fault(
            "mail.tls",
            format!(
                "it is \"none\" and {host} is another machine: use \"starttls\" or \"tls\", or a \
                 relay on this machine"
            ),
        );
    }
    if mail.user.is_some() != mail.password_file.is_some() {
        return fault(
            "mail.user",
            "mail.user and mail.password_file go together: give both or none",
        );
    }
    if mail.operator.is_empty() {
        return fault("mail.operator", "there is nobody to write to: name at least one address");
    }
    let from = std::iter::once(("mail.from", &mail.from));
    let from = from.chain(mail.reply_to.iter().map(|to| ("mail.reply_to", to)));
    for (key, address) in from.chain(mail.operator.iter().map(|to| ("mail.operator", to))) {
        if let Err(error) = address.parse::<Mailbox>() {
            return fault(key, format!("\"{address}\" is not a mail address: {error}"));
        }
    }
    Ok(())
}
