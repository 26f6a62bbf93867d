//! `/dev/outbox`: the demo's mails and short messages, to be looked at. The demo alone has these
//! routes: [`routes`] wants an [`Outbox`], and [`crate::serve`] has none.

use super::problem::Problem;
use super::{GET, get, resource};
use crate::delivery::{Outbox, escape};
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path, ServiceConfig};
use serde::Serialize;
use std::sync::Arc;

/// The page around the messages.
const PAGE: &str = include_str!("outbox.html");

/// The routes of the demo's outbox.
pub(crate) fn routes(config: &mut ServiceConfig, outbox: &Arc<Outbox>) {
    config
        .app_data(Data::from(Arc::clone(outbox)))
        .service(resource("/dev/outbox", GET, [get(page)]))
        .service(resource("/dev/outbox.json", GET, [get(list)]))
        .service(resource("/dev/outbox/{number}/{name}", GET, [get(file)]));
}

#[derive(Serialize)]
struct Message {
    to: String,
    channel: &'static str,
    subject: String,
    text: String,
    attachments: Vec<File>,
    at: String,
}

#[derive(Serialize)]
struct File {
    name: String,
    url: String,
}

fn messages(outbox: &Outbox) -> Vec<Message> {
    let posted = outbox.newest_first().into_iter();
    let message = posted.map(|posted| {
        let number = posted.number;
        let file = posted.attachment.map(|file| File {
            url: format!("/dev/outbox/{number}/{}", file.name),
            name: file.name,
        });
        Message {
            to: posted.to,
            channel: posted.channel,
            subject: posted.subject,
            text: posted.text,
            attachments: file.into_iter().collect(),
            at: posted.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        }
    });
    message.collect()
}

/// `GET /dev/outbox.json`: newest first.
async fn list(outbox: Data<Outbox>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(messages(&outbox))
}

/// `GET /dev/outbox`: the same, for people.
async fn page(outbox: Data<Outbox>) -> HttpResponse {
    let messages: String = messages(&outbox).iter().map(article).collect();
    let messages = if messages.is_empty() { "<p>Nothing yet.</p>".to_owned() } else { messages };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(PAGE.replace("{messages}", &messages))
}

fn article(message: &Message) -> String {
    let Message { to, channel, subject, text, attachments, at } = message;
    let title = if subject.is_empty() { "Short message" } else { subject.as_str() };
    let files: String = attachments
        .iter()
        .map(|file| {
            format!("<p><a href=\"{}\">{}</a></p>\n", escape(&file.url), escape(&file.name))
        })
        .collect();
    format!(
        "<article>\n<h2>{}</h2>\n<p class=\"lead\">{channel} to {}, <time>{at}</time></p>\n\
         <pre>{}</pre>\n{files}</article>\n",
        escape(title),
        escape(to),
        linked(text)
    )
}

/// The text, with the addresses in it to be followed.
fn linked(text: &str) -> String {
    let word = |word: &str| match word.starts_with("http://") || word.starts_with("https://") {
        true => format!("<a href=\"{0}\">{0}</a>", escape(word)),
        false => escape(word),
    };
    let lines = text.split('\n').map(|line| {
        let words: Vec<String> = line.split(' ').map(word).collect();
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `GET /dev/outbox/{number}/{name}`: a file of a message.
async fn file(path: Path<(u64, String)>, outbox: Data<Outbox>) -> Result<HttpResponse, Problem> {
    let (number, name) = path.into_inner();
    let file = outbox.attachment(number).filter(|file| file.name == name);
    let file = file.ok_or(Problem::NotFound { what: "such file of a message" })?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, file.media_type))
        .insert_header((header::CONTENT_DISPOSITION, "attachment"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(file.bytes))
}
