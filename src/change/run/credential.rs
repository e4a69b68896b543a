//! The steps that have a token or a certificate made, and written to where its holder finds it.

use serde_json::Value;

use super::handover;
use super::kubeconfig::Kubeconfig;
use super::runner::Outcome;
use super::{How, Record, RunError, Runner};
use crate::change::plan::{Made, Plan, Step};
use crate::cluster::{self, Address, CertificateAsk, TokenAsk, Writer};
use crate::model::Name;

/// What is true of a token that was made and not written.
const LOST_TOKEN: &str = "a token may have been made that nobody has: it is bound to the Secret as the \
                          next one will be, and ends with it";

/// The same of a certificate.
const LOST_CERTIFICATE: &str = "a certificate may have been asked for, or signed, whose key nobody has: \
                                it is of no use to anybody";

fn lost(step: &Step) -> &'static str {
    if &*step.target.kind == "Certificate" { LOST_CERTIFICATE } else { LOST_TOKEN }
}

/// What is asked for, of the very objects that the run made, or with a key that is made here.
enum Ask {
    Token(TokenAsk),
    Certificate { key: String, ask: CertificateAsk },
}

impl Ask {
    /// # Errors
    /// In words, where the step is in no form that keybook knows, or what it is about was not made.
    fn of(run: u64, plan: &Plan, step: &Step, made: &[Made]) -> Result<Self, String> {
        if &*step.target.kind == "Certificate" {
            let (key, ask) = requested(run, step)?;
            return Ok(Self::Certificate { key, ask });
        }
        let ask = Wanted::of(step).and_then(|wanted| wanted.ask(plan, made));
        let unmade = || "its account and Secret were not made by this run".to_owned();
        ask.map(Self::Token).ok_or_else(unmade)
    }

    async fn answered(
        &self,
        writer: &dyn Writer,
        plan: &Plan,
        address: &Address,
    ) -> Result<Kubeconfig, cluster::Error> {
        Ok(match self {
            Self::Token(ask) => {
                Kubeconfig::of_token(plan, address, &writer.request_token(ask).await?, ask)
            }
            Self::Certificate { key, ask } => {
                let issued = writer.request_certificate(ask).await?;
                Kubeconfig::of_certificate(plan, address, (&issued, key), ask)
            }
        })
    }
}

impl Runner<'_> {
    /// Has the credential of a step made. What an earlier process wrote whole is left; otherwise another
    /// is made.
    pub(super) async fn credential(
        &mut self,
        run: u64,
        plan: &Plan,
        step: &Step,
    ) -> Result<Outcome, RunError> {
        let stopped = |why: String| Ok(Outcome::Stopped { why, unmade: true });
        let Some(out) = self.out else {
            return stopped(
                "where the kubeconfig goes is not said: name a folder with --out".into(),
            );
        };
        handover::folder(out)?;
        match handover::found(plan, (run, step), out) {
            Ok(Some(left)) => return Ok(Outcome::Made(How::Found, Some(left))),
            Ok(None) => {}
            Err(how) => return stopped(how),
        }
        self.flush()?;
        let made = self.find(run)?.made();
        let ask = match Ask::of(run, plan, step, &made) {
            Ok(ask) => ask,
            Err(why) => return stopped(why),
        };
        let address = match self.writer.address() {
            Ok(address) => address,
            Err(error) => return stopped(error.to_string()),
        };
        self.note(Record::Writing { run, step: step.id })?;
        let writer = self.writer;
        let config = match self.again(step, || ask.answered(writer, plan, &address)).await {
            Ok(config) => config,
            Err(error) if super::send::may_have_been_made(&error) => {
                return stopped(format!("{error}; {}", lost(step)));
            }
            Err(error) => return stopped(error.to_string()),
        };
        match handover::write(plan, (run, step), out, &config) {
            Ok(left) => Ok(Outcome::Made(How::Answered, Some(left))),
            Err(error) => stopped(format!("{error}; {}", lost(step))),
        }
    }

    /// Asks, and again where the server is only busy.
    async fn again<T, F>(&mut self, step: &Step, ask: impl Fn() -> F) -> Result<T, cluster::Error>
    where
        F: Future<Output = Result<T, cluster::Error>>,
    {
        let mut attempt = 1;
        loop {
            match ask().await {
                Err(error) if error.is_transient() && attempt < self.pace.attempts => {
                    self.wait(step, &error, attempt).await;
                    attempt += 1;
                }
                asked => return asked,
            }
        }
    }

    /// What is known of such a step that may have been sent, written down.
    pub(super) fn settle_credential(&mut self, run: u64, step: u32) -> Result<(), RunError> {
        let found = self.find(run)?;
        let Some(of) = found.plan.steps.iter().find(|of| of.id == step) else { return Ok(()) };
        let out = found.out.as_deref().map(std::path::Path::new);
        let left = out.and_then(|out| handover::found(&found.plan, (run, of), out).ok().flatten());
        let why = lost(of).to_owned();
        self.note(match left {
            Some(left) => Record::Written { run, step, how: How::Found, left: Some(left) },
            None => Record::Stopped { run, step: Some(step), why, unmade: true },
        })
    }

    /// The folder for kubeconfigs, as the journal keeps it; None where none are made.
    ///
    /// # Errors
    /// Where it is needed and not said.
    pub(super) fn folder_of(&self, plan: &Plan) -> Result<Option<String>, RunError> {
        if !handover::makes_kubeconfigs(plan) {
            return Ok(None);
        }
        let out = self.out.ok_or_else(|| {
            RunError::Refused(
                "the plan makes kubeconfigs: name the folder that they are written to with --out"
                    .to_owned(),
            )
        })?;
        Ok(Some(out.display().to_string()))
    }
}

/// What a token step says.
pub(super) struct Wanted<'a> {
    pub(super) namespace: &'a str,
    pub(super) account: &'a str,
    pub(super) secret: &'a str,
    pub(super) seconds: u64,
}

impl<'a> Wanted<'a> {
    /// None where the step is no token, or not in that form.
    pub(super) fn of(step: &'a Step) -> Option<Self> {
        let after = step.after.as_ref().filter(|_| &*step.target.kind == "Token")?;
        let text = |pointer: &str| after.pointer(pointer).and_then(Value::as_str);
        Some(Self {
            namespace: text("/serviceAccount/namespace")?,
            account: text("/serviceAccount/name")?,
            secret: text("/boundTo/name")?,
            seconds: after["expirationSeconds"].as_u64()?,
        })
    }

    /// What is asked for, of the very account and Secret that the run made.
    pub(super) fn ask(&self, plan: &Plan, made: &[Made]) -> Option<TokenAsk> {
        let uid = |kind: &str, name: &str| -> Option<Name> {
            let is = |step: &&Step| {
                let of = &step.target;
                &*of.kind == kind
                    && &*of.name == name
                    && of.namespace.as_deref() == Some(self.namespace)
            };
            let step = plan.steps.iter().find(is)?.id;
            let left = made.iter().find(|made| made.step == step)?.left.as_ref()?;
            left["metadata"]["uid"].as_str().map(Name::from)
        };
        Some(TokenAsk {
            namespace: self.namespace.into(),
            account: self.account.into(),
            account_uid: Some(uid("ServiceAccount", self.account)?),
            secret: self.secret.into(),
            secret_uid: uid("Secret", self.secret)?,
            seconds: self.seconds,
        })
    }
}

/// A key, PEM, that is made here and never sent, and what is asked for with it.
///
/// # Errors
/// In words, where the step is in no form that keybook knows.
fn requested(run: u64, step: &Step) -> Result<(String, CertificateAsk), String> {
    let after = step.after.as_ref();
    let text = |field: &str| after.and_then(|after| after[field].as_str());
    let (Some(user), Some(seconds), Some(crate::model::CLIENT_SIGNER)) =
        (text("user"), after.and_then(|after| after["expirationSeconds"].as_u64()), text("signer"))
    else {
        return Err(format!("step {}: no certificate in a form that keybook knows", step.id));
    };
    let unmade = |error: rcgen::Error| format!("step {}: no key can be made: {error}", step.id);
    let key = rcgen::KeyPair::generate().map_err(unmade)?;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, user);
    let request =
        params.serialize_request(&key).and_then(|request| request.pem()).map_err(unmade)?;
    let prefix = format!("keybook-run-{run}-step-{}-", step.id).into();
    Ok((key.serialize_pem(), CertificateAsk { prefix, user: user.into(), request, seconds }))
}

/// The UID of an object, by which one that was made is known again.
pub(super) fn uid(image: &Value) -> Option<Name> {
    image["metadata"]["uid"].as_str().map(Name::from)
}
