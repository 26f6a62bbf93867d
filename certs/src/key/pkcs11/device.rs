//! Sessions with one token: a bounded number, kept for the next use, and made anew after a loss.
//!
//! ```text
//!          connect            lost
//!  Down ───────────► Up ───────────────► Down      (no pause after a loss, a growing one after an
//!   ▲                 │                             attempt to connect that failed)
//!   └── Connecting ◄──┘ by one thread; the others wait for it, but not for ever
//! ```
//!
//! A session that gave any error is closed and not used again. The module is ended and started only
//! when no session of it is out: a handle of before could mean another session afterwards.

use super::super::KeyError;
use super::super::private_file::Version;
use super::Pkcs11Settings;
use super::connection::{Connection, Module};
use super::error::{DeviceError, Failure, Trouble, is, said, trouble};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A token and the way to it.
pub(super) struct Device {
    settings: Pkcs11Settings,
    state: Mutex<State>,
    /// Told when a session comes back or an attempt to connect has ended.
    changed: Condvar,
}

struct State {
    phase: Phase,
    /// Counts connections: what was found in one is not known to hold in the next.
    generation: u64,
    module: Option<Module>,
    idle: Vec<Session>,
    /// Sessions that are out, and opened or closed just now.
    out: usize,
    /// The most sessions that this connection gives.
    limit: usize,
    /// A PIN file whose PIN the token did not take.
    refused: Option<Version>,
    /// Whether there ever was a connection: then a device that is missing is lost.
    known: bool,
}

enum Phase {
    Down {
        /// When the next attempt may be made, how long the pause is, and why the last one failed.
        failed: Option<(Instant, Duration, DeviceError)>,
    },
    Connecting,
    Up(Connection),
}

/// Which session is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Any, for reading.
    Kept,
    /// A new one, because kept ones have turned out to be no good.
    New,
    /// A new one, for writing.
    Writing,
}

impl Device {
    pub(super) fn new(settings: Pkcs11Settings) -> Self {
        let state = State {
            phase: Phase::Down { failed: None },
            generation: 0,
            module: None,
            idle: Vec::new(),
            out: 0,
            limit: settings.max_sessions.max(1),
            refused: None,
            known: false,
        };
        Self { settings, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The token's name in messages.
    pub(super) fn name(&self) -> String {
        self.settings.token.to_string()
    }

    /// Does `work` in a session. After a loss it is done again, in a new session and then over a
    /// new connection: it must not matter that it is done twice.
    ///
    /// `work` is told the number of the connection, for what it remembers between calls.
    pub(super) fn read<T>(
        &self,
        work: impl Fn(&Session, u64) -> Result<T, Failure>,
    ) -> Result<T, KeyError> {
        let mut answer = None;
        for (attempt, want) in [Want::Kept, Want::New, Want::New].into_iter().enumerate() {
            let lease = self.lease(want)?;
            let generation = lease.generation;
            let error = match lease.run(&work) {
                Ok(done) => return Ok(done),
                Err(Failure::Key(error)) => return Err(error),
                Err(Failure::Module(error)) => error,
            };
            match trouble(&error) {
                Trouble::Request => return Err(self.refused(&error).into()),
                // One session may end on its own; when a new one does too, it is the connection.
                Trouble::Session if attempt == 0 => {}
                Trouble::Session | Trouble::Device => self.lose(generation),
            }
            answer = Some(error);
        }
        Err(self.lost(answer.as_ref().map(said).unwrap_or_default()).into())
    }

    /// Does `work` once, in a session that may write.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, Failure>,
    ) -> Result<T, KeyError> {
        // What does not matter twice goes first: it finds out about a loss.
        self.read(|session, _| Ok(session.get_session_info().map(drop)?))?;
        let lease = self.lease(Want::Writing)?;
        let generation = lease.generation;
        match lease.run(|session, _| work(session)) {
            Ok(done) => Ok(done),
            Err(Failure::Key(error)) => Err(error),
            Err(Failure::Module(error)) if trouble(&error) == Trouble::Request => {
                Err(self.refused(&error).into())
            }
            Err(Failure::Module(error)) => {
                self.lose(generation);
                Err(self.lost(said(&error)).into())
            }
        }
    }

    /// Whether the token offers a mechanism. Connects if need be.
    pub(super) fn offers(&self, mechanism: MechanismType) -> Result<bool, DeviceError> {
        let state = self.up(Instant::now() + self.settings.patience)?;
        Ok(matches!(&state.phase, Phase::Up(connection) if connection.offers(mechanism)))
    }

    pub(super) fn lost(&self, reason: String) -> DeviceError {
        DeviceError::Lost { token: self.name(), reason }
    }

    pub(super) fn refused(&self, error: &Error) -> DeviceError {
        DeviceError::Refused { token: self.name(), reason: said(error) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic is done halfway under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Instant,
    ) -> Result<MutexGuard<'a, State>, DeviceError> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let waited_ms = self.settings.patience.as_millis();
            return Err(DeviceError::Busy { token: self.name(), waited_ms });
        }
        let (state, _) =
            self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        Ok(state)
    }

    /// The state while the token is connected.
    fn up(&self, until: Instant) -> Result<MutexGuard<'_, State>, DeviceError> {
        let mut state = self.lock();
        loop {
            match &state.phase {
                Phase::Up(_) => return Ok(state),
                Phase::Connecting => state = self.wait(state, until)?,
                Phase::Down { failed: Some((next, _, error)) } if Instant::now() < *next => {
                    return Err(error.clone());
                }
                // Sessions of the lost connection are still out, in calls that have to end first.
                Phase::Down { .. } if state.out > 0 => {
                    let out = state.out;
                    state = self.wait(state, until).map_err(|_| {
                        self.lost(format!("{out} calls into its module have not come back yet"))
                    })?;
                }
                Phase::Down { .. } => state = self.connect(state)?,
            }
        }
    }

    /// One attempt to connect, while the others wait.
    fn connect<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
    ) -> Result<MutexGuard<'a, State>, DeviceError> {
        let before = std::mem::replace(&mut state.phase, Phase::Connecting);
        let (mut module, mut refused) = (state.module.take(), state.refused);
        drop(state);
        let result = self.try_connect(&mut module, &mut refused);
        let mut state = self.lock();
        (state.module, state.refused) = (module, refused);
        let result = match result {
            Ok(connection) => {
                state.phase = Phase::Up(connection);
                state.generation += 1;
                state.limit = self.settings.max_sessions.max(1);
                state.known = true;
                Ok(())
            }
            Err(error) => {
                let error = match error {
                    DeviceError::Token { reason, .. } if state.known => self.lost(reason),
                    other => other,
                };
                let (shortest, longest) = self.settings.pause.clone().into_inner();
                let pause = match before {
                    Phase::Down { failed: Some((_, pause, _)) } => (pause * 2).min(longest),
                    _ => shortest,
                };
                let next = Instant::now() + pause;
                state.phase = Phase::Down { failed: Some((next, pause, error.clone())) };
                Err(error)
            }
        };
        self.changed.notify_all();
        result.map(|()| state)
    }

    fn try_connect(
        &self,
        module: &mut Option<Module>,
        refused: &mut Option<Version>,
    ) -> Result<Connection, DeviceError> {
        let module = match module {
            Some(module) => module,
            none => none.insert(Module::load(&self.settings)?),
        };
        module.restart(&self.settings)?;
        module.connect(&self.settings, refused)
    }

    /// Gives the connection up, if it is still this one.
    pub(super) fn lose(&self, generation: u64) {
        let mut state = self.lock();
        if !state.is_up(generation) {
            return;
        }
        let phase = std::mem::replace(&mut state.phase, Phase::Down { failed: None });
        let idle = std::mem::take(&mut state.idle);
        // Closing them is a call too, and nobody may start the module anew meanwhile.
        state.out += 1;
        drop(state);
        drop(idle);
        if let Phase::Up(connection) = phase {
            connection.close();
        }
        self.lock().out -= 1;
        self.changed.notify_all();
    }

    fn lease(&self, want: Want) -> Result<Lease<'_>, DeviceError> {
        let until = Instant::now() + self.settings.patience;
        let mut lost = None;
        loop {
            let mut state = self.up(until)?;
            let generation = state.generation;
            let lease = |session, keep| Lease { device: self, session, generation, keep };
            let kept = state.idle.pop();
            if let Some(session) = kept {
                let full = state.out + state.idle.len() + 1 >= state.limit;
                state.out += usize::from(want == Want::Kept || full);
                if want == Want::Kept {
                    return Ok(lease(Some(session), true));
                } else if full {
                    // Makes room for a new one.
                    drop(state);
                    drop(lease(Some(session), false));
                    continue;
                }
                state.idle.push(session);
            } else if state.out >= state.limit {
                drop(self.wait(state, until)?);
                continue;
            }
            let Phase::Up(connection) = &state.phase else { continue };
            let opener = connection.opener();
            state.out += 1;
            drop(state);
            let mut lease = lease(None, want != Want::Writing);
            let error = match opener.open(want == Want::Writing) {
                Ok(session) => {
                    lease.session = Some(session);
                    return Ok(lease);
                }
                Err(error) => error,
            };
            drop(lease);
            if is(&error, RvError::SessionCount) && self.settle_for_fewer() {
                continue;
            }
            if trouble(&error) == Trouble::Request {
                return Err(self.refused(&error));
            }
            self.lose(generation);
            // Once more over a new connection, and no more than that.
            if let Some(answer) = lost.replace(said(&error)) {
                return Err(self.lost(answer));
            }
        }
    }

    /// The token gives fewer sessions than the settings allow: those that there are, then. Says
    /// whether there are any.
    fn settle_for_fewer(&self) -> bool {
        let mut state = self.lock();
        let open = state.out + state.idle.len();
        state.limit = open.max(1);
        open > 0
    }
}

impl State {
    fn is_up(&self, generation: u64) -> bool {
        self.generation == generation && matches!(self.phase, Phase::Up(_))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.idle.clear();
        if let Phase::Up(connection) =
            std::mem::replace(&mut state.phase, Phase::Down { failed: None })
        {
            connection.close();
        }
        if let Some(module) = &mut state.module {
            module.end();
        }
    }
}

/// Which module and which token, and nothing of what is inside.
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("module", &self.settings.module)
            .field("token", &self.settings.token)
            .finish_non_exhaustive()
    }
}

/// A session that is out. It comes back when its work went well, and is closed otherwise.
struct Lease<'a> {
    device: &'a Device,
    session: Option<Session>,
    generation: u64,
    keep: bool,
}

impl Lease<'_> {
    fn run<T>(
        mut self,
        work: impl FnOnce(&Session, u64) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // A lease has its session before it is given out.
        let Some(session) = &self.session else { return Err(Error::InvalidValue.into()) };
        let result = work(session, self.generation);
        self.keep &= result.is_ok();
        result
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let session = self.session.take();
        let mut state = self.device.lock();
        if self.keep && state.is_up(self.generation) {
            state.idle.extend(session);
        } else {
            // Closing is a call too: it counts as out until that is over.
            drop(state);
            drop(session);
            state = self.device.lock();
        }
        state.out -= 1;
        drop(state);
        self.device.changed.notify_all();
    }
}
