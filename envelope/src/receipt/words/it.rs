//! The receipt in Italian.

use super::Words;
use crate::Language;

pub(super) const WORDS: Words = Words {
    tag: "it",
    title: "Ricevuta di firme",
    holder: "Titolare",
    user_id: "ID utente",
    time: "Periodo richiesto",
    made_at: "Emessa",
    count: "Firme elencate",
    meaning: "Che cos’è questa ricevuta",
    is: "Elenca ciò che il servizio ha annotato nella cronologia del titolare al momento di ogni \
         firma: quando è stata apposta, con quale chiave e certificato e su quale impronta. I \
         documenti non vi compaiono, perché il servizio non li vede mai.",
    is_not: "Non è una firma e da sola non prova alcun documento. Una firma si verifica con il \
             documento firmato, il valore della firma e il certificato; una marca temporale con il \
             suo token.",
    signatures: "Firme",
    none: "La cronologia non contiene firme in questo periodo.",
    made: "firmata",
    failed: "non firmata",
    failed_means: "Dove una riga dice «non firmata», il tentativo si è concluso senza firma: il \
                   servizio non ne ha consegnata alcuna.",
    algorithm: "Algoritmo",
    entry: "voce di cronologia",
    hash: "Impronta",
    credential: "Credenziale",
    certificate: "Certificato",
    not_recorded: "non annotato",
    timestamp: "Marca temporale",
    not_stamped: "nessuna",
    one: "Questa sola firma",
    frame: "Dal {from}, compreso, fino al {to}, escluso",
    beginning: "primo giorno",
    making: "momento dell’emissione",
    page: "Pagina {page} di {pages}",
    at: "alle",
    language: Language::It,
};
