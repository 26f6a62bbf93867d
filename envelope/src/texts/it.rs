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
            "I codici della Sua firma remota"
        } else {
            "I nuovi codici della Sua firma remota"
        },
        lead: "Questo foglio contiene i codici segreti della Sua firma remota. Li ha soltanto \
               Lei: il servizio non ne conserva alcuna copia leggibile.",
        holder: "Titolare",
        user_id: "ID utente",
        issued: "Data di emissione",
        issued_on: day(envelope.language, envelope.issued_at.date_naive()),
        sections: vec![first, lost_phone(envelope), secret(envelope)],
        codes: "I Suoi codici",
        pin: Explained {
            name: "PIN",
            meaning: if activation {
                "Serve una volta sola, per attivare la firma. In seguito confermerà ogni firma \
                 con il PIN scelto da Lei."
            } else {
                "Conferma ogni firma. È il PIN che ha mantenuto o scelto durante il rinnovo; \
                 nessun altro lo conosce."
            },
        },
        own_pin: "quello scelto da Lei",
        puk: Explained {
            name: "PUK",
            meaning: "Permette di impostare un nuovo PIN, se il Suo è bloccato o dimenticato. Lo \
                      conservi finché ha la firma.",
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
                "Apra {} e acceda con il Suo ID utente e la prima password che ha ricevuto. \
                 Scelga una nuova password.",
                envelope.portal_address
            ),
            "Quando la pagina li chiede, digiti il PIN e il PUK di questo foglio.".to_owned(),
            "Scelga un Suo PIN di 8 cifre, lo digiti due volte e confermi con il codice che \
             arriva sul Suo telefono. Da quel momento il PIN di questo foglio non serve più."
                .to_owned(),
        ],
    }
}

fn renewed(envelope: &Envelope<'_>) -> Section {
    Section {
        heading: "Che cosa cambia con il rinnovo",
        steps: vec![
            format!("Non c’è nulla da attivare. Acceda a {} come prima.", envelope.portal_address),
            "Il Suo PIN è quello che ha mantenuto o scelto durante il rinnovo. Non è stampato qui."
                .to_owned(),
            "Il PUK e il codice di emergenza qui sotto valgono per il nuovo certificato. \
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
                "Apra {} e digiti il Suo ID utente e il codice di emergenza. La firma si blocca \
                 subito.",
                envelope.suspension_address
            ),
            "Per passare a un nuovo numero di telefono tenga a portata di mano il PUK e il \
             codice di emergenza: Le saranno chiesti entrambi."
                .to_owned(),
        ],
    }
}

fn secret(envelope: &Envelope<'_>) -> Section {
    let mut text = "Non comunichi mai a nessuno il PIN, il PUK o il codice di emergenza, né per \
                    telefono, né per e-mail o messaggio. Il nostro personale non li chiede mai. \
                    Conservi questo foglio lontano dal telefono, dove solo Lei può trovarlo."
        .to_owned();
    if let Some(support) = envelope.support {
        text += &format!(" Domande? {support}");
    }
    Section { heading: "Tenga segreti i codici", steps: vec![text] }
}
