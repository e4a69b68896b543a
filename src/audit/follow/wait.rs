//! Waiting until something may have happened: by the system's events where it has them, else by
//! looking again.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How soon it is looked again where the system tells nothing, and how late at most.
const LOOK: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];

/// How late it is looked again where the system does tell: events may be lost.
const SELDOM: Duration = Duration::from_secs(30);

/// Ends somebody's waiting, from any thread.
#[derive(Clone, Debug)]
pub struct Bell {
    pipe: Arc<PipeWriter>,
    /// Whether it rang and nobody has heard it yet.
    rung: Arc<AtomicBool>,
}

impl Bell {
    /// Ends the waiting, or the next one.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Nobody waits any more where that fails.
            let _ = (&*self.pipe).write(&[0]);
        }
    }
}

/// One who waits.
#[derive(Debug)]
pub struct Waiting {
    heard: PipeReader,
    bell: Bell,
    events: events::Events,
    /// How long nothing has happened, in looks.
    quiet: u32,
    /// Whether it is looked again though nothing is told.
    soon: bool,
}

impl Waiting {
    /// Waits for nothing yet.
    ///
    /// # Errors
    /// Where the system has no pipes left.
    pub fn new() -> io::Result<Self> {
        let (heard, pipe) = io::pipe()?;
        let bell = Bell { pipe: Arc::new(pipe), rung: Arc::default() };
        Ok(Self { heard, bell, events: events::Events::new(), quiet: 0, soon: false })
    }

    /// What ends the waiting.
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits for what happens in these folders. `changed` is whether the last look found anything,
    /// `undecided` whether it left something for the next one.
    pub fn within(&mut self, folders: &[PathBuf], changed: bool, undecided: bool) {
        self.quiet = if changed { 0 } else { self.quiet.saturating_add(1) };
        // What happened in a folder before it was watched nobody tells.
        self.soon = self.events.watch(folders) || undecided;
    }

    /// How long is waited at most.
    fn longest(&self) -> Duration {
        let [soon, late] = LOOK;
        match self.events.fd() {
            Some(_) if !self.soon => SELDOM,
            _ => soon.saturating_mul(1 + self.quiet).min(late),
        }
    }

    /// Waits until something may have happened, or the bell rings.
    pub fn wait(&mut self) {
        self.poll(self.longest(), true);
    }

    /// Waits so long, or until the bell rings.
    pub fn pause(&mut self, time: Duration) {
        self.poll(time, false);
    }

    fn poll(&mut self, longest: Duration, events: bool) {
        let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
        let bell = PollFd::new(self.heard.as_fd(), PollFlags::POLLIN);
        let mut all = vec![bell];
        if events {
            all.extend(self.events.fd().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        }
        // A signal ends the waiting early, which does no harm.
        let _ = poll(&mut all, timeout);
        let rang = all[0].any().unwrap_or(false);
        drop(all);
        if rang {
            let _ = self.heard.read(&mut [0; 16]);
            self.bell.rung.store(false, Ordering::Release);
        }
        if events {
            // What happens from now on is in the next look, or ends the next waiting.
            self.events.forget();
        }
    }
}

#[cfg(target_os = "linux")]
mod events {
    use std::collections::BTreeMap;
    use std::os::fd::{AsFd as _, BorrowedFd};
    use std::path::PathBuf;

    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
    use nix::sys::statfs::{
        BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC,
        statfs,
    };

    /// File systems that tell of everything: others may change on another machine.
    const TOLD: [nix::sys::statfs::FsType; 5] =
        [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC];

    /// What happens in folders.
    #[derive(Debug)]
    pub struct Events {
        inotify: Option<Inotify>,
        watched: BTreeMap<PathBuf, WatchDescriptor>,
        /// Whether all that was asked for is watched.
        whole: bool,
    }

    impl Events {
        pub fn new() -> Self {
            let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
            let inotify = Inotify::init(flags).ok();
            Self { inotify, watched: BTreeMap::new(), whole: false }
        }

        /// Returns whether folders are watched that were not.
        pub fn watch(&mut self, folders: &[PathBuf]) -> bool {
            let Some(inotify) = &self.inotify else { return false };
            let mut new = false;
            self.watched.retain(|folder, watch| {
                let stays = folders.contains(folder) && folder.is_dir();
                // It may be gone already.
                let _ = if stays { Ok(()) } else { inotify.rm_watch(*watch) };
                stays
            });
            self.whole = !folders.is_empty();
            for folder in folders {
                if self.watched.contains_key(folder) {
                    continue;
                }
                let told = statfs(folder).is_ok_and(|of| TOLD.contains(&of.filesystem_type()));
                let flags = AddWatchFlags::IN_MODIFY
                    | AddWatchFlags::IN_CREATE
                    | AddWatchFlags::IN_MOVE
                    | AddWatchFlags::IN_DELETE
                    | AddWatchFlags::IN_ATTRIB
                    | AddWatchFlags::IN_DELETE_SELF
                    | AddWatchFlags::IN_MOVE_SELF
                    | AddWatchFlags::IN_ONLYDIR;
                match inotify.add_watch(folder, flags) {
                    Ok(watch) if told => {
                        self.watched.insert(folder.clone(), watch);
                        new = true;
                    }
                    _ => self.whole = false,
                }
            }
            new
        }

        /// What to wait on; None where the system does not tell everything.
        pub fn fd(&self) -> Option<BorrowedFd<'_>> {
            self.inotify.as_ref().filter(|_| self.whole).map(|inotify| inotify.as_fd())
        }

        /// Takes what has happened away: everything is looked at anyway.
        pub fn forget(&self) {
            if let Some(inotify) = &self.inotify {
                while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod events {
    use std::os::fd::BorrowedFd;
    use std::path::PathBuf;

    /// Nothing is told.
    #[derive(Debug)]
    pub struct Events;

    impl Events {
        pub fn new() -> Self {
            Self
        }

        pub fn watch(&mut self, _: &[PathBuf]) -> bool {
            false
        }

        pub fn fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }

        pub fn forget(&self) {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_happens_in_a_folder_and_the_bell_end_the_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let mut waiting = Waiting::new().unwrap();
        waiting.within(&[folder.path().to_owned()], true, false);
        let begun = Instant::now();
        fs::write(folder.path().join("audit.log"), "x").unwrap();
        waiting.wait();
        waiting.bell().ring();
        waiting.bell().ring();
        waiting.pause(SELDOM);
        assert!(begun.elapsed() < SELDOM, "{:?}", begun.elapsed());
        // Both were heard once.
        let begun = Instant::now();
        waiting.pause(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(20));
        // A folder that is not there is looked for.
        waiting.within(&[folder.path().join("none")], false, false);
        let begun = Instant::now();
        waiting.wait();
        assert!(begun.elapsed() < SELDOM);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_is_looked_again_soon_where_a_folder_is_new_or_something_is_undecided() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().to_owned()];
        let mut waiting = Waiting::new().unwrap();
        waiting.within(&folders, false, false);
        if waiting.events.fd().is_none() {
            // This file system does not tell.
            return;
        }
        assert!(waiting.longest() <= LOOK[1], "what came before it was watched is not told");
        waiting.within(&folders, false, false);
        assert_eq!(waiting.longest(), SELDOM);
        waiting.within(&folders, false, true);
        assert!(waiting.longest() <= LOOK[1]);
        let below = folder.path().join("node1");
        fs::create_dir(&below).unwrap();
        let folders = [folder.path().to_owned(), below];
        waiting.within(&folders, false, false);
        assert!(waiting.longest() <= LOOK[1]);
        waiting.within(&folders, false, false);
        assert_eq!(waiting.longest(), SELDOM);
    }
}
