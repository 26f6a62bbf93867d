//! The letters in English.

use super::letter::Letter;
use super::phrases::en::{MONTHS, NOT_ASKED, NOT_ME, NOT_ME_SIGNING, NOT_ME_TAKEN, NOT_MY_DEVICE};
use super::words::Words;

/// English.
pub(super) struct English;

fn for_good(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME)
}

fn taken(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME_TAKEN)
}

fn signing(subject: &str, what: &str) -> Letter {
    Letter::new(subject).say(what).alarm(NOT_ME_SIGNING)
}

impl Words for English {
    fn tag(&self) -> &'static str {
        "en"
    }

    fn greeting(&self, name: &str) -> String {
        if name.is_empty() { "Good morning,".to_owned() } else { format!("Dear {name},") }
    }

    fn footer(&self, service: &str, support: Option<&str>) -> String {
        let answer = match support {
            Some(help) => format!("Questions? Ask {help}."),
            None => "Please do not answer it.".to_owned(),
        };
        format!(
            "{service} sent this message by itself. {answer} Nobody from {service} will ever ask \
             you for your password, your PIN, your PUK or a code."
        )
    }

    fn copy_address(&self) -> &'static str {
        "If nothing happens, copy this address into your browser:"
    }

    fn short_alarm(&self) -> &'static str {
        "Not you? Suspend your certificate with the emergency code."
    }

    fn moment(&self, date: &str, time: &str, zone: &str) -> String {
        format!("{date} at {time} ({zone})")
    }

    fn date(&self, day: u32, month: usize, year: i32) -> String {
        format!("{day} {} {year}", MONTHS.get(month).unwrap_or(&""))
    }

    fn zone(&self, city: &str) -> String {
        format!("{city} time")
    }

    fn envelope_ready(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Your envelope, and how to begin")
            .say(
                "Your remote signature is ready. The attached PDF is your envelope: it holds your \
                 PIN, your PUK and your emergency code. It opens with the passphrase that you \
                 chose (or with your fiscal code in capitals, if you chose that).",
            )
            .say("Keep the envelope where only you can find it: we have no copy of your codes.")
            .say(format!("Now choose your password. The address works once, until {ends}."))
            .open("Activate the account", url)
    }

    fn first_password(&self, password: &str, url: &str, ends: &str) -> Letter {
        Letter::new("Your first password")
            .say("This is your first password. You replace it when you log in the first time.")
            .copy(password)
            .say(format!("It works until {ends}. You log in here:"))
            .open("Log in", url)
    }

    fn set_password(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Choose your password")
            .say("Your account is ready, and you can choose its password.")
            .say(format!("The address works once, until {ends}."))
            .open("Choose the password", url)
            .say(NOT_ASKED)
    }

    fn registration_received(&self) -> Letter {
        Letter::new("We have received your request")
            .say("We have received your request for a remote signature, and will look at it.")
            .say("We write to you again when it is decided. You need not do anything until then.")
    }

    fn registration_rejected(&self, reason: &str) -> Letter {
        Letter::new("Your request was not accepted")
            .say("We could not accept your request for a remote signature. The reason:")
            .list(vec![reason.to_owned()])
            .say("You may make a new request.")
    }

    fn already_registered(&self, url: &str) -> Letter {
        Letter::new("You have an account already")
            .say(
                "Somebody, perhaps you, has asked for an account with this e-mail address. There \
                 is one already, and nothing was changed.",
            )
            .say("If you have forgotten the password, you can set a new one on the login page:")
            .open("Log in", url)
            .say("If it was not you, you need not do anything.")
    }

    fn recover_password(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Set a new password")
            .say("You have asked to set a new password, because you forgot the old one.")
            .say(format!(
                "The address works once, until {ends}. A code that you get on your phone is \
                 needed too."
            ))
            .open("Set a new password", url)
            .say(NOT_ASKED)
    }

    fn password_set(&self, at: &str) -> Letter {
        for_good("Your password was set", &format!("You set your password on {at}."))
    }

    fn password_changed(&self, at: &str) -> Letter {
        for_good(
            "Your password was changed",
            &format!(
                "The password of your account was changed on {at}. Wherever else you were logged \
                 in, you are logged out now."
            ),
        )
    }

    fn password_recovered(&self, at: &str) -> Letter {
        for_good(
            "A new password was set",
            &format!(
                "A new password was set for your account on {at}, in place of a forgotten one. \
                 Wherever you were logged in, you are logged out now."
            ),
        )
    }

    fn login_locked(&self, until: Option<&str>) -> Letter {
        let wait = match until {
            Some(until) => format!("You can try again from {until} on."),
            None => "To log in again, set a new password with \"I forgot the password\" on the \
                     login page."
                .to_owned(),
        };
        Letter::new("Too many wrong passwords")
            .say("Somebody has typed wrong passwords for your account too many times.")
            .say(wait)
            .say("Your signing certificate works as before. If it was not you, it was kept out.")
    }

    fn question_changed(&self, at: &str, removed: bool) -> Letter {
        let (subject, what) = match removed {
            true => ("Your secret question was removed", "was removed"),
            false => ("Your secret question was changed", "was set or changed"),
        };
        for_good(subject, &format!("Your secret question {what} on {at}."))
    }

    fn confirm_email(&self, url: &str, ends: &str) -> Letter {
        Letter::new("Confirm this e-mail address")
            .say("Somebody, probably you, has given this e-mail address for an account with us.")
            .say(format!("To confirm that it is yours, open this address until {ends}:"))
            .open("Confirm the address", url)
            .say(NOT_ASKED)
    }

    fn email_change_requested(&self, new: &str, at: &str) -> Letter {
        for_good(
            "Another e-mail address was asked for",
            &format!(
                "On {at} another e-mail address was asked for in your account, to log in with or \
                 for notices: {new}. Nothing changes until it is confirmed there."
            ),
        )
    }

    fn email_changed(&self, new: &str, at: &str) -> Letter {
        taken(
            "Your e-mail address was changed",
            &format!("Since {at} you log in with {new}. We tell the old address and the new one."),
        )
    }

    fn notice_email_changed(&self, new: &str, at: &str) -> Letter {
        for_good(
            "Your address for notices was changed",
            &format!("Since {at} our notices go to {new} too."),
        )
    }

    fn phone_change_requested(&self, new: &str, at: &str, effective: &str) -> Letter {
        for_good(
            "Another phone number was asked for",
            &format!(
                "On {at} it was asked to send your codes to another phone number: {new}. It \
                 counts from {effective} on. Until then you can stop it: log in and open \
                 \"Phone number\"."
            ),
        )
    }

    fn phone_changed(&self, new: &str, at: &str) -> Letter {
        taken(
            "Your phone number was changed",
            &format!("Since {at} your codes go to another phone number: {new}."),
        )
    }

    fn phone_change_waiting(&self, new: &str, at: &str, effective: &str, url: &str) -> Letter {
        Letter::new("Another phone number was asked for")
            .say(format!(
                "On {at} somebody who has your envelope asked to send your codes to another phone \
                 number: {new}. It counts from {effective} on, unless you stop it."
            ))
            .say("If it was you, you need not do anything. If it was not, stop it now:")
            .open("Keep the old number", url)
            .alarm(NOT_ME)
    }

    fn phone_change_waiting_short(&self, new: &str, effective: &str) -> String {
        format!(
            "codes go to {new} from {effective} on. Not you? Stop it with the link in our mail."
        )
    }

    fn phone_change_cancelled(&self, new: &str, at: &str) -> Letter {
        Letter::new("Your phone number stays as it was")
            .say(format!("The change to the phone number {new} was stopped on {at}."))
            .say("Your codes go to the number that you had.")
    }

    fn otp_method_changed(&self, authenticator: bool, at: &str) -> Letter {
        let to = match authenticator {
            true => "come from your authenticator app",
            false => "come by short message",
        };
        taken(
            "Your codes come another way",
            &format!("Since {at} the codes that confirm what you do {to}."),
        )
    }

    fn otp_locked(&self, until: &str) -> Letter {
        Letter::new("Too many wrong codes")
            .say(format!(
                "Wrong codes were typed for your account too many times. There are no new ones \
                 until {until}."
            ))
            .alarm(NOT_ME)
    }

    fn activated(&self, credential: &str, until: &str, at: &str) -> Letter {
        signing(
            "Your signing certificate is active",
            &format!(
                "Your signing certificate {credential} was activated on {at}. You can sign with \
                 it until {until}."
            ),
        )
    }

    fn pin_changed(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Your PIN was changed",
            &format!("The PIN of your signing certificate {credential} was changed on {at}."),
        )
    }

    fn pin_locked(&self, credential: &str, at: &str) -> Letter {
        Letter::new("Your PIN is locked")
            .say(format!(
                "The PIN of your signing certificate {credential} was typed wrong too many times. \
                 It is locked since {at}."
            ))
            .say("To go on, log in and choose a new PIN with the PUK of your envelope.")
            .alarm(NOT_ME_SIGNING)
    }

    fn puk_exhausted(&self, credential: &str, at: &str) -> Letter {
        Letter::new("Your signing certificate was revoked")
            .say(format!(
                "The PUK of your signing certificate {credential} was typed wrong too many times. \
                 The certificate was revoked for good on {at}."
            ))
            .say("To sign again you need a new one. Please ask our support.")
    }

    fn suspended(&self, credential: &str, until: Option<&str>, at: &str) -> Letter {
        let end = match until {
            Some(until) => format!("It works again from {until} on."),
            None => "It works again when you log in and reactivate it.".to_owned(),
        };
        Letter::new("Your signing certificate is suspended")
            .say(format!("Your signing certificate {credential} was suspended on {at}."))
            .say(format!("Nobody can sign with it now. {end}"))
            .say(
                "If it was suspended with the emergency code, the PUK of your envelope is asked \
                 for as well; if we suspended it, only we can lift it: please ask our support.",
            )
    }

    fn suspension_ends(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Your signing certificate works again",
            &format!(
                "The suspension of your signing certificate {credential} has ended on {at}, as \
                 was set. You can sign again."
            ),
        )
    }

    fn reactivated(&self, credential: &str, at: &str) -> Letter {
        signing(
            "Your signing certificate was reactivated",
            &format!(
                "Your signing certificate {credential} was reactivated on {at}. You can sign \
                 again."
            ),
        )
    }

    fn revoked(&self, credential: &str, reason: &str, at: &str) -> Letter {
        let why = match reason {
            "cessation" => "It is not wanted any more.",
            "key-compromise" => "Somebody else may have its codes.",
            "affiliation-changed" => "What it says of you is not so any more.",
            "superseded" => "Another one has taken its place.",
            "privilege-withdrawn" => "The account may not have it any more.",
            "codes-exhausted" => "Its codes were typed wrong too many times.",
            _ => "",
        };
        Letter::new("Your signing certificate was revoked")
            .say(format!(
                "Your signing certificate {credential} was revoked for good on {at}. {why}"
            ))
            .say(match reason {
                "key-compromise" => "What you signed before with a timestamp stays valid.",
                _ => "What you signed before stays valid.",
            })
            .say("To sign again you need a new one.")
    }

    fn renewal_due(&self, credential: &str, days: u32, until: &str) -> Letter {
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        Letter::new(format!("Your signing certificate ends within {days}"))
            .say(format!("You can sign with your certificate {credential} until {until}."))
            .say("To go on signing, log in and open \"Update the certificate\". It takes minutes.")
    }

    fn renewed(&self, credential: &str, until: &str, at: &str) -> Letter {
        Letter::new("Your signing certificate was renewed")
            .say(format!(
                "Your signing certificate {credential} was renewed on {at}. You can sign with it \
                 until {until}."
            ))
            .say(
                "The attached PDF is your new envelope, with a new PUK and a new emergency code. \
                 It opens with the passphrase that you chose during the renewal (or with your \
                 fiscal code in capitals, if you chose that). The emergency code before suspends \
                 for 30 days more.",
            )
            .alarm(NOT_ME_SIGNING)
    }

    fn signature_made(&self, credential: &str, count: u32, at: &str) -> Letter {
        let what = match count {
            1 => "A signature was made".to_owned(),
            _ => format!("{count} signatures were made"),
        };
        signing(&what, &format!("{what} with your certificate {credential} on {at}."))
    }

    fn signature_summary(&self, day: &str, count: usize, times: Vec<String>) -> Letter {
        let (subject, what) = match count {
            1 => ("1 signature".to_owned(), "one signature was made".to_owned()),
            _ => (format!("{count} signatures"), format!("{count} signatures were made")),
        };
        let listed = times.len();
        let letter = Letter::new(format!("{subject} on {day}"))
            .say(format!("On {day} {what} with your certificates:"))
            .list(times);
        let letter = match listed < count {
            true => letter.say("The history of your account shows all of them."),
            false => letter,
        };
        letter.alarm(NOT_ME_SIGNING)
    }

    fn stamps_low(&self, account: &str, left: u64) -> Letter {
        let stamps = if left == 1 { "1 stamp".to_owned() } else { format!("{left} stamps") };
        Letter::new(format!("{stamps} left"))
            .say(format!("The timestamp account {account} has {stamps} left."))
            .say("When there is none, no document can be stamped until you buy new ones.")
    }

    fn stamps_expiring(&self, account: &str, quantity: u64, until: &str) -> Letter {
        let (stamps, end) = match quantity {
            1 => ("1 stamp".to_owned(), "expires"),
            _ => (format!("{quantity} stamps"), "expire"),
        };
        Letter::new(format!("{stamps} {end} soon"))
            .say(format!("{stamps} of the timestamp account {account} {end} on {until}."))
    }

    fn device_linked(&self, device: &str, at: &str) -> Letter {
        Letter::new("A device was linked")
            .say(format!("The device \"{device}\" was linked to your account on {at}."))
            .alarm(NOT_MY_DEVICE)
    }

    fn device_unlinked(&self, device: &str, at: &str) -> Letter {
        for_good(
            "A device was unlinked",
            &format!("The device \"{device}\" has no access to your account any more since {at}."),
        )
    }

    fn qr_login_approved(&self, device: &str, from: &str, client: &str, at: &str) -> Letter {
        for_good(
            "You logged in with a QR code",
            &format!(
                "On {at} a login by QR code was approved with the device \"{device}\". The browser \
                 that is logged in now says that it is \"{client}\", and comes from {from}."
            ),
        )
    }

    fn qr_login_disowned(&self, at: &str) -> Letter {
        Letter::new("A login was ended")
            .say(format!(
                "On {at} you told us that a login by QR code was not yours. It was ended at once."
            ))
            .say("If somebody showed you that QR code, do not trust them again.")
    }

    fn notices_changed(&self, none: bool, at: &str) -> Letter {
        let now = match none {
            true => "We do not write to you about signatures any more.",
            false => "We write to you about signatures in another way.",
        };
        for_good(
            "Your notices were changed",
            &format!("On {at} it was chosen which messages you get about signatures. {now}"),
        )
    }

    fn blocked(&self, lifted: bool, at: &str) -> Letter {
        match lifted {
            true => Letter::new("Your account is open again")
                .say(format!("Your account was opened again on {at}. You can log in as before.")),
            false => Letter::new("Your account is blocked")
                .say(format!(
                    "We blocked your account on {at}. Nobody can log in or sign with it now."
                ))
                .say("If you do not know why, please ask our support."),
        }
    }

    fn closed(&self, at: &str, kept_until: &str) -> Letter {
        Letter::new("Your account was closed")
            .say(format!("Your account was closed on {at}. What you signed stays valid."))
            .say(format!(
                "The law asks us to keep what you registered until {kept_until}; then it is \
                 deleted."
            ))
    }
}
