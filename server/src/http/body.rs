//! Reading a small request body: bounded in size and in time, never decompressed.

use super::problem::Problem;
use crate::connections::Connection;
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_util::StreamExt;
use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// The largest body of most routes, in bytes.
pub(crate) const LIMIT: usize = 16 * 1024;

/// Checks that the body is of media type `expected` (parameters are allowed) and not encoded.
pub(crate) fn check_media_type(
    request: &HttpRequest,
    expected: &'static str,
) -> Result<(), Problem> {
    let refused = || Problem::UnsupportedMediaType { expected };
    let headers = request.headers();
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(refused());
    }
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.map(|value| value.split(';').next().unwrap_or(value).trim());
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case(expected) => Ok(()),
        _ => Err(refused()),
    }
}

/// The whole body, at most [`LIMIT`] bytes, all of it within `deadline`.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    deadline: Duration,
) -> Result<Bytes, Problem> {
    read_within(request, payload, LIMIT, deadline).await
}

/// As [`read`], for a body of at most `limit` bytes.
pub(crate) async fn read_within(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    deadline: Duration,
) -> Result<Bytes, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(Problem::TooLarge { limit });
    }
    let body = match tokio::time::timeout(deadline, collect(payload, limit)).await {
        Ok(body) => body?,
        Err(_elapsed) => return Err(Problem::BodyTimeout),
    };
    if let Some(connection) = request.conn_data::<Arc<Connection>>() {
        connection.body_read();
    }
    Ok(body)
}

/// A member that is a JSON object. As for a whole body, an array is refused.
pub(crate) trait Member: Sized {
    /// Reads it, in whatever form.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads a member that is an object and nothing else.
pub(crate) fn member<'de, T: Member, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Member> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::read(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// Reads a JSON object. An array is refused, whose members a structure would take by their places.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let refused = |reason: String| Problem::Invalid { field: "body".to_owned(), reason };
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(refused("not a JSON object, which begins with {".to_owned()));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| refused(format!("not the JSON object asked for: {error}")))
}

/// Most bodies come as one chunk, which is then used as it is.
async fn collect(mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| Problem::BrokenBody)?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(Problem::TooLarge { limit });
        }
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}
