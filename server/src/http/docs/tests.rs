//! Every file is there, whole, and goes out in pieces.

use super::*;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, http::Method};
use std::future::poll_fn;

#[test]
fn every_file_is_there() {
    let files = files();
    let names: Vec<_> = files.iter().map(|file| file.name).collect();
    assert_eq!(names, NAMES);
    let page = std::str::from_utf8(&files[0].content).unwrap();
    for attribute in ["src=\"", "href=\""] {
        for rest in page.split(attribute).skip(1) {
            let name = rest.split('"').next().unwrap().trim_start_matches("./");
            assert!(NAMES.contains(&name), "the page needs {name}");
        }
    }
    let settings = files.iter().find(|file| file.name == "swagger-initializer.js").unwrap();
    let settings = std::str::from_utf8(&settings.content).unwrap();
    assert!(settings.contains("\"url\": \"/api/v1/openapi.json\""), "{settings}");
    assert!(settings.contains("\"validatorUrl\": \"none\""), "{settings}");
}

/// The parts make the whole, none of them large, and no file is copied to be sent.
#[actix_web::test]
async fn a_file_goes_out_in_pieces() {
    let content = Bytes::from((0..=255).cycle().take(3 * PIECE + 7).collect::<Vec<u8>>());
    let mut body = std::pin::pin!(Pieces(content.clone()));
    let mut sent = Vec::new();
    while let Some(piece) = poll_fn(|context| body.as_mut().poll_next(context)).await {
        let piece = piece.unwrap();
        assert!(!piece.is_empty() && piece.len() <= PIECE);
        assert_eq!(piece.as_ptr(), content[sent.len()..].as_ptr());
        sent.extend_from_slice(&piece);
    }
    assert_eq!(sent, content);
}

#[actix_web::test]
async fn the_page_is_told_what_it_may_load() {
    let app = init_service(App::new().configure(routes)).await;
    let answer = call_service(&app, TestRequest::get().uri("/api/v1/docs/").to_request()).await;
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(header("content-security-policy"), Some(POLICY));
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    assert_eq!(header("referrer-policy"), Some("no-referrer"));
    let tag = header("etag").unwrap().to_owned();
    assert!(read_body(answer).await.starts_with(b"<!-- HTML"));

    let known = TestRequest::get().uri("/api/v1/docs/").insert_header(("if-none-match", tag));
    let answer = call_service(&app, known.to_request()).await;
    assert_eq!(answer.status(), 304);
    assert!(read_body(answer).await.is_empty());
}

#[actix_web::test]
async fn other_names_and_methods_are_problems() {
    let app = init_service(App::new().configure(routes)).await;
    for name in ["nope.js", "index.html", "../openapi.json", "%2e%2e/x", "swagger-ui.css/"] {
        let uri = format!("/api/v1/docs/{name}");
        let answer = call_service(&app, TestRequest::get().uri(&uri).to_request()).await;
        assert_eq!(answer.status(), 404, "{name}");
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/problem+json");
    }
    let post = TestRequest::default().method(Method::POST).uri("/api/v1/docs/").to_request();
    let answer = call_service(&app, post).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers().get("allow").unwrap(), "GET, HEAD");
}
