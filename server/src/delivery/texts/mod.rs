//! What mails and short messages say, in each language.
//!
//! A [`Template`] says what there is to tell; here it becomes words. The words of a language are
//! in [`en`] and [`it`], the form around them in [`frame`]. Times are those of one zone, which is
//! named beside each. What a link proves stands behind `#` in its address, so that it is in
//! nobody's log.

mod en;
mod frame;
mod it;
mod letter;
mod phrases;
mod sheet;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use frame::escape;

use accounts::holders::Language;
use accounts::holders::messages::Template;
use accounts::holders::otp::SmsText;
use chrono::{DateTime, Datelike, FixedOffset, Offset, TimeDelta, Utc};
use chrono_tz::Tz;
use frame::Around;
use letter::Letter;
use words::Words;

/// What a mail says, in both of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailText {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What the texts say of the service itself.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    /// Where the service's pages are, without a slash at the end.
    pub(crate) public_url: String,
    /// The name of the service.
    pub(crate) service: String,
    /// A mail address or a telephone number for questions.
    pub(crate) support: Option<String>,
    /// The zone of all times.
    pub(crate) zone: Tz,
}

impl Texts {
    /// The mail of a template; `None` for what does not go by mail: a one-time code would reach
    /// whoever can read the mail, who can ask for a new password too (ASVS 5.0, 6.3.6).
    pub(crate) fn mail(
        &self,
        to: &str,
        template: &Template,
        language: Language,
    ) -> Option<MailText> {
        let words = words(language);
        let mut letter = self.letter(words, template)?;
        if letter.is_alarming() && !letter.opens() {
            // Who is alarmed shall not have to look for the page.
            let label = if words.tag() == "it" { phrases::it::STOP } else { phrases::en::STOP };
            letter = letter.open(label, &format!("{}/suspend", self.public_url));
        }
        let support = self.support.as_deref();
        let around = Around { words, name: to, service: &self.service, support };
        let (text, html) = (around.text(&letter), around.html(&letter));
        Some(MailText { subject: letter.subject, text, html })
    }

    /// The short message of a template, but of a one-time code, whose text is that of its maker
    /// (`accounts::holders::otp`). `None` for what does not go by short message: a link in one is
    /// what frauds have taught people to fear.
    pub(crate) fn short(&self, template: &Template, language: Language) -> Option<SmsText> {
        self.short_text(template, language).map(SmsText::of)
    }

    fn short_text(&self, template: &Template, language: Language) -> Option<String> {
        let (service, words) = (&self.service, words(language));
        if let Template::FirstPassword { password, ends_at } = template {
            let until = self.numbers(language, *ends_at);
            return Some(match language {
                Language::En => {
                    format!("{service}: your first password is {password} until {until}")
                }
                Language::It => {
                    format!("{service}: la prima password è {password} fino al {until}")
                }
            });
        }
        if let Template::PhoneChangeWaiting { new_number, effective_at, .. } = template {
            let (new, from) = (new_number, self.numbers(language, *effective_at));
            return Some(format!("{service}: {}", words.phone_change_waiting_short(new, &from)));
        }
        if template.is_secret() {
            return None;
        }
        let letter = self.letter(words, template)?;
        let alarm = if letter.is_alarming() { words.short_alarm() } else { "" };
        Some(format!("{service}: {}. {alarm}", letter.subject).trim_end().to_owned())
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each letter, and nothing else")]
    fn letter(&self, words: &dyn Words, template: &Template) -> Option<Letter> {
        use Template as T;
        let at = |at: &i64| self.moment(words, *at);
        let link = |page: &str, token: &str| format!("{}/{page}#{token}", self.public_url);
        let of = |credential: &str| format!("…{credential}");
        Some(match template {
            T::EnvelopeReady { token, ends_at } => {
                words.envelope_ready(&link("activate", token), &at(ends_at))
            }
            T::FirstPassword { password, ends_at } => {
                words.first_password(password, &self.login(), &at(ends_at))
            }
            T::SetPassword { token, ends_at } => {
                words.set_password(&link("set-password", token), &at(ends_at))
            }
            T::RegistrationReceived => words.registration_received(),
            T::RegistrationRejected { reason } => words.registration_rejected(reason),
            T::AlreadyRegistered => words.already_registered(&self.login()),
            T::RecoverPassword { token, ends_at } => {
                words.recover_password(&link("recover", token), &at(ends_at))
            }
            T::PasswordSet { at: when } => words.password_set(&at(when)),
            T::PasswordChanged { at: when } => words.password_changed(&at(when)),
            T::PasswordRecovered { at: when } => words.password_recovered(&at(when)),
            T::LoginLocked { until } => words.login_locked(until.as_ref().map(at).as_deref()),
            T::QuestionChanged { at: when, removed } => words.question_changed(&at(when), *removed),
            T::ConfirmEmail { token, ends_at } => {
                words.confirm_email(&link("confirm", token), &at(ends_at))
            }
            T::EmailChangeRequested { new_address, at: when } => {
                words.email_change_requested(new_address, &at(when))
            }
            T::EmailChanged { new_address, at: when } => {
                words.email_changed(new_address, &at(when))
            }
            T::NoticeEmailChanged { new_address, at: when } => {
                words.notice_email_changed(new_address, &at(when))
            }
            T::PhoneChangeRequested { new_number, at: when, effective_at } => {
                words.phone_change_requested(new_number, &at(when), &at(effective_at))
            }
            T::PhoneChanged { new_number, at: when } => words.phone_changed(new_number, &at(when)),
            T::OtpCode { .. } => return None,
            T::OtpMethodChanged { authenticator, at: when } => {
                words.otp_method_changed(*authenticator, &at(when))
            }
            T::Activated { credential, until, at: when } => {
                words.activated(&of(credential), &at(until), &at(when))
            }
            T::PinChanged { credential, at: when } => words.pin_changed(&of(credential), &at(when)),
            T::PinLocked { credential, at: when } => words.pin_locked(&of(credential), &at(when)),
            T::PukExhausted { credential, at: when } => {
                words.puk_exhausted(&of(credential), &at(when))
            }
            T::Suspended { credential, until, at: when } => {
                let until = until.as_ref().map(at);
                words.suspended(&of(credential), until.as_deref(), &at(when))
            }
            T::SuspensionEnds { credential, at: when } => {
                words.suspension_ends(&of(credential), &at(when))
            }
            T::Reactivated { credential, at: when } => {
                words.reactivated(&of(credential), &at(when))
            }
            T::Revoked { credential, reason, at: when } => {
                words.revoked(&of(credential), reason, &at(when))
            }
            T::RenewalDue { credential, days, until } => {
                words.renewal_due(&of(credential), *days, &at(until))
            }
            T::Renewed { credential, until, at: when } => {
                words.renewed(&of(credential), &at(until), &at(when))
            }
            T::NewEnvelope { credential, at: when } => {
                sheet::new_envelope(words.tag(), &of(credential), &at(when))
            }
            T::SignatureMade { credential, count, at: when } => {
                words.signature_made(&of(credential), *count, &at(when))
            }
            T::SignatureSummary { day, times, count } => {
                let times: Vec<String> = times.iter().map(|at| self.time(*at)).collect();
                let count = count.map_or(times.len(), |count| count as usize);
                words.signature_summary(&written_day(words, day), count, times)
            }
            T::QrLoginApproved { device, from, client, at: when } => {
                words.qr_login_approved(device, from, &unlinked(client), &at(when))
            }
            T::QrLoginDisowned { at: when } => words.qr_login_disowned(&at(when)),
            T::PhoneChangeWaiting { new_number, at: when, effective_at, token } => {
                let url = link("cancel-phone", token);
                words.phone_change_waiting(new_number, &at(when), &at(effective_at), &url)
            }
            T::PhoneChangeCancelled { new_number, at: when } => {
                words.phone_change_cancelled(new_number, &at(when))
            }
            T::OtpLocked { until } => words.otp_locked(&at(until)),
            T::StampsLow { account, left } => words.stamps_low(account, *left),
            T::StampsExpiring { account, quantity, until } => {
                words.stamps_expiring(account, *quantity, &at(until))
            }
            T::DeviceLinked { device, at: when } => words.device_linked(device, &at(when)),
            T::DeviceUnlinked { device, at: when } => words.device_unlinked(device, &at(when)),
            T::LostPhoneFailed { at: when } => sheet::lost_phone_failed(words.tag(), &at(when)),
            T::StampLinked { account, at: when } => {
                sheet::stamp_linked(words.tag(), account, &at(when))
            }
            T::NoticesChanged { at: when, none } => words.notices_changed(*none, &at(when)),
            T::StampLinkEnded { account, at: when } => {
                sheet::stamp_link_ended(words.tag(), account, &at(when))
            }
            T::Blocked { lifted, at: when } => words.blocked(*lifted, &at(when)),
            T::Closed { at: when, kept_until } => words.closed(&at(when), &at(kept_until)),
        })
    }

    fn login(&self) -> String {
        format!("{}/login", self.public_url)
    }

    /// An instant in words, as in "12 July 2026 at 10:32 (Rome time)".
    fn moment(&self, words: &dyn Words, at: i64) -> String {
        let local = self.local(at);
        let date = words.date(local.day(), local.month0() as usize, local.year());
        let zone = match self.zone {
            Tz::UTC => "UTC".to_owned(),
            zone => {
                let city = zone.name().rsplit('/').next().unwrap_or_default();
                words.zone(&city.replace('_', " "))
            }
        };
        words.moment(&date, &local.format("%H:%M").to_string(), &zone)
    }

    /// A time of day, to the second.
    fn time(&self, at: i64) -> String {
        self.local(at).format("%H:%M:%S").to_string()
    }

    /// An instant in as few characters as a short message has room for.
    fn numbers(&self, language: Language, at: i64) -> String {
        let form = match language {
            Language::En => "%Y-%m-%d %H:%M",
            Language::It => "%d/%m/%Y %H:%M",
        };
        self.local(at).format(form).to_string()
    }

    /// How far the zone is from UTC then.
    pub(crate) fn offset(&self, at: DateTime<Utc>) -> FixedOffset {
        at.with_timezone(&self.zone).offset().fix()
    }

    fn local(&self, at: i64) -> DateTime<Tz> {
        // Every stored instant can be written: only years beyond 262000 could not.
        let epoch = DateTime::UNIX_EPOCH;
        let instant = epoch.checked_add_signed(TimeDelta::milliseconds(at)).unwrap_or(epoch);
        instant.with_timezone(&self.zone)
    }
}

/// What a stranger wrote, so that no mail program makes an address of it that can be opened: the
/// dots between letters and what addresses begin with become blanks.
fn unlinked(text: &str) -> String {
    let text = text.replace("://", " ").replace('@', " ");
    let mut parts = text.split('.').peekable();
    let mut plain = String::with_capacity(text.len());
    while let Some(part) = parts.next() {
        plain.push_str(part);
        if let Some(next) = parts.peek() {
            let number = next.starts_with(|c: char| c.is_ascii_digit());
            plain.push(if number { '.' } else { ' ' });
        }
    }
    plain
}

/// A day of the calendar, as in 2026-07-12, in words.
fn written_day(words: &dyn Words, day: &str) -> String {
    match day.parse::<chrono::NaiveDate>() {
        Ok(day) => words.date(day.day(), day.month0() as usize, day.year()),
        Err(_) => day.to_owned(),
    }
}

fn words(language: Language) -> &'static dyn Words {
    match language {
        Language::En => &en::English,
        Language::It => &it::Italian,
    }
}
