//! From a module's path to a token that is logged in to.

use super::super::private_file::{self, Expected, Version};
use super::error::{DeviceError, is, said};
use super::{Pkcs11Settings, TokenChoice};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

const PIN_FILE: Expected = Expected {
    what: "PIN",
    limit: 1024,
    missing: "write the PIN of the token's user into it, with mode 0600",
};

/// A loaded module. PKCS #11 has one state for a module and a process: it is started by the first
/// of its users, and whoever ends it ends it for all. Two back ends of one process should therefore
/// not share a module; if they do, the second one relies on the first to start it.
#[derive(Debug)]
pub(super) struct Module {
    context: Pkcs11,
    started_here: bool,
}

impl Module {
    pub(super) fn load(settings: &Pkcs11Settings) -> Result<Self, DeviceError> {
        let context = Pkcs11::new(&settings.module).map_err(|error| DeviceError::Module {
            module: settings.module.clone(),
            reason: match error {
                Error::LibraryLoading(error) => {
                    format!("cannot be loaded ({error}): install it, or correct the path")
                }
                Error::MissingSymbol(_) | Error::NullFunctionPointer => {
                    "is a library, but not a PKCS#11 module: correct the path".to_owned()
                }
                other => format!("does not start: {}", said(&other)),
            },
        })?;
        Ok(Self { context, started_here: false })
    }

    /// Starts the module; what an earlier start has left behind is ended first. Nobody may be in a
    /// call meanwhile.
    pub(super) fn restart(&mut self, settings: &Pkcs11Settings) -> Result<(), DeviceError> {
        self.end();
        match self.context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) => {
                self.started_here = true;
                Ok(())
            }
            Err(error) if is(&error, RvError::CryptokiAlreadyInitialized) => Ok(()),
            Err(error) => Err(DeviceError::Module {
                module: settings.module.clone(),
                reason: format!("does not start: {}", said(&error)),
            }),
        }
    }

    /// Ends the module if it was started here.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.started_here) {
            // A module whose device is gone may refuse; there is nothing else to do with it.
            drop(self.context.clone().finalize());
        }
    }

    /// Finds the token and logs in. `refused` is the PIN file whose PIN was found wrong before.
    pub(super) fn connect(
        &self,
        settings: &Pkcs11Settings,
        refused: &mut Option<Version>,
    ) -> Result<Connection, DeviceError> {
        let (slot, token) = self.find(settings)?;
        let mechanisms = self
            .context
            .get_mechanism_list(slot)
            .and_then(|mechanisms| Ok((mechanisms, self.context.open_ro_session(slot)?)));
        let (mechanisms, login) = mechanisms.map_err(|error| lost(settings, &error))?;
        log_in(settings, &token, &login, refused)?;
        Ok(Connection { context: self.context.clone(), slot, mechanisms, login })
    }

    fn find(&self, settings: &Pkcs11Settings) -> Result<(Slot, TokenInfo), DeviceError> {
        let slots = self.context.get_slots_with_token().map_err(|error| lost(settings, &error))?;
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for slot in slots {
            // A token that was pulled out just now is none.
            let Ok(info) = self.context.get_token_info(slot) else { continue };
            let chosen = match &settings.token {
                TokenChoice::Label(label) => info.label() == label && info.token_initialized(),
                TokenChoice::Serial(serial) => info.serial_number() == serial,
                TokenChoice::Slot(number) => slot.id() == *number,
            };
            match chosen {
                true => found.push((slot, info)),
                false => others.push(format!(
                    "{:?} (serial:{}, slot:{slot})",
                    info.label(),
                    info.serial_number()
                )),
            }
        }
        let trouble = |reason| DeviceError::Token { token: settings.token.to_string(), reason };
        match found.len() {
            0 if others.is_empty() => Err(trouble(
                "not found, and the module shows no other token: is the device connected and \
                 switched on?"
                    .to_owned(),
            )),
            0 => Err(trouble(format!("not found; the module shows {}", others.join(", ")))),
            1 => Ok(found.remove(0)),
            count => {
                Err(trouble(format!("{count} tokens have this label: choose one by its serial")))
            }
        }
    }
}

fn log_in(
    settings: &Pkcs11Settings,
    token: &TokenInfo,
    session: &Session,
    refused: &mut Option<Version>,
) -> Result<(), DeviceError> {
    let name = || settings.token.to_string();
    let locked = |reason: &str| DeviceError::PinLocked { token: name(), reason: reason.to_owned() };
    let wrong = || DeviceError::PinWrong { token: name(), path: settings.pin_file.clone() };
    if !token.token_initialized() || !token.user_pin_initialized() {
        let reason = "has no user PIN yet: initialise the token with the maker's tool".to_owned();
        return Err(DeviceError::Token { token: name(), reason });
    }
    if token.user_pin_locked() {
        return Err(locked("the PIN is locked: the security officer has to set a new one"));
    }
    let trouble = |reason| DeviceError::PinFile { path: settings.pin_file.clone(), reason };
    let file = private_file::read(&settings.pin_file, PIN_FILE).map_err(trouble)?;
    if *refused == Some(file.version) {
        return Err(wrong());
    }
    if token.user_pin_final_try() {
        return Err(locked(
            "one more wrong PIN would lock it: log in once with the right PIN and another tool, \
             which resets the count",
        ));
    }
    let text = file.content.trim_ascii_end();
    let text = std::str::from_utf8(text)
        .ok()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| trouble("holds no text: write the PIN into it".to_owned()))?;
    // Wiped when dropped, as the content of the file is.
    let pin = AuthPin::new(Box::from(text));
    match session.login(UserType::User, Some(&pin)) {
        Ok(()) => Ok(()),
        // By another user of the same module in this process: a login is the application's.
        Err(error) if is(&error, RvError::UserAlreadyLoggedIn) => Ok(()),
        Err(error)
            if [RvError::PinIncorrect, RvError::PinInvalid, RvError::PinLenRange]
                .iter()
                .any(|answer| is(&error, *answer)) =>
        {
            *refused = Some(file.version);
            Err(wrong())
        }
        Err(error) if is(&error, RvError::PinLocked) => {
            Err(locked("the PIN is locked: the security officer has to set a new one"))
        }
        Err(error) if is(&error, RvError::PinExpired) => {
            Err(locked("the PIN has expired: set a new one with the maker's tool"))
        }
        Err(error) => Err(lost(settings, &error)),
    }
}

fn lost(settings: &Pkcs11Settings, error: &Error) -> DeviceError {
    DeviceError::Lost { token: settings.token.to_string(), reason: said(error) }
}

/// A token, logged in to as long as this lives: the login ends with the last session of the
/// application (PKCS #11 v2.40 §5.6, C_Login), and this keeps one open that nobody else uses.
#[derive(Debug)]
pub(super) struct Connection {
    context: Pkcs11,
    slot: Slot,
    mechanisms: Vec<MechanismType>,
    login: Session,
}

impl Connection {
    /// What opens further sessions.
    pub(super) fn opener(&self) -> Opener {
        Opener { context: self.context.clone(), slot: self.slot }
    }

    pub(super) fn offers(&self, mechanism: MechanismType) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    /// Ends the login and closes its session.
    pub(super) fn close(self) {
        // The device may be gone, and the session with it.
        drop(self.login.close());
    }
}

/// Opens sessions with a token.
#[derive(Clone, Debug)]
pub(super) struct Opener {
    context: Pkcs11,
    slot: Slot,
}

impl Opener {
    pub(super) fn open(&self, writing: bool) -> Result<Session, Error> {
        match writing {
            true => self.context.open_rw_session(self.slot),
            false => self.context.open_ro_session(self.slot),
        }
    }
}
