//! Signed OCSP answers that are kept to be given again: only those without a nonce, about one
//! certificate that we issued. Everybody who asks so gets the same bytes.
//!
//! An answer is dated with the version of its certificate's status. After a change the version is
//! another, so that an old answer is not given again even if it comes in here a moment late. It
//! names its responder for the same reason: what a revoked one signed is not given again.

use crate::tables::SerialKey;
use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// A longer request is answered and not kept.
const LONGEST_REQUEST: usize = 256;

/// The answers. Two generations: when the young one is full it becomes the old one, and what was
/// old is forgotten. So memory is bounded whatever is asked.
#[derive(Debug)]
pub(crate) struct Answers {
    generations: RwLock<Generations>,
    most: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<[u8]>, Answer>,
    old: HashMap<Box<[u8]>, Answer>,
}

/// A signed answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) der: Arc<[u8]>,
    pub(crate) serial: SerialKey,
    /// The version of the status that it tells.
    pub(crate) version: u16,
    /// The certificate of the responder that signed it; `None`: the CA itself did.
    pub(crate) responder: Option<SerialKey>,
    pub(crate) this_update: DateTime<Utc>,
    pub(crate) next_update: DateTime<Utc>,
    pub(crate) etag: Arc<str>,
}

impl Answers {
    /// Room for about so many answers.
    pub(crate) fn new(most: usize) -> Self {
        Self { generations: RwLock::default(), most: most / 2 }
    }

    /// The answer to the same request, byte for byte.
    pub(crate) fn get(&self, request: &[u8]) -> Option<Answer> {
        let generations = self.generations.read();
        generations.young.get(request).or_else(|| generations.old.get(request)).cloned()
    }

    pub(crate) fn insert(&self, request: &[u8], answer: Answer) {
        if request.len() > LONGEST_REQUEST || self.most == 0 {
            return;
        }
        let mut generations = self.generations.write();
        if generations.young.len() >= self.most {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(request.into(), answer);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.generations.write() = Generations::default();
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let generations = self.generations.read();
        generations.young.len() + generations.old.len()
    }
}
