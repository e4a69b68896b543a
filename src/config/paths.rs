//! Where keybook keeps what, by the conventions of the operating system.

use std::path::PathBuf;

use directories::ProjectDirs;

/// Where keybook keeps what. None where the system knows no home directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// The user's configuration; it need not be there.
    pub config: Option<PathBuf>,
    /// The folder for what may be thrown away.
    pub cache: Option<PathBuf>,
    /// The folder for what is kept of audit logs.
    pub data: Option<PathBuf>,
    /// The folder for logs of keybook itself.
    pub state: Option<PathBuf>,
}

impl Paths {
    /// The paths of this system and user.
    pub fn of_system() -> Self {
        let Some(dirs) = ProjectDirs::from("", "", "keybook") else {
            return Self::default();
        };
        Self {
            config: Some(dirs.config_dir().join("config.toml")),
            cache: Some(dirs.cache_dir().to_owned()),
            data: Some(dirs.data_local_dir().to_owned()),
            state: Some(dirs.state_dir().unwrap_or(dirs.data_local_dir()).to_owned()),
        }
    }
}
