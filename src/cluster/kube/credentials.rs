//! What a request carries to say who sends it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::exec::Plugin;
use super::kubeconfig::{Hidden, UserEntry};
use super::target::Target;
use super::{ConnectOptions, pki};
use crate::cluster::Error;

/// How long a token file's content is good; client-go looks again as often.
const REREAD: Duration = Duration::from_mins(1);

/// Where credentials come from.
#[derive(Debug)]
pub(super) enum Credentials {
    /// The connection itself proves it, or nobody does.
    None,
    /// The same header on every request.
    Header(HeaderValue),
    /// A file that is replaced from time to time.
    File { path: PathBuf, last: Mutex<Option<(Instant, HeaderValue)>> },
    /// A program that fetches them.
    Plugin(Box<Plugin>),
}

impl Credentials {
    /// Those of the user that is meant, in kubectl's order of precedence.
    ///
    /// # Errors
    /// [`Error::Config`] where they cannot be understood.
    pub(super) fn of(target: &Target, options: &ConnectOptions) -> Result<Self, Error> {
        let user = &target.user;
        if let Some(file) = &user.token_file {
            return Ok(Self::File { path: file.into(), last: Mutex::new(None) });
        }
        let named = user.username.is_some() || user.password.is_some();
        if named && user.token.is_some() {
            let who = &target.user_name;
            return Err(Error::Config {
                tried: format!("use the credentials of kubeconfig user {who:?}"),
                cause: "it has a token and a username with a password: kubectl takes one of them, \
                        not both"
                    .to_owned(),
            });
        }
        if let Some(token) = &user.token {
            return bearer(token, "token of the kubeconfig").map(Self::Header);
        }
        if let Some(name) = &user.username {
            let password = user.password.as_ref().map_or("", Hidden::reveal);
            return basic(name, password).map(Self::Header);
        }
        if let Some(exec) = &user.exec {
            let limit = options.plugin_timeout;
            let plugin = Plugin::new(exec, &target.user_name, &target.cluster, limit)?;
            return Ok(Self::Plugin(Box::new(plugin)));
        }
        refuse_retired(user)?;
        Ok(Self::None)
    }

    /// The `Authorization` header, where it is known without a plugin.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the token file cannot be read and never could.
    pub(super) async fn header(&self) -> Result<Option<HeaderValue>, Error> {
        match self {
            Self::None | Self::Plugin(_) => Ok(None),
            Self::Header(header) => Ok(Some(header.clone())),
            Self::File { path, last } => {
                let known = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some((read, header)) = &known
                    && read.elapsed() < REREAD
                {
                    return Ok(Some(header.clone()));
                }
                let fresh = match tokio::fs::read_to_string(path).await {
                    Ok(text) => bearer(&Hidden::new(text), &path.display().to_string())?,
                    // Some who write tokens remove the file afterwards; what was read stays good.
                    Err(error) => match known {
                        Some((_, header)) => header,
                        None => {
                            return Err(Error::Unauthenticated {
                                tried: format!("read the token file {}", path.display()),
                                cause: error.to_string(),
                            });
                        }
                    },
                };
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((Instant::now(), fresh.clone()));
                Ok(Some(fresh))
            }
        }
    }

    /// Forgets a token that was not accepted; returns whether another may be had.
    pub(super) fn forget(&self) -> bool {
        match self {
            Self::None | Self::Header(_) => false,
            Self::File { last, .. } => {
                last.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
            }
            Self::Plugin(_) => true,
        }
    }
}

/// Providers that kubectl took out, in its own words as to what to do.
fn refuse_retired(user: &UserEntry) -> Result<(), Error> {
    match &user.auth_provider {
        Some(provider) if provider.name != "oidc" => Err(Error::Config {
            tried: format!("use the auth-provider {:?}", provider.name),
            cause: "it is no longer supported, by kubectl neither; have your kubeconfig written \
                    anew with an exec plugin"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// `Bearer TOKEN`.
pub(super) fn bearer(token: &Hidden, whence: &str) -> Result<HeaderValue, Error> {
    sensitive(&format!("Bearer {}", token.reveal().trim()), whence)
}

fn basic(name: &str, password: &str) -> Result<HeaderValue, Error> {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    sensitive(&format!("Basic {pair}"), "password of the kubeconfig")
}

fn sensitive(text: &str, whence: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Error::Config {
        tried: format!("use the {whence}"),
        cause: "it holds characters that no header can".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What to add to a 401: what can be seen from here of why.
pub(super) fn hint(target: &Target) -> String {
    if let Some(note) = &target.note {
        return note.clone();
    }
    let user = &target.user;
    let who = format!("user {:?}", target.user_name);
    let now = chrono::Utc::now();
    if let Ok(Some((certificate, _))) = pki::identity(user)
        && let Some((begins, ends)) = pki::validity(&certificate)
    {
        if ends < now {
            return format!("the client certificate of {who} expired on {ends}; get a new one");
        }
        if begins > now {
            return format!("the client certificate of {who} is not good before {begins}");
        }
    }
    let has_any = user.token.is_some()
        || user.token_file.is_some()
        || user.exec.is_some()
        || user.auth_provider.is_some()
        || user.username.is_some()
        || user.client_certificate.is_some()
        || user.client_certificate_data.is_some();
    if has_any {
        format!("the credentials of {who} were not accepted; they may have expired: log in again")
    } else if target.user_name.is_empty() {
        "the context names no user; name one with --user".to_owned()
    } else {
        format!("{who} has no credentials in the kubeconfig")
    }
}
