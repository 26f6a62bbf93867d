//! The page in English.

use super::{Explained, Section, Texts, day};
use crate::Envelope;

pub(super) fn texts(envelope: &Envelope<'_>) -> Texts {
    let activation = envelope.codes.pin.is_some();
    let first = if activation { activate(envelope) } else { renewed(envelope) };
    Texts {
        tag: "en",
        title: if activation {
            "The codes of your remote signature"
        } else {
            "New codes for your remote signature"
        },
        lead: "This sheet holds the secret codes of your remote signature. Nobody else has them: \
               the service keeps no copy that anybody could read.",
        holder: "Holder",
        user_id: "User ID",
        issued: "Issued on",
        issued_on: day(envelope.language, envelope.issued_at.date_naive()),
        sections: vec![first, lost_phone(envelope), secret(envelope)],
        codes: "Your codes",
        pin: Explained {
            name: "PIN",
            meaning: if activation {
                "Needed once, to activate. After that you confirm what you sign with the PIN that \
                 you chose."
            } else {
                "Confirms what you sign. It is the PIN that you chose; nobody else knows it."
            },
        },
        own_pin: "your own",
        puk: Explained {
            name: "PUK",
            meaning: "Sets a new PIN, once, when yours is locked or forgotten. A new sheet with \
                      the next PUK comes then.",
        },
        emergency_code: Explained {
            name: "Emergency code",
            meaning: "Stops all signing at once, without a password, when something is wrong.",
        },
        number: Explained {
            name: "Envelope number",
            meaning: "Tells our staff which sheet you have. It opens nothing: you may tell it.",
        },
    }
}

fn activate(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "Activate your signature",
        steps: vec![
            format!(
                "Choose your password by the address in our message. Then open {} and sign in with \
                 your user ID and that password.",
                envelope.portal_address
            ),
            "When the page asks for them, type the PIN and the PUK of this sheet.".to_owned(),
            "Choose your own PIN of 8 digits, type it twice, and confirm with the code that \
             reaches your phone. From then on the PIN of this sheet is of no more use."
                .to_owned(),
        ],
    }
}

fn renewed(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "What is new",
        steps: vec![
            format!(
                "There is nothing to activate. Sign in at {} as before.",
                envelope.portal_address
            ),
            "Your PIN is the one that you chose. It is not printed here.".to_owned(),
            "The PUK and the emergency code below take the place of those before. Keep this sheet \
             in place of the earlier one."
                .to_owned(),
        ],
    }
}

fn lost_phone(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "If you lose your phone, or fear that somebody else can sign",
        steps: vec![
            format!(
                "Open {} and type your user ID and the emergency code. Signing stops at once.",
                envelope.suspension_address
            ),
            "To change to a new phone number, have the PUK and the emergency code at hand: you \
             are asked for both."
                .to_owned(),
        ],
    }
}

fn secret(envelope: &Envelope<'_>) -> Section {
    let mut text = "Never tell the PIN, the PUK or the emergency code to anybody, by telephone, \
                    e-mail or message. Our staff never asks for them. Keep this sheet away from \
                    your phone, where only you can find it."
        .to_owned();
    if let Some(support) = envelope.support {
        text += &format!(" Questions? {support}");
    }
    Section { heading: "Keep the codes secret", steps: vec![text] }
}
