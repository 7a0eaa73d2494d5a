//! Functions that are killed between two of their calls.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use embedded::{AwsCall, CallError};
use tokio::sync::Notify;

use super::{Fault, Faults};

tokio::task_local! {
    /// The invocation that the running task belongs to.
    static INVOCATION: Arc<Scope>;
}

/// One invocation of a function.
struct Scope {
    name: String,
    /// After how many calls it is killed, if it is.
    killed_after: Option<u32>,
    calls: AtomicU32,
    killed: AtomicBool,
    kill: Notify,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended<T> {
    /// It returned.
    Finished {
        /// Its result.
        output: T,
        /// How many calls it made, retries included.
        calls: u32,
    },
    /// It was killed: whatever it returned is gone, whatever its calls applied stays.
    Killed {
        /// How many calls it made before it was killed.
        calls: u32,
    },
}

impl<T> Ended<T> {
    /// Its result; `None` if it was killed.
    pub fn output(self) -> Option<T> {
        match self {
            Self::Finished { output, .. } => Some(output),
            Self::Killed { .. } => None,
        }
    }
}

impl Faults {
    /// Runs an invocation, and kills it if and where the plan's draw says.
    ///
    /// Calls are counted for the task that awaits this, not for tasks that the handler spawns.
    pub async fn invocation<F: Future>(&self, name: &str, handler: F) -> Ended<F::Output> {
        let killed_after = {
            let mut state = self.state();
            match state.kill_next.take_if(|(next, _)| next == name) {
                Some((_, calls)) => Some(calls),
                None => {
                    let killed = state.draw(self.plan().killed);
                    killed.then(|| state.rng.u32(0..=self.plan().killed_within))
                }
            }
        };
        self.run(name, killed_after, handler).await
    }

    /// Kills the next invocation of this name after this many calls: before the next, or before it returns.
    pub fn kill_next(&self, name: &str, calls: u32) {
        self.state().kill_next = Some((name.to_owned(), calls));
    }

    /// Runs an invocation that is killed after this many calls: before the next, or before it returns.
    pub async fn killed_after<F: Future>(&self, name: &str, calls: u32, handler: F) -> Ended<F::Output> {
        self.run(name, Some(calls), handler).await
    }

    async fn run<F: Future>(&self, name: &str, killed_after: Option<u32>, handler: F) -> Ended<F::Output> {
        let scope = Arc::new(Scope {
            name: name.to_owned(),
            killed_after,
            calls: AtomicU32::new(0),
            killed: AtomicBool::new(false),
            kill: Notify::new(),
        });
        let output = tokio::select! {
            biased;
            () = scope.kill.notified() => None,
            output = INVOCATION.scope(scope.clone(), handler) => Some(output),
        };
        let calls = scope.calls.load(Ordering::SeqCst);
        if scope.killed.load(Ordering::SeqCst) {
            return Ended::Killed { calls };
        }
        match output {
            // It made its last call and was killed before anybody learned what it returned.
            Some(_) if killed_after == Some(calls) => {
                self.state().log.inject(name, Fault::Killed);
                Ended::Killed { calls }
            }
            Some(output) => Ended::Finished { output, calls },
            None => Ended::Killed { calls },
        }
    }

    /// Admits a call if its invocation is still alive. The first call beyond its limit never returns.
    pub(super) async fn admit(&self, call: AwsCall<'_>) -> Result<(), CallError> {
        let Ok(scope) = INVOCATION.try_with(Arc::clone) else { return Ok(()) };
        if scope.killed.load(Ordering::SeqCst) {
            return Err(CallError::Killed);
        }
        let over = scope.killed_after.is_some_and(|most| scope.calls.load(Ordering::SeqCst) >= most);
        if !over {
            scope.calls.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        scope.killed.store(true, Ordering::SeqCst);
        {
            let mut state = self.state();
            state.log.inject(&scope.name, Fault::Killed);
            state.log.call(call, &Err(CallError::Killed));
        }
        scope.kill.notify_one();
        // The handler is dropped here, in the middle of its call.
        std::future::pending().await
    }
}
