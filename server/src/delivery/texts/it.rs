//! The letters in Italian.

use super::letter::Letter;
use super::phrases::it::{MONTHS, NOT_ASKED, NOT_ME, NOT_ME_SIGNING, NOT_ME_TAKEN, NOT_MY_DEVICE};
use super::words::Words;

/// Italian.
pub(super) struct Italian;

fn for_good(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME)
}

fn taken(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME_TAKEN)
}

fn signing(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME_SIGNING)
}

impl Words for Italian {
    fn tag(&self) -> &'static str {
        "it"
    }

    fn greeting(&self, name: &str) -> String {
        if name.is_empty() { "Buongiorno,".to_owned() } else { format!("Gentile {name},") }
    }

    fn footer(&self, service: &str, support: Option<&str>) -> String {
        let answer = match support {
            Some(help) => format!("Domande? Si rivolga a {help}."),
            None => "Per favore non risponda.".to_owned(),
        };
        format!(
            "Questo messaggio è stato inviato automaticamente da {service}. {answer} Nessuno di \
             {service} le chiederà mai la password, il PIN, il PUK o un codice."
        )
    }

    fn copy_address(&self) -> &'static str {
        "Se non succede nulla, copi questo indirizzo nel suo browser:"
    }

    fn short_alarm(&self) -> &'static str {
        "Non è stato lei? Sospenda il certificato con il codice di emergenza."
    }

    fn moment(&self, date: &str, time: &str, zone: &str) -> String {
        format!("{date} alle {time} ({zone})")
    }

    fn date(&self, day: u32, month: usize, year: i32) -> String {
        // With "giorno" before it no number changes the article: "l'8", but "il giorno 8".
        format!("giorno {day} {} {year}", MONTHS.get(month).unwrap_or(&""))
    }

    fn zone(&self, city: &str) -> String {
        format!("ora di {}", if city == "Rome" { "Roma" } else { city })
    }

    fn envelope_ready(&self, url: &str, ends: &str) -> Letter {
        Letter::new("La sua busta, e come iniziare")
            .say(
                "La sua firma remota è pronta. Il PDF allegato è la sua busta: contiene il PIN, il \
                 PUK e il codice di emergenza. Si apre con la passphrase che ha scelto (o con il \
                 suo codice fiscale in maiuscolo, se ha scelto quello).",
            )
            .say("Conservi la busta dove solo lei può trovarla: non abbiamo copia dei codici.")
            .say(format!(
                "Ora scelga la sua password. L'indirizzo funziona una volta sola, fino al {ends}."
            ))
            .open("Attivi l'account", url)
    }

    fn first_password(&self, password: &str, url: &str, ends: &str) -> Letter {
        Letter::new("La sua prima password")
            .say("Questa è la sua prima password. La sostituirà al primo accesso.")
            .copy(password)
            .say(format!("Funziona fino al {ends}. Per accedere:"))
            .open("Acceda", url)
    }

    fn set_password(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Scelga la sua password")
            .say("Il suo account è pronto, e può scegliere la password.")
            .say(format!("L'indirizzo funziona una volta sola, fino al {ends}."))
            .open("Scelga la password", url)
            .say(NOT_ASKED)
    }

    fn registration_received(&self) -> Letter {
        Letter::new("Abbiamo ricevuto la sua richiesta")
            .say("Abbiamo ricevuto la sua richiesta di firma remota, e la esamineremo.")
            .say("Le scriveremo quando sarà decisa. Fino ad allora non deve fare nulla.")
    }

    fn registration_rejected(&self, reason: &str) -> Letter {
        Letter::new("La sua richiesta non è stata accettata")
            .say("Non abbiamo potuto accettare la sua richiesta di firma remota. Il motivo:")
            .list(vec![reason.to_owned()])
            .say("Può fare una nuova richiesta.")
    }

    fn already_registered(&self, url: &str) -> Letter {
        Letter::new("Ha già un account")
            .say(
                "Qualcuno, forse lei, ha chiesto un account con questo indirizzo e-mail. C'è già, \
                 e nulla è cambiato.",
            )
            .say("Se ha dimenticato la password, può impostarne una nuova nella pagina di accesso:")
            .open("Acceda", url)
            .say("Se non è stato lei, non deve fare nulla.")
    }

    fn recover_password(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Imposti una nuova password")
            .say("Ha chiesto di impostare una nuova password, perché ha dimenticato la vecchia.")
            .say(format!(
                "L'indirizzo funziona una volta sola, fino al {ends}. Serve anche un codice che \
                 riceverà sul telefono."
            ))
            .open("Imposti la password", url)
            .say(NOT_ASKED)
    }

    fn password_set(&self, at: &str) -> Letter {
        for_good("La password è stata impostata", &format!("Ha impostato la password il {at}."))
    }

    fn password_changed(&self, at: &str) -> Letter {
        for_good(
            "La password è stata cambiata",
            &format!(
                "La password del suo account è stata cambiata il {at}. Dagli altri dispositivi da \
                 cui aveva fatto l'accesso è stato disconnesso."
            ),
        )
    }

    fn password_recovered(&self, at: &str) -> Letter {
        for_good(
            "Una nuova password è stata impostata",
            &format!(
                "Il {at} è stata impostata una nuova password per il suo account, al posto di \
                 quella dimenticata. Dai dispositivi da cui aveva fatto l'accesso è stato \
                 disconnesso."
            ),
        )
    }

    fn login_locked(&self, until: Option<&str>) -> Letter {
        let wait = match until {
            Some(until) => format!("Può riprovare dal {until}."),
            None => "Per accedere di nuovo, imposti una nuova password con \"Ho dimenticato la \
                     password\" nella pagina di accesso."
                .to_owned(),
        };
        Letter::new("Troppe password sbagliate")
            .say("Qualcuno ha scritto troppe volte una password sbagliata per il suo account.")
            .say(wait)
            .say(
                "Il suo certificato di firma funziona come prima. Se non è stato lei, chi ha \
                 provato è rimasto fuori.",
            )
    }

    fn question_changed(&self, at: &str, removed: bool) -> Letter {
        let (subject, what) = match removed {
            true => ("La domanda segreta è stata rimossa", "rimossa"),
            false => ("La domanda segreta è stata cambiata", "impostata o cambiata"),
        };
        for_good(subject, &format!("La sua domanda segreta è stata {what} il {at}."))
    }

    fn confirm_email(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Confermi questo indirizzo e-mail")
            .say("Qualcuno, probabilmente lei, ha dato questo indirizzo e-mail per un account.")
            .say(format!("Per confermare che è suo, apra questo indirizzo entro il {ends}:"))
            .open("Confermi l'indirizzo", url)
            .say(NOT_ASKED)
    }

    fn email_change_requested(&self, new: &str, at: &str) -> Letter {
        for_good(
            "Richiesto un altro indirizzo e-mail",
            &format!(
                "Il {at} è stato chiesto un altro indirizzo e-mail per il suo account, per \
                 accedere o per gli avvisi: {new}. Non cambia nulla finché non viene confermato \
                 da lì."
            ),
        )
    }

    fn email_changed(&self, new: &str, at: &str) -> Letter {
        taken(
            "L'indirizzo e-mail è stato cambiato",
            &format!(
                "Dal {at} lei accede con {new}. Lo scriviamo al vecchio indirizzo e al nuovo."
            ),
        )
    }

    fn notice_email_changed(&self, new: &str, at: &str) -> Letter {
        for_good(
            "L'indirizzo per gli avvisi è cambiato",
            &format!("Dal {at} i nostri avvisi vanno anche a {new}."),
        )
    }

    fn phone_change_requested(&self, new: &str, at: &str, effective: &str) -> Letter {
        for_good(
            "Richiesto un altro numero di telefono",
            &format!(
                "Il {at} è stato chiesto di inviare i suoi codici a un altro numero di telefono: \
                 {new}. Vale dal {effective}. Fino ad allora può fermarlo: acceda e apra \
                 \"Numero di telefono\"."
            ),
        )
    }

    fn phone_changed(&self, new: &str, at: &str) -> Letter {
        taken(
            "Il numero di telefono è stato cambiato",
            &format!("Dal {at} i suoi codici vanno a un altro numero di telefono: {new}."),
        )
    }

    fn phone_change_waiting(&self, new: &str, at: &str, effective: &str, url: &str) -> Letter {
        Letter::new("Richiesto un altro numero di telefono")
            .say(format!(
                "Il {at} qualcuno che ha la sua busta ha chiesto di inviare i suoi codici a un \
                 altro numero di telefono: {new}. Vale dal {effective}, se non lo ferma."
            ))
            .say("Se è stato lei, non deve fare nulla. Se non è stato lei, lo fermi ora:")
            .open("Mantenga il vecchio numero", url)
            .alarm(NOT_ME)
    }

    fn phone_change_waiting_short(&self, new: &str, effective: &str) -> String {
        format!("dal {effective} i codici vanno a {new}. Non è lei? Lo fermi dal link nella mail.")
    }

    fn phone_change_cancelled(&self, new: &str, at: &str) -> Letter {
        Letter::new("Il numero di telefono resta quello")
            .say(format!("Il cambio al numero di telefono {new} è stato fermato il {at}."))
            .say("I suoi codici vanno al numero che aveva.")
    }

    fn otp_method_changed(&self, authenticator: bool, at: &str) -> Letter {
        let to = match authenticator {
            true => "arrivano dalla sua app di autenticazione",
            false => "arrivano per SMS",
        };
        taken(
            "I codici arrivano in un altro modo",
            &format!("Dal {at} i codici con cui conferma le operazioni {to}."),
        )
    }

    fn otp_locked(&self, until: &str) -> Letter {
        Letter::new("Troppi codici sbagliati")
            .say(format!(
                "Sono stati scritti troppi codici sbagliati per il suo account. Non ce ne sono di \
                 nuovi fino al {until}."
            ))
            .alarm(NOT_ME)
    }

    fn activated(&self, credential: &str, until: &str, at: &str) -> Letter {
        signing(
            "Il certificato di firma è attivo",
            &format!(
                "Il suo certificato di firma {credential} è stato attivato il {at}. Può firmare \
                 fino al {until}."
            ),
        )
    }

    fn pin_changed(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Il PIN è stato cambiato",
            &format!("Il PIN del suo certificato di firma {credential} è stato cambiato il {at}."),
        )
    }

    fn pin_locked(&self, credential: &str, at: &str) -> Letter {
        Letter::new("Il PIN è bloccato")
            .say(format!(
                "Il PIN del suo certificato di firma {credential} è stato scritto sbagliato troppe \
                 volte. È bloccato dal {at}."
            ))
            .say("Per continuare, acceda e scelga un nuovo PIN con il PUK della sua busta.")
            .alarm(NOT_ME_SIGNING)
    }

    fn puk_exhausted(&self, credential: &str, at: &str) -> Letter {
        Letter::new("Il certificato di firma è stato revocato")
            .say(format!(
                "Il PUK del suo certificato di firma {credential} è stato scritto sbagliato troppe \
                 volte. Il certificato è stato revocato definitivamente il {at}."
            ))
            .say("Per firmare ancora ne serve uno nuovo. Ci scriva.")
    }

    fn suspended(&self, credential: &str, until: Option<&str>, at: &str) -> Letter {
        let end = match until {
            Some(until) => format!("Tornerà a funzionare dal {until}."),
            None => "Tornerà a funzionare quando lei accederà e lo riattiverà.".to_owned(),
        };
        Letter::new("Il certificato di firma è sospeso")
            .say(format!("Il suo certificato di firma {credential} è stato sospeso il {at}."))
            .say(format!("Ora nessuno può firmare con esso. {end}"))
            .say(
                "Se è stato sospeso con il codice di emergenza, serve anche il PUK della sua \
                 busta; se lo abbiamo sospeso noi, solo noi possiamo riattivarlo.",
            )
    }

    fn suspension_ends(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Il certificato di firma funziona di nuovo",
            &format!(
                "La sospensione del suo certificato di firma {credential} è finita il {at}, come \
                 era stabilito. Può firmare di nuovo."
            ),
        )
    }

    fn reactivated(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Il certificato di firma è stato riattivato",
            &format!(
                "Il suo certificato di firma {credential} è stato riattivato il {at}. Può firmare \
                 di nuovo."
            ),
        )
    }

    fn revoked(&self, credential: &str, reason: &str, at: &str) -> Letter {
        let why = match reason {
            "cessation" => "Non è più richiesto.",
            "key-compromise" => "Qualcun altro potrebbe avere i suoi codici.",
            "affiliation-changed" => "Quello che dice di lei non è più così.",
            "superseded" => "Un altro ha preso il suo posto.",
            "privilege-withdrawn" => "L'account non può più averlo.",
            "codes-exhausted" => "I suoi codici sono stati scritti sbagliati troppe volte.",
            _ => "",
        };
        Letter::new("Il certificato di firma è stato revocato")
            .say(format!(
                "Il suo certificato di firma {credential} è stato revocato definitivamente il \
                 {at}. {why}"
            ))
            .say(match reason {
                "key-compromise" => {
                    "Ciò che ha firmato prima con una marca temporale resta valido."
                }
                _ => "Quello che ha firmato prima resta valido.",
            })
            .say("Per firmare ancora ne serve uno nuovo.")
    }

    fn renewal_due(&self, credential: &str, days: u32, until: &str) -> Letter {
        let days = if days == 1 { "1 giorno".to_owned() } else { format!("{days} giorni") };
        Letter::new(format!("Il certificato di firma scade entro {days}"))
            .say(format!("Può firmare con il suo certificato {credential} fino al {until}."))
            .say(
                "Per continuare a firmare, acceda e apra \"Aggiorna il certificato\". Bastano \
                 pochi minuti.",
            )
    }

    fn renewed(&self, credential: &str, until: &str, at: &str) -> Letter {
        Letter::new("Il certificato di firma è stato rinnovato")
            .say(format!(
                "Il suo certificato di firma {credential} è stato rinnovato il {at}. Può firmare \
                 fino al {until}."
            ))
            .say(
                "Il PDF allegato è la sua nuova busta, con un nuovo PUK e un nuovo codice di \
                 emergenza. Si apre con la passphrase che ha scelto durante il rinnovo (o con \
                 il suo codice fiscale in maiuscolo, se ha scelto quello). Il codice di emergenza \
                 precedente sospende ancora per 30 giorni.",
            )
            .alarm(NOT_ME_SIGNING)
    }

    fn signature_made(&self, credential: &str, count: u32, at: &str) -> Letter {
        let (subject, what) = match count {
            1 => ("Nuova firma apposta".to_owned(), "è stata fatta una firma".to_owned()),
            _ => (format!("Fatte {count} firme"), format!("sono state fatte {count} firme")),
        };
        signing(&subject, &format!("Il {at} {what} con il suo certificato {credential}."))
    }

    fn signature_summary(&self, day: &str, count: usize, times: Vec<String>) -> Letter {
        let (subject, what) = match count {
            1 => ("1 firma".to_owned(), "è stata fatta una firma".to_owned()),
            _ => (format!("{count} firme"), format!("sono state fatte {count} firme")),
        };
        let listed = times.len();
        let letter = Letter::new(format!("{subject} il {day}"))
            .say(format!("Il {day} {what} con i suoi certificati:"))
            .list(times);
        let letter = match listed < count {
            true => letter.say("La cronologia del suo account le mostra tutte."),
            false => letter,
        };
        letter.alarm(NOT_ME_SIGNING)
    }

    fn stamps_low(&self, account: &str, left: u64) -> Letter {
        let (subject, what) = match left {
            0 => ("Le marche sono finite".to_owned(), "non ha più marche".to_owned()),
            1 => ("Resta 1 marca".to_owned(), "ha ancora 1 marca".to_owned()),
            _ => (format!("Restano {left} marche"), format!("ha ancora {left} marche")),
        };
        Letter::new(subject)
            .say(format!("L'account di marcatura temporale {account} {what}."))
            .say("Quando non ce ne sono più, nessun documento può essere marcato.")
    }

    fn stamps_expiring(&self, account: &str, quantity: u64, until: &str) -> Letter {
        let (subject, what) = match quantity {
            1 => ("1 marca scade presto".to_owned(), "1 marca".to_owned()),
            _ => (format!("{quantity} marche scadono presto"), format!("{quantity} marche")),
        };
        let end = if quantity == 1 { "scade" } else { "scadono" };
        Letter::new(subject)
            .say(format!("Nell'account di marcatura temporale {account} {what} {end} il {until}."))
    }

    fn device_linked(&self, device: &str, at: &str) -> Letter {
        Letter::new("Un dispositivo è stato collegato")
            .say(format!("Il dispositivo \"{device}\" è stato collegato al suo account il {at}."))
            .alarm(NOT_MY_DEVICE)
    }

    fn device_unlinked(&self, device: &str, at: &str) -> Letter {
        for_good(
            "Un dispositivo è stato scollegato",
            &format!("Dal {at} il dispositivo \"{device}\" non ha più accesso al suo account."),
        )
    }

    fn qr_login_approved(&self, device: &str, from: &str, client: &str, at: &str) -> Letter {
        for_good(
            "Accesso con un codice QR",
            &format!(
                "Il {at} è stato approvato un accesso con codice QR dal dispositivo \"{device}\". \
                 Il browser che ora è collegato dice di essere \"{client}\", e viene da {from}."
            ),
        )
    }

    fn qr_login_disowned(&self, at: &str) -> Letter {
        Letter::new("Un accesso è stato chiuso")
            .say(format!(
                "Il {at} ci ha detto che un accesso con codice QR non era suo. È stato chiuso \
                 subito."
            ))
            .say("Se qualcuno le ha mostrato quel codice QR, non si fidi più di lui.")
    }

    fn notices_changed(&self, none: bool, at: &str) -> Letter {
        let now = match none {
            true => "Non le scriviamo più delle firme.",
            false => "Le scriviamo delle firme in un altro modo.",
        };
        for_good(
            "Gli avvisi sono stati cambiati",
            &format!("Il {at} è stato scelto quali messaggi ricevere sulle firme. {now}"),
        )
    }

    fn blocked(&self, lifted: bool, at: &str) -> Letter {
        match lifted {
            true => Letter::new("Il suo account è di nuovo aperto")
                .say(format!("Il suo account è stato riaperto il {at}. Può accedere come prima.")),
            false => Letter::new("Il suo account è bloccato")
                .say(format!(
                    "Abbiamo bloccato il suo account il {at}. Ora nessuno può accedere né firmare."
                ))
                .say("Se non sa il motivo, si rivolga all'assistenza."),
        }
    }

    fn closed(&self, at: &str, kept_until: &str) -> Letter {
        Letter::new("Il suo account è stato chiuso")
            .say(format!(
                "Il suo account è stato chiuso il {at}. Quello che ha firmato resta valido."
            ))
            .say(format!(
                "La legge ci chiede di conservare i dati della registrazione fino al \
                 {kept_until}; poi vengono cancellati."
            ))
    }
}
