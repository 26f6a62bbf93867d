//! What a message says: one variant for each, with what its text needs. The words themselves, in
//! each language, are made when it is sent.
//!
//! Used in stored state: numbers are never reused, and a new field is optional. Instants are
//! milliseconds since the Unix epoch.

mod facts;

use crate::holders::otp::Purpose;
use minicbor::{Decode, Encode};

/// What a message says. Used in stored state, sealed.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub enum Template {
    /// The envelope is attached, and the account can be activated by the link.
    #[n(0)]
    EnvelopeReady {
        /// What stands behind the address of the link.
        #[n(0)]
        token: String,
        /// When the link ends, in milliseconds since the Unix epoch.
        #[n(1)]
        ends_at: i64,
    },
    /// The first password, to be replaced at the first login.
    #[n(1)]
    FirstPassword {
        /// The password.
        #[n(0)]
        password: String,
        /// When it ends.
        #[n(1)]
        ends_at: i64,
    },
    /// A link to choose the first password.
    #[n(2)]
    SetPassword {
        /// What stands behind the address of the link.
        #[n(0)]
        token: String,
        /// When the link ends.
        #[n(1)]
        ends_at: i64,
    },
    /// A request was received, and will be looked at.
    #[n(3)]
    RegistrationReceived,
    /// A request was rejected.
    #[n(4)]
    RegistrationRejected {
        /// Why, in the operator's words.
        #[n(0)]
        reason: String,
    },
    /// Somebody asked for an account with an address that has one.
    #[n(5)]
    AlreadyRegistered,
    /// A link to set a new password for a forgotten one.
    #[n(6)]
    RecoverPassword {
        /// What stands behind the address of the link.
        #[n(0)]
        token: String,
        /// When the link ends.
        #[n(1)]
        ends_at: i64,
    },
    /// The first password was set.
    #[n(7)]
    PasswordSet {
        /// When.
        #[n(0)]
        at: i64,
    },
    /// The password was changed.
    #[n(8)]
    PasswordChanged {
        /// When.
        #[n(0)]
        at: i64,
    },
    /// A new password was set for a forgotten one.
    #[n(9)]
    PasswordRecovered {
        /// When.
        #[n(0)]
        at: i64,
    },
    /// Logins are refused for a while.
    #[n(10)]
    LoginLocked {
        /// Until when; `None` is until a new password is set by the link.
        #[n(0)]
        until: Option<i64>,
    },
    /// The secret question was set or removed.
    #[n(11)]
    QuestionChanged {
        /// When.
        #[n(0)]
        at: i64,
        /// Whether it was removed.
        #[n(1)]
        removed: bool,
    },
    /// A link that shows that a new address is the holder's.
    #[n(12)]
    ConfirmEmail {
        /// What stands behind the address of the link.
        #[n(0)]
        token: String,
        /// When the link ends.
        #[n(1)]
        ends_at: i64,
    },
    /// Another address was asked for.
    #[n(13)]
    EmailChangeRequested {
        /// Which, masked.
        #[n(0)]
        new_address: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// The user ID is another address.
    #[n(14)]
    EmailChanged {
        /// Which.
        #[n(0)]
        new_address: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// The address for notices is another.
    #[n(15)]
    NoticeEmailChanged {
        /// Which.
        #[n(0)]
        new_address: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// Another phone number was asked for.
    #[n(16)]
    PhoneChangeRequested {
        /// Which, masked.
        #[n(0)]
        new_number: String,
        /// When.
        #[n(1)]
        at: i64,
        /// When it will count.
        #[n(2)]
        effective_at: i64,
    },
    /// The phone number is another.
    #[n(17)]
    PhoneChanged {
        /// Which, masked.
        #[n(0)]
        new_number: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A one-time code.
    #[n(18)]
    OtpCode {
        /// What it is for.
        #[n(0)]
        purpose: Purpose,
        /// When it was asked for.
        #[n(1)]
        requested_at: i64,
        /// When it was made.
        #[n(2)]
        made_at: i64,
        /// The code.
        #[n(3)]
        code: String,
        /// How many documents are to be signed.
        #[n(4)]
        documents: Option<u32>,
    },
    /// How one-time codes arrive was changed.
    #[n(19)]
    OtpMethodChanged {
        /// Whether by an authenticator app.
        #[n(0)]
        authenticator: bool,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A credential was activated.
    #[n(20)]
    Activated {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// The end of its certificate.
        #[n(1)]
        until: i64,
        /// When.
        #[n(2)]
        at: i64,
    },
    /// The PIN was changed.
    #[n(21)]
    PinChanged {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// Wrong PINs locked a credential.
    #[n(22)]
    PinLocked {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// Wrong PUKs ended a credential.
    #[n(23)]
    PukExhausted {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A credential was suspended.
    #[n(24)]
    Suspended {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// Until when; `None` is until it is reactivated.
        #[n(1)]
        until: Option<i64>,
        /// When.
        #[n(2)]
        at: i64,
    },
    /// The date until which a credential was suspended has come.
    #[n(25)]
    SuspensionEnds {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A credential was reactivated.
    #[n(26)]
    Reactivated {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A credential was revoked.
    #[n(27)]
    Revoked {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// Why.
        #[n(1)]
        reason: String,
        /// When.
        #[n(2)]
        at: i64,
    },
    /// A certificate ends soon.
    #[n(28)]
    RenewalDue {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// Days that are left.
        #[n(1)]
        days: u32,
        /// The end of the certificate.
        #[n(2)]
        until: i64,
    },
    /// A certificate was renewed; the envelope is attached.
    #[n(29)]
    Renewed {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// The end of the new certificate.
        #[n(1)]
        until: i64,
        /// When.
        #[n(2)]
        at: i64,
    },
    /// Signatures were made.
    #[n(30)]
    SignatureMade {
        /// The last characters of its identifier.
        #[n(0)]
        credential: String,
        /// How many.
        #[n(1)]
        count: u32,
        /// When.
        #[n(2)]
        at: i64,
    },
    /// The signatures of a day.
    #[n(31)]
    SignatureSummary {
        /// The day, as in 2026-07-12.
        #[n(0)]
        day: String,
        /// When each was made.
        #[n(1)]
        times: Vec<i64>,
        /// How many there were; `times` has the first 200.
        #[n(2)]
        count: Option<u32>,
    },
    /// Few stamps are left.
    #[n(32)]
    StampsLow {
        /// The name of the timestamp account.
        #[n(0)]
        account: String,
        /// How many.
        #[n(1)]
        left: u64,
    },
    /// Stamps expire soon.
    #[n(33)]
    StampsExpiring {
        /// The name of the timestamp account.
        #[n(0)]
        account: String,
        /// How many.
        #[n(1)]
        quantity: u64,
        /// When.
        #[n(2)]
        until: i64,
    },
    /// A device was linked.
    #[n(34)]
    DeviceLinked {
        /// Its name.
        #[n(0)]
        device: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A device was unlinked.
    #[n(35)]
    DeviceUnlinked {
        /// Its name.
        #[n(0)]
        device: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// The account was blocked or unblocked by an operator.
    #[n(36)]
    Blocked {
        /// Whether the block was lifted.
        #[n(0)]
        lifted: bool,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// The account was closed.
    #[n(37)]
    Closed {
        /// When.
        #[n(0)]
        at: i64,
        /// Until when the law asks to keep its data.
        #[n(1)]
        kept_until: i64,
    },
    /// Too many wrong one-time codes: none is taken for a while.
    #[n(38)]
    OtpLocked {
        /// Until when.
        #[n(0)]
        until: i64,
    },
    /// A device approved a login by QR code.
    #[n(39)]
    QrLoginApproved {
        /// The name of the device.
        #[n(0)]
        device: String,
        /// Where the browser is: an IP address.
        #[n(1)]
        from: String,
        /// What the browser says that it is.
        #[n(2)]
        client: String,
        /// When.
        #[n(3)]
        at: i64,
    },
    /// A login by QR code was disowned, and its session ended.
    #[n(40)]
    QrLoginDisowned {
        /// When.
        #[n(0)]
        at: i64,
    },
    /// A new phone number will count after a while, unless it is cancelled.
    #[n(41)]
    PhoneChangeWaiting {
        /// Which, masked.
        #[n(0)]
        new_number: String,
        /// When it was asked for.
        #[n(1)]
        at: i64,
        /// When it will count.
        #[n(2)]
        effective_at: i64,
        /// What stands behind the address of the link that cancels it.
        #[n(3)]
        token: String,
    },
    /// A change of the phone number was cancelled.
    #[n(42)]
    PhoneChangeCancelled {
        /// Which, masked.
        #[n(0)]
        new_number: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// A PUK was used; the next one is in the envelope that is attached.
    #[n(43)]
    NewEnvelope {
        /// The last characters of the credential's identifier.
        #[n(0)]
        credential: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// The link to a timestamp account was ended by somebody else, or with the account's login.
    #[n(44)]
    StampLinkEnded {
        /// The identifier of the account.
        #[n(0)]
        account: String,
        /// When.
        #[n(1)]
        at: i64,
    },
    /// Which notices about signatures are sent was changed.
    #[n(45)]
    NoticesChanged {
        /// When.
        #[n(0)]
        at: i64,
        /// Whether there are none any more.
        #[n(1)]
        none: bool,
    },
    /// Wrong codes of the envelope were given for a lost phone.
    #[n(46)]
    LostPhoneFailed {
        /// When.
        #[n(0)]
        at: i64,
    },
    /// A timestamp account was linked.
    #[n(47)]
    StampLinked {
        /// The identifier of the account.
        #[n(0)]
        account: String,
        /// When.
        #[n(1)]
        at: i64,
    },
}
