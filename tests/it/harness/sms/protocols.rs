//! What each protocol says: a request taken apart and checked, and the answer to it.

use super::reports::{now, webhook_signature};
use super::{Behaviour, PASSWORD, Protocol, Shared, ShortMessage, USER, WEBHOOK_SECRET};
use crate::harness::http::basic;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request, read whole.
struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// One request, one answer.
pub(super) fn answer(
    protocol: Protocol,
    stream: &TcpStream,
    shared: &Shared,
) -> std::io::Result<()> {
    let request = read_request(stream)?;
    *shared.asked.lock().unwrap() += 1;
    let behaviour = *shared.behaviour.lock().unwrap();
    let (status, body) = match (allowed(protocol, &request), behaviour) {
        (Err(why), _) => {
            eprintln!("the gateway refuses: {why}");
            (if protocol == Protocol::Kannel { 403 } else { 401 }, why)
        }
        (Ok(message), Behaviour::Refuse) => (400, refusal(protocol, &message.to)),
        (Ok(_), Behaviour::Unavailable) => (503, "later".to_owned()),
        (Ok(_), Behaviour::Redirect) => (307, String::new()),
        (Ok(mut message), behaviour) => {
            let mut messages = shared.messages.lock().unwrap();
            if protocol == Protocol::Twilio {
                message.id = format!("SM{:032x}", messages.len());
            }
            let answer = acceptance(protocol, &message.id);
            messages.push(message);
            if behaviour == Behaviour::TakeAndHangUp {
                return Ok(());
            }
            answer
        }
    };
    let mut out = stream;
    write!(
        out,
        "HTTP/1.1 {status} as a test wants it\r\nContent-Length: {}\r\n\
         Location: http://127.0.0.1:9/elsewhere\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn acceptance(protocol: Protocol, id: &str) -> (u16, String) {
    match protocol {
        Protocol::Webhook => (200, json!({ "id": id }).to_string()),
        Protocol::Kannel => (202, "0: Accepted for delivery".to_owned()),
        Protocol::Twilio => (201, json!({ "sid": id, "status": "queued" }).to_string()),
    }
}

fn refusal(protocol: Protocol, to: &str) -> String {
    let words = format!("The 'To' number {to} is not a valid phone number.");
    match protocol {
        Protocol::Twilio => json!({ "code": 21211, "message": words, "status": 400 }).to_string(),
        Protocol::Webhook => json!({ "error": words }).to_string(),
        Protocol::Kannel => words,
    }
}

/// The message, when whoever asks may.
fn allowed(protocol: Protocol, request: &Request) -> Result<ShortMessage, String> {
    match protocol {
        Protocol::Webhook => webhook(request),
        Protocol::Kannel => kannel(request),
        Protocol::Twilio => twilio(request),
    }
}

fn webhook(request: &Request) -> Result<ShortMessage, String> {
    let header = |name: &str| request.headers.get(name).cloned().ok_or(format!("no {name}"));
    let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
    let at: u64 = at.parse().map_err(|_| "a timestamp that is no number".to_owned())?;
    let wanted = webhook_signature(WEBHOOK_SECRET, &id, at, &request.body);
    if header("webhook-signature")? != wanted || now().abs_diff(at) > 300 {
        return Err("a wrong signature".to_owned());
    }
    let body: Value = serde_json::from_str(&request.body).map_err(|error| error.to_string())?;
    let member = |name: &str| body[name].as_str().map(str::to_owned).ok_or(format!("no {name}"));
    if member("id")? != id {
        return Err("two ids".to_owned());
    }
    let callback = member("report_to")?;
    Ok(ShortMessage {
        id,
        to: member("to")?,
        from: member("from")?,
        text: member("text")?,
        callback,
    })
}

/// Kannel's user guide, "SMS-push" parameters of `sendsms`.
fn kannel(request: &Request) -> Result<ShortMessage, String> {
    let target = request.line.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields = form(query);
    let field = |name: &str| fields.get(name).cloned().ok_or(format!("no {name}"));
    if path != "/cgi-bin/sendsms" || !request.line.starts_with("GET ") {
        return Err(format!("not sendsms: {path}"));
    }
    if field("username")? != USER || field("password")? != PASSWORD {
        return Err("Authorization failed for sendsms".to_owned());
    }
    let text = field("text")?;
    let coding = field("coding")?;
    let plain = text.chars().all(|c| c.is_ascii() || "àèéìòùÇ£§".contains(c));
    if coding != if plain { "0" } else { "2" } || field("charset")? != "UTF-8" {
        return Err(format!("coding {coding} for: {text}"));
    }
    let callback = field("dlr-url")?;
    let id = callback.split('/').nth(6).unwrap_or_default().to_owned();
    Ok(ShortMessage { id, to: field("to")?, from: field("from")?, text, callback })
}

fn twilio(request: &Request) -> Result<ShortMessage, String> {
    let wanted = format!("POST /2010-04-01/Accounts/{USER}/Messages.json HTTP/1.1");
    if request.line != wanted {
        return Err(request.line.clone());
    }
    if request.headers.get("authorization") != Some(&basic(USER, PASSWORD)) {
        return Err("a wrong login".to_owned());
    }
    let fields = form(&request.body);
    let field = |name: &str| fields.get(name).cloned().ok_or(format!("no {name}"));
    let (id, callback) = (String::new(), field("StatusCallback")?);
    Ok(ShortMessage { id, to: field("To")?, from: field("From")?, text: field("Body")?, callback })
}

fn read_request(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request {
        line: line.trim_end().to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

/// `application/x-www-form-urlencoded`.
fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (unescaped(name), unescaped(value))).collect()
}

fn unescaped(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let hex = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(octets).unwrap()
}

pub(super) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|octet| match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(octet).to_string(),
            _ => format!("%{octet:02X}"),
        })
        .collect()
}
