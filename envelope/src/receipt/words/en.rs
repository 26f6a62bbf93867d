//! The receipt in English.

use super::Words;
use crate::Language;

pub(super) const WORDS: Words = Words {
    tag: "en",
    title: "Receipt of signatures",
    holder: "Holder",
    user_id: "User ID",
    time: "Time asked for",
    made_at: "Made",
    count: "Signatures listed",
    meaning: "What this receipt is",
    is: "It lists what the service recorded in the holder’s history at the time of each signature: \
         when it was made, with which key and certificate, and over which hash. The documents are \
         not in it, for the service never sees them.",
    is_not: "It is no signature and proves no document by itself. A signature is checked with the \
             signed document, the signature value and the certificate; a timestamp with its token.",
    signatures: "Signatures",
    none: "The history has no signature in this time.",
    made: "signed",
    failed: "not signed",
    failed_means: "Where a row says “not signed”, a try ended without a signature: none left the \
                   service.",
    algorithm: "Algorithm",
    entry: "history entry",
    hash: "Hash",
    credential: "Credential",
    certificate: "Certificate",
    not_recorded: "not recorded",
    timestamp: "Timestamp",
    not_stamped: "none",
    one: "This one signature",
    frame: "From {from}, included, to {to}, excluded",
    beginning: "the beginning",
    making: "the making of this receipt",
    page: "Page {page} of {pages}",
    at: "at",
    language: Language::En,
};
