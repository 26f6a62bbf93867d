//! The loop that asks and ticks.

use crate::exchange;
use crate::monitor::Monitor;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// How often the clocks are looked at. What changes in between is seen by the requests themselves.
const TICK: Duration = Duration::from_millis(200);

impl Monitor {
    /// Asks the servers and looks at the clocks, for ever. To be spawned once; it ends when it is
    /// aborted, and no question outlives it.
    pub async fn run(self) {
        let mut questions = JoinSet::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.tick();
                    let Some((clocks, nonce)) = self.asking() else { continue };
                    for order in self.due() {
                        questions.spawn(exchange::poll(
                            order,
                            Arc::clone(&clocks),
                            Arc::clone(&nonce),
                        ));
                    }
                }
                Some(answer) = questions.join_next() => {
                    // A question panics or is cancelled only with the whole runtime.
                    if let Ok(polled) = answer {
                        self.take_in(polled);
                    }
                }
            }
        }
    }
}
