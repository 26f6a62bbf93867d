//! The page in Italian.

use super::{Explained, Section, Texts, day};
use crate::Envelope;

pub(super) const MONTHS: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];

pub(super) fn texts(envelope: &Envelope<'_>) -> Texts {
    let activation = envelope.codes.pin.is_some();
    let first = if activation { activate(envelope) } else { renewed(envelope) };
    Texts {
        tag: "it",
        title: if activation {
            "I codici della sua firma remota"
        } else {
            "I nuovi codici della sua firma remota"
        },
        lead: "Questo foglio contiene i codici segreti della sua firma remota. Li ha soltanto \
               lei: il servizio non ne conserva alcuna copia leggibile.",
        holder: "Titolare",
        user_id: "ID utente",
        issued: "Data di emissione",
        issued_on: day(envelope.language, envelope.issued_at.date_naive()),
        sections: vec![first, lost_phone(envelope), secret(envelope)],
        codes: "I suoi codici",
        pin: Explained {
            name: "PIN",
            meaning: if activation {
                "Serve una volta sola, per attivare la firma. In seguito confermerà ciò che firma \
                 con il PIN scelto da lei."
            } else {
                "Conferma ciò che firma. È il PIN scelto da lei; nessun altro lo conosce."
            },
        },
        own_pin: "quello scelto da lei",
        puk: Explained {
            name: "PUK",
            meaning: "Permette di impostare un nuovo PIN, una volta sola, se il suo è bloccato o \
                      dimenticato. Riceverà allora un nuovo foglio con il prossimo PUK.",
        },
        emergency_code: Explained {
            name: "Codice di emergenza",
            meaning: "Blocca subito ogni firma, senza password, quando qualcosa non va.",
        },
        number: Explained {
            name: "Numero di busta",
            meaning: "Indica al nostro personale di quale foglio si tratta. Non apre nulla: può \
                      comunicarlo.",
        },
    }
}

fn activate(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "Come attivare la firma",
        steps: vec![
            format!(
                "Scelga la password dall’indirizzo nel nostro messaggio. Poi apra {} e acceda con \
                 il suo ID utente e quella password.",
                envelope.portal_address
            ),
            "Quando la pagina li chiede, digiti il PIN e il PUK di questo foglio.".to_owned(),
            "Scelga un suo PIN di 8 cifre, lo digiti due volte e confermi con il codice che \
             arriva sul suo telefono. Da quel momento il PIN di questo foglio non serve più."
                .to_owned(),
        ],
    }
}

fn renewed(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "Che cosa c’è di nuovo",
        steps: vec![
            format!("Non c’è nulla da attivare. Acceda a {} come prima.", envelope.portal_address),
            "Il suo PIN è quello scelto da lei. Non è stampato qui.".to_owned(),
            "Il PUK e il codice di emergenza qui sotto prendono il posto dei precedenti. \
             Conservi questo foglio al posto del precedente."
                .to_owned(),
        ],
    }
}

fn lost_phone(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "Se perde il telefono o teme che altri possano firmare",
        steps: vec![
            format!(
                "Apra {} e digiti il suo ID utente e il codice di emergenza. La firma si blocca \
                 subito.",
                envelope.suspension_address
            ),
            "Per passare a un nuovo numero di telefono tenga a portata di mano il PUK e il \
             codice di emergenza: le saranno chiesti entrambi."
                .to_owned(),
        ],
    }
}

fn secret(envelope: &Envelope<'_>) -> Section {
    let mut text = "Non comunichi mai a nessuno il PIN, il PUK o il codice di emergenza, né per \
                    telefono, né per e-mail o messaggio. Il nostro personale non li chiede mai. \
                    Conservi questo foglio lontano dal telefono, dove solo lei può trovarlo."
        .to_owned();
    if let Some(support) = envelope.support {
        text += &format!(" Domande? {support}");
    }
    Section { heading: "Tenga segreti i codici", steps: vec![text] }
}
