//! The letters by name: a language has every one of them, or does not compile.
//!
//! Instants come as words already. `credential` is the tail of a credential's identifier.

use super::letter::Letter;

/// A language.
pub(super) trait Words {
    /// The tag of the language (BCP 47).
    fn tag(&self) -> &'static str;
    /// The first line.
    fn greeting(&self, name: &str) -> String;
    /// The lines below every letter.
    fn footer(&self, service: &str, support: Option<&str>) -> String;
    /// Below an address to open, for readers whose program does not open it.
    fn copy_address(&self) -> &'static str;
    /// In a short message: what to do when somebody else did it.
    fn short_alarm(&self) -> &'static str;
    /// A date and a time of day, with the zone's name behind.
    fn moment(&self, date: &str, time: &str, zone: &str) -> String;
    /// A date.
    fn date(&self, day: u32, month: usize, year: i32) -> String;
    /// A zone's name, from that of its city in English.
    fn zone(&self, city: &str) -> String;

    fn envelope_ready(&self, url: &str, ends: &str) -> Letter;
    fn first_password(&self, password: &str, url: &str, ends: &str) -> Letter;
    fn set_password(&self, url: &str, ends: &str) -> Letter;
    fn registration_received(&self) -> Letter;
    fn registration_rejected(&self, reason: &str) -> Letter;
    fn already_registered(&self, url: &str) -> Letter;
    fn recover_password(&self, url: &str, ends: &str) -> Letter;
    fn password_set(&self, at: &str) -> Letter;
    fn password_changed(&self, at: &str) -> Letter;
    fn password_recovered(&self, at: &str) -> Letter;
    fn login_locked(&self, until: Option<&str>) -> Letter;
    fn question_changed(&self, at: &str, removed: bool) -> Letter;
    fn confirm_email(&self, url: &str, ends: &str) -> Letter;
    fn email_change_requested(&self, new: &str, at: &str) -> Letter;
    fn email_changed(&self, new: &str, at: &str) -> Letter;
    fn notice_email_changed(&self, new: &str, at: &str) -> Letter;
    fn phone_change_requested(&self, new: &str, at: &str, effective: &str) -> Letter;
    fn phone_changed(&self, new: &str, at: &str) -> Letter;
    fn phone_change_waiting(&self, new: &str, at: &str, effective: &str, url: &str) -> Letter;
    /// [`Words::phone_change_waiting`] without the address: for the old number.
    fn phone_change_waiting_short(&self, new: &str, effective: &str) -> String;
    fn phone_change_cancelled(&self, new: &str, at: &str) -> Letter;
    fn otp_method_changed(&self, authenticator: bool, at: &str) -> Letter;
    fn otp_locked(&self, until: &str) -> Letter;
    fn activated(&self, credential: &str, until: &str, at: &str) -> Letter;
    fn pin_changed(&self, credential: &str, at: &str) -> Letter;
    fn pin_locked(&self, credential: &str, at: &str) -> Letter;
    fn puk_exhausted(&self, credential: &str, at: &str) -> Letter;
    fn suspended(&self, credential: &str, until: Option<&str>, at: &str) -> Letter;
    fn suspension_ends(&self, credential: &str, at: &str) -> Letter;
    fn reactivated(&self, credential: &str, at: &str) -> Letter;
    fn revoked(&self, credential: &str, reason: &str, at: &str) -> Letter;
    fn renewal_due(&self, credential: &str, days: u32, until: &str) -> Letter;
    fn renewed(&self, credential: &str, until: &str, at: &str) -> Letter;
    fn signature_made(&self, credential: &str, count: u32, at: &str) -> Letter;
    fn signature_summary(&self, day: &str, count: usize, times: Vec<String>) -> Letter;
    fn stamps_low(&self, account: &str, left: u64) -> Letter;
    fn stamps_expiring(&self, account: &str, quantity: u64, until: &str) -> Letter;
    fn device_linked(&self, device: &str, at: &str) -> Letter;
    fn device_unlinked(&self, device: &str, at: &str) -> Letter;
    fn qr_login_approved(&self, device: &str, from: &str, client: &str, at: &str) -> Letter;
    fn qr_login_disowned(&self, at: &str) -> Letter;
    fn notices_changed(&self, none: bool, at: &str) -> Letter;
    fn blocked(&self, lifted: bool, at: &str) -> Letter;
    fn closed(&self, at: &str, kept_until: &str) -> Letter;
}
