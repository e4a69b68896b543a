//! Signals: to end, to stop for a while, to go on.

#[cfg(unix)]
pub use unix::{Signals, stop};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// End, with this signal's number.
    End(i32),
    /// Stop for a while.
    Stop,
    /// Go on: somebody woke the program.
    Continue,
}

#[cfg(unix)]
mod unix {
    use std::io;

    use nix::sys::signal::{Signal as Raw, kill};
    use nix::unistd::{Pid, getpid, getppid, getsid};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::Asked;

    /// The signals that are listened for.
    #[derive(Debug)]
    pub struct Signals {
        terminate: Signal,
        hangup: Signal,
        interrupt: Signal,
        stop: Signal,
        go_on: Signal,
    }

    fn of(raw: Raw) -> io::Result<Signal> {
        signal(SignalKind::from_raw(raw as i32))
    }

    impl Signals {
        /// Listens from now on.
        pub fn new() -> io::Result<Self> {
            Ok(Self {
                terminate: of(Raw::SIGTERM)?,
                hangup: of(Raw::SIGHUP)?,
                interrupt: of(Raw::SIGINT)?,
                stop: of(Raw::SIGTSTP)?,
                go_on: of(Raw::SIGCONT)?,
            })
        }

        /// The next.
        pub async fn next(&mut self) -> Asked {
            tokio::select! {
                _ = self.terminate.recv() => Asked::End(Raw::SIGTERM as i32),
                _ = self.hangup.recv() => Asked::End(Raw::SIGHUP as i32),
                _ = self.interrupt.recv() => Asked::End(Raw::SIGINT as i32),
                _ = self.stop.recv() => Asked::Stop,
                _ = self.go_on.recv() => Asked::Continue,
            }
        }
    }

    /// Stops the process group, as the terminal itself would on ctrl-z: a program that started this
    /// one stops with it, and the shell gets the terminal back. False, and nothing done, where no
    /// shell is there that could wake it again: see [`wakes`].
    pub fn stop() -> bool {
        let parent = getppid();
        let (Ok(theirs), Ok(ours)) = (getsid(Some(parent)), getsid(Some(getpid()))) else {
            return false;
        };
        // SIGSTOP, since SIGTSTP is listened for; to 0, which is the own group.
        wakes(parent, theirs, ours) && kill(Pid::from_raw(0), Raw::SIGSTOP).is_ok()
    }

    /// Whether the parent can wake this program once it is stopped: it is of the same session. A
    /// parent or a session from outside this PID namespace, as in a container, has the number 0,
    /// which says nothing of who it is.
    fn wakes(parent: Pid, theirs: Pid, ours: Pid) -> bool {
        parent.as_raw() > 0 && theirs.as_raw() > 0 && theirs == ours
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_a_parent_of_the_same_session_wakes() {
            let wakes = |parent, theirs, ours| {
                let [parent, theirs, ours] = [parent, theirs, ours].map(Pid::from_raw);
                super::wakes(parent, theirs, ours)
            };
            assert!(wakes(40, 40, 40));
            assert!(wakes(41, 40, 40));
            assert!(!wakes(41, 39, 40));
            // `docker run -it` and `kubectl exec -it`: nobody in here is its parent.
            assert!(!wakes(0, 1, 1));
            assert!(!wakes(0, 0, 0));
            // The parent's session was opened outside the namespace.
            assert!(!wakes(41, 0, 40));
            assert!(!wakes(41, 0, 0));
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::Asked;

    /// There are no such signals here.
    #[derive(Debug)]
    pub struct Signals;

    impl Signals {
        /// Listens to nothing.
        pub fn new() -> std::io::Result<Self> {
            Ok(Self)
        }

        /// Never comes.
        pub async fn next(&mut self) -> Asked {
            std::future::pending().await
        }
    }

    /// There is no job control here.
    pub fn stop() -> bool {
        false
    }
}

#[cfg(not(unix))]
pub use elsewhere::{Signals, stop};
