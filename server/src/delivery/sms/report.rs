//! Delivery reports: what a gateway says later of a message that it took.

use chrono::{DateTime, Utc};

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// What the gateway calls the message.
    pub(crate) gateway_id: String,
    /// Whether it arrived.
    pub(crate) delivered: bool,
    /// The gateway's own words, shortened.
    pub(crate) detail: String,
}

/// A request that says it is a report.
pub(crate) struct ReportRequest<'a> {
    /// The segments of the path behind the gateway's name.
    pub(crate) rest: &'a [&'a str],
    /// What stands behind `?`, as it came.
    pub(crate) query: &'a str,
    /// A header's value.
    pub(crate) header: &'a dyn Fn(&str) -> Option<&'a str>,
    pub(crate) body: &'a [u8],
    /// When it came.
    pub(crate) at: DateTime<Utc>,
}

/// Nobody knows who sent it, or it makes no sense: both look the same from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportRefused;

/// The fields of a form, in order (`application/x-www-form-urlencoded`).
pub(super) fn fields(text: &str) -> Result<Vec<(String, String)>, ReportRefused> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((unescaped(name)?, unescaped(value)?))
        })
        .collect()
}

fn unescaped(text: &str) -> Result<String, ReportRefused> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let (hex, after) = rest.split_first_chunk::<2>().ok_or(ReportRefused)?;
                rest = after;
                let mut octet = [0];
                hex::decode_to_slice(hex, &mut octet).map_err(|_| ReportRefused)?;
                octet[0]
            }
            other => other,
        });
    }
    String::from_utf8(octets).map_err(|_| ReportRefused)
}
