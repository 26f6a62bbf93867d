//! PEM text in and out (RFC 7468): certificates, chains of them, and key files.
//!
//! The bytes inside are kept exactly as they are: a certificate's hash is taken over them.

use openssl::base64;

/// One block of a PEM file.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What the block says it is, such as `CERTIFICATE`.
    pub label: String,
    /// The content.
    pub der: Vec<u8>,
}

// A block may hold a private key: its bytes stay out of logs.
impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?}, {} bytes)", self.label, self.der.len())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.der);
    }
}

/// Why a text is not PEM.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemError {
    /// There is no block at all.
    #[error("no PEM block: a line -----BEGIN ...----- is missing")]
    Empty,
    /// A block is not closed, or closed under another name.
    #[error("the PEM block {label:?} that begins on line {line} has no matching END line")]
    Unclosed {
        /// The label of the BEGIN line.
        label: String,
        /// The line of BEGIN, counted from 1.
        line: usize,
    },
    /// The content is not base64.
    #[error("the PEM block {label:?} that begins on line {line} is not valid base64")]
    Base64 {
        /// The label of the BEGIN line.
        label: String,
        /// The line of BEGIN, counted from 1.
        line: usize,
    },
    /// A bundle of certificates holds something else.
    #[error("a PEM block {label:?} stands where only CERTIFICATE blocks belong")]
    NotACertificate {
        /// The label found.
        label: String,
    },
}

/// The certificates of a bundle, in the order of the file.
///
/// # Errors
/// [`PemError`] when the text is not PEM, holds no block, or holds anything but certificates.
pub fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    let take = |mut block: Block| match block.label.as_str() {
        "CERTIFICATE" => Ok(std::mem::take(&mut block.der)),
        _ => Err(PemError::NotACertificate { label: std::mem::take(&mut block.label) }),
    };
    decode(text)?.into_iter().map(take).collect()
}

/// A bundle of certificates, in the order given.
#[must_use]
pub fn bundle<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> String {
    certificates.into_iter().map(|der| encode("CERTIFICATE", der)).collect()
}

/// One block: lines of 64 characters, as RFC 7468 §2 has generators write them.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    // Room for everything at once: a text that grows leaves copies of a key behind.
    let mut text = String::with_capacity(der.len() / 48 * 65 + 2 * label.len() + 128);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    // 48 bytes make 64 characters.
    for line in der.chunks(48) {
        text.push_str(&base64::encode_block(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Every block of a text. What stands outside the blocks is explanatory text (RFC 7468 §5.2) and
/// is passed over.
///
/// # Errors
/// [`PemError`] when there is no block, or one is broken.
pub fn decode(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let text = String::from_utf8_lossy(text);
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end).zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(label) = marker(line, "-----BEGIN ") else { continue };
        blocks.push(block(label, number, &mut lines)?);
    }
    if blocks.is_empty() { Err(PemError::Empty) } else { Ok(blocks) }
}

fn block<'a>(
    label: &str,
    line: usize,
    lines: &mut impl Iterator<Item = (&'a str, usize)>,
) -> Result<Block, PemError> {
    let mut body = zeroize::Zeroizing::new(String::with_capacity(4096));
    for (text, _) in lines {
        match marker(text, "-----END ") {
            Some(end) if end == label => {
                let der = (!body.is_empty()).then(|| base64::decode_block(&body).ok()).flatten();
                return der
                    .map(|der| Block { label: label.to_owned(), der })
                    .ok_or_else(|| PemError::Base64 { label: label.to_owned(), line });
            }
            Some(_) => break,
            None if text.starts_with("-----BEGIN ") => break,
            None => body.push_str(text.trim_start()),
        }
    }
    Err(PemError::Unclosed { label: label.to_owned(), line })
}

fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}
