//! What several letters say, in each language: the months, and what to do for whoever did not do
//! what a letter tells of.
//!
//! What helps depends on what was changed: a new password is no help where the way to set one has
//! been turned to somebody else.

/// In English.
pub(super) mod en {
    /// From the first to the last.
    pub(in super::super) const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    /// Of the page that suspends with the emergency code.
    pub(in super::super) const STOP: &str = "Stop all signing";
    /// Something was changed in the account.
    pub(in super::super) const NOT_ME: &str = "\
        If it was not you, somebody may be using your account. Set a new password at once with \
        \"I forgot the password\" on the login page, and suspend your signing certificate with \
        the emergency code of your envelope: no login is needed for that.";
    /// What would set a new password is in somebody else's hands, perhaps.
    pub(in super::super) const NOT_ME_TAKEN: &str = "\
        If it was not you, suspend your signing certificate at once with the emergency code of \
        your envelope: no login is needed for that. Then ask our support. A new password alone \
        does not help, since what is needed to set it would reach somebody else.";
    /// A device stays linked when the password is changed.
    pub(in super::super) const NOT_MY_DEVICE: &str = "\
        If it was not you, log in, unlink the device and change your password. Suspend your \
        signing certificate with the emergency code of your envelope: no login is needed for \
        that.";
    /// Something was done with the signing certificate.
    pub(in super::super) const NOT_ME_SIGNING: &str = "\
        If it was not you, suspend your signing certificate at once with the emergency code of \
        your envelope: no login is needed for that. Then ask our support.";
    /// A link that somebody may have asked for in the name of another.
    pub(in super::super) const NOT_ASKED: &str = "\
        If you have not asked for this, you need not do anything: without the address above \
        nothing happens.";
}

/// In Italian.
pub(super) mod it {
    /// From the first to the last.
    pub(in super::super) const MONTHS: [&str; 12] = [
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
    /// Of the page that suspends with the emergency code.
    pub(in super::super) const STOP: &str = "Blocchi le firme";
    /// Something was changed in the account.
    pub(in super::super) const NOT_ME: &str = "\
        Se non è stato lei, qualcuno potrebbe usare il suo account. Imposti subito una nuova \
        password con \"Ho dimenticato la password\" nella pagina di accesso, e sospenda il suo \
        certificato di firma con il codice di emergenza della sua busta: per farlo non serve \
        accedere.";
    /// What would set a new password is in somebody else's hands, perhaps.
    pub(in super::super) const NOT_ME_TAKEN: &str = "\
        Se non è stato lei, sospenda subito il suo certificato di firma con il codice di \
        emergenza della sua busta: per farlo non serve accedere. Poi si rivolga all'assistenza. \
        Una nuova password da sola non basta: ciò che serve per impostarla arriverebbe a \
        qualcun altro.";
    /// A device stays linked when the password is changed.
    pub(in super::super) const NOT_MY_DEVICE: &str = "\
        Se non è stato lei, acceda, scolleghi il dispositivo e cambi la password. Sospenda il \
        suo certificato di firma con il codice di emergenza della sua busta: per farlo non serve \
        accedere.";
    /// Something was done with the signing certificate.
    pub(in super::super) const NOT_ME_SIGNING: &str = "\
        Se non è stato lei, sospenda subito il suo certificato di firma con il codice di \
        emergenza della sua busta: per farlo non serve accedere. Poi si rivolga all'assistenza.";
    /// A link that somebody may have asked for in the name of another.
    pub(in super::super) const NOT_ASKED: &str = "\
        Se non l'ha chiesto lei, non deve fare nulla: senza l'indirizzo qui sopra non succede \
        niente.";
}
