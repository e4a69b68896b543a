//! Writes, with the checks that the API server makes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{SecondsFormat, Utc};
use serde_json::Value;

use super::path::Target;
use super::permit::Permits;
use super::store::Store;
use super::{Call, MemoryCluster, Operator};
use crate::cluster::{
    Address, CertificateAsk, DryRun, Error, IssuedCertificate, IssuedToken, Preconditions,
    TokenAsk, Writer,
};
use crate::model::{Name, Object};

#[async_trait]
impl Writer for MemoryCluster {
    async fn create(&self, collection: &str, object: &Value, dry: DryRun) -> Result<Value, Error> {
        let tried = format!("create in {collection}");
        self.enter(Call::Write, None, None, &tried).await?;
        let stored = self.lock().create(self.asking(dry, &tried), collection, object);
        self.wake();
        stored
    }

    async fn replace(&self, path: &str, object: &Value, dry: DryRun) -> Result<Value, Error> {
        let tried = format!("replace {path}");
        self.enter(Call::Write, None, None, &tried).await?;
        let stored = self.lock().replace(self.asking(dry, &tried), path, object);
        self.wake();
        stored
    }

    async fn patch(&self, path: &str, merge: &Value, dry: DryRun) -> Result<Value, Error> {
        let tried = format!("patch {path}");
        self.enter(Call::Write, None, None, &tried).await?;
        let stored = self.lock().patch(self.asking(dry, &tried), path, merge);
        self.wake();
        stored
    }

    async fn delete(&self, path: &str, only: &Preconditions, dry: DryRun) -> Result<(), Error> {
        let tried = format!("delete {path}");
        self.enter(Call::Write, None, None, &tried).await?;
        let deleted = self.lock().delete(self.asking(dry, &tried), path, only);
        self.wake();
        deleted
    }

    async fn request_token(&self, ask: &TokenAsk) -> Result<IssuedToken, Error> {
        let tried = format!("ask for a token of {}/{}", ask.namespace, ask.account);
        self.enter(Call::Write, None, None, &tried).await?;
        self.lock().token(self.asking(DryRun::No, &tried), ask)
    }

    async fn request_certificate(&self, ask: &CertificateAsk) -> Result<IssuedCertificate, Error> {
        let tried = format!("have a certificate of {:?} signed", ask.user);
        self.enter(Call::Write, None, None, &tried).await?;
        self.lock().certificate(self.asking(DryRun::No, &tried), ask)
    }

    fn address(&self) -> Result<Address, Error> {
        Ok(Address { server: self.lock().info.server.to_string(), ..Address::default() })
    }
}

/// Who asks for a write, and how.
#[derive(Clone, Copy)]
struct Asking<'a> {
    operator: Option<&'a Operator>,
    dry: DryRun,
    tried: &'a str,
}

impl MemoryCluster {
    fn asking<'a>(&'a self, dry: DryRun, tried: &'a str) -> Asking<'a> {
        Asking { operator: self.operator.as_deref(), dry, tried }
    }
}

impl Asking<'_> {
    fn permits<'a>(&'a self, store: &'a Store) -> Permits<'a> {
        Permits { store, operator: self.operator }
    }
}

impl Store {
    /// A token that no server signed: nobody authenticates here.
    fn token(&mut self, asking: Asking<'_>, ask: &TokenAsk) -> Result<IssuedToken, Error> {
        let tried = asking.tried;
        let path = format!("/api/v1/namespaces/{}", ask.namespace);
        let account = Target::of(&format!("{path}/serviceaccounts/{}", ask.account));
        let secret = Target::of(&format!("{path}/secrets/{}", ask.secret));
        let not_found = || Error::NotFound { tried: tried.to_owned() };
        let (account, secret) = account.zip(secret).ok_or_else(not_found)?;
        asking.permits(self).may_make_token(&account, tried)?;
        for (target, uid) in
            [(&account, &ask.account_uid), (&secret, &Some(ask.secret_uid.clone()))]
        {
            let only = Preconditions { uid: uid.clone(), resource_version: None };
            check(&self.object(target).ok_or_else(not_found)?, &only, target, tried)?;
        }
        let expires = Utc::now() + chrono::TimeDelta::seconds(ask.seconds.try_into().unwrap_or(0));
        Ok(IssuedToken::new(format!("memory.{}.unsigned", self.fresh_uid()), expires))
    }

    /// One by an authority that nobody trusts and that is gone afterwards.
    fn certificate(
        &self,
        asking: Asking<'_>,
        ask: &CertificateAsk,
    ) -> Result<IssuedCertificate, Error> {
        let tried = asking.tried;
        asking.permits(self).may_have_signed(tried)?;
        let failed = |cause: String| Error::Failed { tried: tried.to_owned(), cause, status: None };
        let unsigned = |error: rcgen::Error| failed(format!("it is not signed: {error}"));
        let mut request =
            rcgen::CertificateSigningRequestParams::from_pem(&ask.request).map_err(unsigned)?;
        let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
        let ends = Duration::from_secs(now.saturating_add(ask.seconds));
        request.params.not_after = rcgen::date_time_ymd(1970, 1, 1) + ends;
        let key = rcgen::KeyPair::generate().map_err(unsigned)?;
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::Issuer::new(authority, key);
        let signed = request.signed_by(&issuer).map_err(unsigned)?;
        IssuedCertificate::of(signed.pem().as_bytes(), &ask.user).map_err(failed)
    }

    fn create(
        &mut self,
        asking: Asking<'_>,
        collection: &str,
        value: &Value,
    ) -> Result<Value, Error> {
        let tried = asking.tried;
        let not_served = || Error::NotFound { tried: tried.to_owned() };
        let mut target = Target::of(collection).ok_or_else(not_served)?;
        if target.name.is_some() {
            return Err(not_served());
        }
        asking.permits(self).may("create", &target, tried)?;
        let mut object = read(&target, value, tried)?;
        let name = object.meta().name.to_string();
        target.name = Some(name.clone());
        // The API server asks this before it looks whether the name is taken.
        asking.permits(self).may_grant(&object, None, &target, tried)?;
        if self.object(&target).is_some() {
            let cause = format!("{} already exists", target.named(&name));
            return Err(Error::Conflict { tried: tried.to_owned(), cause });
        }
        let now = Utc::now();
        let meta = object.meta_mut();
        meta.uid = Some(self.fresh_uid());
        meta.creation_timestamp =
            chrono::DateTime::from_timestamp(now.timestamp(), 0).or(meta.creation_timestamp);
        let mut raw = value.clone();
        raw["metadata"]["uid"] = Value::from(object.meta().uid.as_deref());
        raw["metadata"]["creationTimestamp"] =
            Value::from(now.to_rfc3339_opts(SecondsFormat::Secs, true));
        self.store(object, raw, &target, asking.dry)
    }

    fn replace(&mut self, asking: Asking<'_>, path: &str, value: &Value) -> Result<Value, Error> {
        self.change("update", asking, path, |_| value.clone())
    }

    fn patch(&mut self, asking: Asking<'_>, path: &str, merge: &Value) -> Result<Value, Error> {
        let now = Target::of(path).and_then(|target| self.raw(&target)).unwrap_or_default();
        let (uid, wanted) = (&now["metadata"]["uid"], &merge["metadata"]["uid"]);
        if !now.is_null() && !wanted.is_null() && uid != wanted {
            let cause = "metadata.uid: Invalid value: field is immutable".to_owned();
            return Err(Error::Invalid { tried: asking.tried.to_owned(), cause });
        }
        self.change("patch", asking, path, |now| {
            let mut merged = now;
            // What is no precondition in the patch is none.
            if let Some(Value::Object(meta)) = merged.get_mut("metadata") {
                meta.remove("resourceVersion");
            }
            merge_into(&mut merged, merge);
            merged
        })
    }

    fn change(
        &mut self,
        verb: &str,
        asking: Asking<'_>,
        path: &str,
        make: impl FnOnce(Value) -> Value,
    ) -> Result<Value, Error> {
        let tried = asking.tried;
        let not_found = || Error::NotFound { tried: tried.to_owned() };
        let target =
            Target::of(path).filter(|target| target.name.is_some()).ok_or_else(not_found)?;
        asking.permits(self).may(verb, &target, tried)?;
        let value = &make(self.raw(&target).ok_or_else(not_found)?);
        let mut object = read(&target, value, tried)?;
        let before = self.object(&target).ok_or_else(not_found)?;
        let meta = object.meta();
        if Some(&*meta.name) != target.name.as_deref() {
            let cause = "metadata.name does not match the name in the path".to_owned();
            return Err(Error::Invalid { tried: tried.to_owned(), cause });
        }
        let only = Preconditions {
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
        };
        check(&before, &only, &target, tried)?;
        if let (Object::Binding(old), Object::Binding(new)) = (&before, &object)
            && old.role_ref != new.role_ref
        {
            let cause =
                format!("{} is invalid: cannot change roleRef", target.named(&new.meta.name));
            return Err(Error::Invalid { tried: tried.to_owned(), cause });
        }
        asking.permits(self).may_grant(&object, Some(&before), &target, tried)?;
        let meta = object.meta_mut();
        meta.uid.clone_from(&before.meta().uid);
        meta.creation_timestamp = before.meta().creation_timestamp;
        let mut raw = value.clone();
        raw["metadata"]["uid"] = Value::from(before.meta().uid.as_deref());
        if let Some(at) = before.meta().creation_timestamp {
            raw["metadata"]["creationTimestamp"] =
                Value::from(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        self.store(object, raw, &target, asking.dry)
    }

    fn delete(
        &mut self,
        asking: Asking<'_>,
        path: &str,
        only: &Preconditions,
    ) -> Result<(), Error> {
        let tried = asking.tried;
        let not_found = || Error::NotFound { tried: tried.to_owned() };
        let target =
            Target::of(path).filter(|target| target.name.is_some()).ok_or_else(not_found)?;
        asking.permits(self).may("delete", &target, tried)?;
        let object = self.object(&target).ok_or_else(not_found)?;
        check(&object, only, &target, tried)?;
        if asking.dry == DryRun::No {
            self.take(&object);
        }
        Ok(())
    }

    fn store(
        &mut self,
        object: Object,
        mut raw: Value,
        target: &Target,
        dry: DryRun,
    ) -> Result<Value, Error> {
        raw["apiVersion"] = Value::from(target.api_version());
        raw["kind"] = Value::from(target.kind);
        if let Some(namespace) = &object.meta().namespace {
            raw["metadata"]["namespace"] = Value::from(&**namespace);
        }
        if dry == DryRun::Yes {
            return Ok(raw);
        }
        // Of a Secret nothing is kept but what the model holds.
        let secret = matches!(object, Object::Secret(_));
        let stored = self.put(object, (!secret).then_some(raw));
        if secret {
            return Ok(stored.to_json());
        }
        self.raw(target).ok_or_else(|| Error::NotFound { tried: "read what was stored".to_owned() })
    }
}

/// Reads what is to be stored, in the namespace of the path.
fn read(target: &Target, value: &Value, tried: &str) -> Result<Object, Error> {
    let invalid = |cause: String| Error::Invalid { tried: tried.to_owned(), cause };
    let said = value["kind"].as_str();
    if said.is_some_and(|kind| kind != target.kind) {
        return Err(invalid(format!("kind is {said:?}, not {}", target.kind)));
    }
    let object = Object::read(&target.api_version(), target.kind, value)
        .map_err(|error| invalid(error.to_string()))?;
    let mut object = object.ok_or_else(|| Error::NotFound { tried: tried.to_owned() })?;
    let meta = object.meta_mut();
    if meta.name.is_empty() {
        return Err(invalid(
            "metadata.name: Required value: name or generateName is required".into(),
        ));
    }
    match (&meta.namespace, &target.namespace) {
        (Some(have), Some(want)) if **have != **want => {
            return Err(invalid(format!("the namespace of the object is {have}, not {want}")));
        }
        (_, want) => meta.namespace = want.as_deref().map(Name::from),
    }
    Ok(object)
}

fn check(object: &Object, only: &Preconditions, target: &Target, tried: &str) -> Result<(), Error> {
    let meta = object.meta();
    let cause = if only.uid.is_some() && only.uid != meta.uid {
        "the UID in the precondition is not the object's"
    } else if only.resource_version.is_some() && only.resource_version != meta.resource_version {
        "the object has been modified; read it again"
    } else {
        return Ok(());
    };
    let cause = format!("{}: {cause}", target.named(&meta.name));
    Err(Error::Conflict { tried: tried.to_owned(), cause })
}

/// RFC 7396.
fn merge_into(value: &mut Value, merge: &Value) {
    let Value::Object(fields) = merge else {
        *value = merge.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Value::Object(have) = value else { return };
    for (field, merge) in fields {
        if merge.is_null() {
            have.remove(field);
        } else {
            merge_into(have.entry(field.clone()).or_insert(Value::Null), merge);
        }
    }
}
