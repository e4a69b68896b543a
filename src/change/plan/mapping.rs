//! What EKS maps by `aws-auth`: the lines of an entry, or of a group of it, leave the text, and nothing
//! else of it changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::edit;
use super::make::Work;
use super::owner;
use super::wanted::{Refusal, Wanted, names, not_there, target_of};
use super::{Intent, Manual, Reason, StillWorks, Target};
use crate::book::Book;
use crate::credentials::{
    self, Cut, MapField, Mapping, Uncut, counting, mappings, unreadable_lists, without,
};
use crate::model::{ConfigMap, Identity, ListKind, Name, Object, SubjectKind, shell_word};
use crate::owners;

/// Users that are named one by one, at most.
const NAMED: usize = 5;

/// The `ConfigMap`, as lists have it.
fn listed(book: &Book) -> Option<&ConfigMap> {
    let key = ("kube-system".into(), "aws-auth".into());
    book.snapshot.objects.config_maps.get(&key).map(|map| &**map)
}

/// Whether an entry has to do with somebody: makes them, or may, or puts people in the group.
fn concerns(one: &Mapping, identity: &Identity) -> bool {
    let group = identity.kind == SubjectKind::Group && one.groups.contains(&identity.name);
    let user = identity.kind == SubjectKind::User && one.makes(&identity.name);
    one.identity == *identity || group || user
}

/// Whether somebody is mapped.
pub(super) fn maps(book: &Book, identity: &Identity) -> bool {
    let all = listed(book).map(|map| mappings(&map.data)).unwrap_or_default();
    all.iter().any(|one| concerns(one, identity))
}

/// That there is such an entry, or a list in which it may be.
///
/// # Errors
/// Where there is none.
pub(super) fn is_there(
    book: &Book,
    field: MapField,
    principal: &Name,
    group: Option<&Name>,
) -> Result<(), Refusal> {
    let Some(map) = listed(book) else {
        let namespace = "kube-system".into();
        let list = (ListKind::ConfigMaps, &namespace);
        return Err(not_there(book, Target::aws_auth().to_string(), list));
    };
    let is_it = |one: &Mapping| is_meant(one, field, principal, group);
    if mappings(&map.data).iter().any(is_it) || unreadable_lists(&map.data).contains(&field) {
        return Ok(());
    }
    let of = group.map_or_else(String::new, |group| format!(" with the group {group}"));
    Err(Refusal::NotThere(format!(
        "an entry for {principal}{of} in {field} of {}, that EKS would go by,",
        Target::aws_auth()
    )))
}

fn is_meant(one: &Mapping, field: MapField, principal: &Name, group: Option<&Name>) -> bool {
    one.field == field
        && one.key() == principal.to_lowercase()
        && group.is_none_or(|group| one.groups.contains(group))
}

/// The `ConfigMap`, as an image has it.
pub(super) fn read(image: &Value) -> Option<ConfigMap> {
    match edit::object(&Target::aws_auth(), image)? {
        Object::ConfigMap(map) => Some(map),
        _ => None,
    }
}

/// By list and place.
type Cuts = BTreeMap<MapField, BTreeMap<usize, Cut>>;

fn take(cuts: &mut Cuts, one: &Mapping, group: Option<&Name>) {
    let cut = cuts.entry(one.field).or_default();
    match (cut.get_mut(&one.at), group) {
        (Some(Cut::Groups(groups)), Some(group)) => drop(groups.insert(group.clone())),
        (None, Some(group)) => {
            cut.insert(one.at, Cut::Groups(BTreeSet::from([group.clone()])));
        }
        (Some(Cut::Entry), Some(_)) => {}
        (_, None) => drop(cut.insert(one.at, Cut::Entry)),
    }
}

/// What names an entry.
fn command(book: &Book, one: &Mapping) -> String {
    let (field, principal) = (one.field, one.principal.clone());
    let word = Intent::Mapping { field, principal, group: None }.to_string();
    format!("keybook revoke {}{}", shell_word(word), book.policy.again.all())
}

/// What goes of an entry, in words.
fn words(one: &Mapping, cut: &Cut) -> String {
    let place = format!("{}[{}]", one.field, one.at);
    match cut {
        Cut::Entry if one.field == MapField::MapAccounts => {
            format!("everybody of the cloud account {} ({place})", one.principal)
        }
        Cut::Entry => {
            let groups = if one.groups.is_empty() {
                String::new()
            } else {
                format!(" in {}", one.groups.join(", "))
            };
            format!("{}, who is {}{groups} ({place})", one.principal, one.identity)
        }
        Cut::Groups(groups) => {
            let groups: Vec<&str> = groups.iter().map(|group| &**group).collect();
            format!("the group {} from {} ({place})", groups.join(", "), one.principal)
        }
    }
}

impl Work<'_> {
    /// The step for `aws-auth`.
    ///
    /// # Errors
    /// Where an entry is not there any more.
    pub(super) fn mapping(
        &mut self,
        target: &Target,
        image: &Value,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        let moved = || Refusal::Moved(target.clone());
        let map = read(image).ok_or_else(moved)?;
        let all = mappings(&map.data);
        let cuts = self.meant(&map, &all, wanted).ok_or_else(moved)?;
        let mut after = image.clone();
        let mut made: Vec<(&Mapping, &Cut)> = Vec::new();
        for (field, of) in &cuts {
            let text = map.data.get(field.as_str()).map_or("", |text| &**text);
            let own = all
                .iter()
                .filter(|one| one.field == *field)
                .filter_map(|one| Some((one, of.get(&one.at)?)));
            match without(text, of) {
                Ok(left) => {
                    after["data"][field.as_str()] = Value::from(left);
                    made.extend(own);
                }
                Err(why) => {
                    for (one, cut) in own {
                        self.by_hand(one, cut, &why.to_string());
                    }
                }
            }
        }
        if made.is_empty() {
            return Ok(());
        }
        if let Some(why) = counts_again(self.input.book, &all, &made, &after) {
            for (one, cut) in made {
                self.by_hand(one, cut, &why);
            }
            return Ok(());
        }
        let owners = owners::of_config_map(&map);
        let changed: BTreeMap<&str, &Value> =
            cuts.keys().map(|field| (field.as_str(), &after["data"][field.as_str()])).collect();
        let patch = json!({ "data": changed }).to_string();
        let verdict = owner::of_edit(&owners, target, patch, self.input.despite_owners);
        let what: Vec<String> = made.iter().map(|(one, cut)| words(one, cut)).collect();
        let works = format!("what aws-auth maps: {}", what.join("; "));
        let Some(owners) = self.left_or_made(verdict, works) else { return Ok(()) };
        let mut evidence: Vec<String> = wanted.by.iter().map(Intent::words).collect();
        for (one, cut) in &made {
            evidence.extend(self.mapping_goes(one, cut));
        }
        self.comments_stay(&map, &made);
        let why = format!("takes out {}; every other byte stays", what.join("; "));
        let reason = Reason { why, evidence };
        self.steps.push(edit::in_place(target, image, after, reason, owners));
        Ok(())
    }

    /// Which entries and groups are meant; None where one that was named is not there any more.
    fn meant(&mut self, map: &ConfigMap, all: &[Mapping], wanted: &Wanted) -> Option<Cuts> {
        let mut cuts = Cuts::new();
        for intent in &wanted.by {
            match intent {
                Intent::Mapping { field, principal, group } => {
                    let group = group.as_ref();
                    let own: Vec<&Mapping> =
                        all.iter().filter(|one| is_meant(one, *field, principal, group)).collect();
                    if own.is_empty() && unreadable_lists(&map.data).contains(field) {
                        self.broken(intent, *field, map);
                    } else if own.is_empty() {
                        return None;
                    }
                    for one in own {
                        take(&mut cuts, one, group);
                    }
                }
                Intent::Identity { identity } => {
                    for one in all {
                        if one.identity == *identity {
                            take(&mut cuts, one, None);
                        } else if identity.kind == SubjectKind::Group
                            && one.groups.contains(&identity.name)
                        {
                            take(&mut cuts, one, Some(&identity.name));
                        } else if concerns(one, identity) {
                            self.shared(one, identity);
                        }
                    }
                }
                _ => {}
            }
        }
        Some(cuts)
    }

    /// A list of which nothing can be told.
    fn broken(&mut self, intent: &Intent, field: MapField, map: &ConfigMap) {
        let text = map.data.get(field.as_str()).map_or("", |text| &**text);
        let why = without(text, &BTreeMap::new()).err().unwrap_or(Uncut::NoList);
        self.left.manual.insert(Manual {
            what: format!("mend {field} of {} by hand ({})", Target::aws_auth(), intent.words()),
            why: format!("{why}: nobody in it gets in as it is, and nothing is taken out of it"),
            patch: None,
        });
    }

    /// What is not taken out here.
    fn by_hand(&mut self, one: &Mapping, cut: &Cut, why: &str) {
        self.left.manual.insert(Manual {
            what: format!("take out of {} by hand: {}", Target::aws_auth(), words(one, cut)),
            why: why.to_owned(),
            patch: None,
        });
        self.left.still_works.insert(StillWorks {
            what: format!("what aws-auth maps: {}", words(one, cut)),
            until: "until that is taken out by hand".to_owned(),
        });
    }

    /// An entry by which somebody comes in with others.
    fn shared(&mut self, one: &Mapping, identity: &Identity) {
        let others = self.others_of(one, Some(identity));
        self.left.manual.insert(Manual {
            what: format!("have {identity} no longer assume {} in IAM", one.principal),
            why: format!(
                "its entry in aws-auth ({}[{}], {}) is for everybody who assumes that role, and is not \
                 one person's to take away. It would cut off {others} as well: {}",
                one.field,
                one.at,
                one.identity.name,
                command(self.input.book, one)
            ),
            patch: None,
        });
        self.left.still_works.insert(StillWorks {
            what: format!("{identity} comes in as that name by {}", one.id()),
            until: "as long as they may assume that role; a session of it lasts up to 12 hours"
                .to_owned(),
        });
    }

    /// Who else comes in by the template of an entry, as far as is known.
    fn others_of(&self, one: &Mapping, but: Option<&Identity>) -> String {
        let book = self.input.book;
        let made = book.entries().map(|entry| &entry.identity).filter(|identity| {
            identity.kind == SubjectKind::User
                && one.identity != **identity
                && but != Some(*identity)
                && one.makes(&identity.name)
        });
        let made: Vec<String> = made.map(ToString::to_string).collect();
        if made.is_empty() {
            return "whoever else may assume it, of whom none is known here".to_owned();
        }
        let more = made.len().saturating_sub(NAMED);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<String> = made.into_iter().take(NAMED).collect();
        format!("{}{rest}, and whoever else may assume it", named.join(", "))
    }

    /// What has to be known of an entry that goes; gives what is known of its use.
    fn mapping_goes(&mut self, one: &Mapping, cut: &Cut) -> Option<String> {
        let book = self.input.book;
        if let Cut::Groups(groups) = cut {
            self.left.cut.extend(groups.iter().map(|group| (one.id(), Some(group.clone()))));
            return None;
        }
        self.left.cut.insert((one.id(), None));
        if one.is_template() {
            self.warnings.push(format!(
                "{}: everybody who assumes it comes in by this one entry: {} lose access",
                one.principal,
                self.others_of(one, None)
            ));
        }
        if one.field != MapField::MapAccounts && !one.is_template() {
            self.mapped.insert(one.identity.clone());
        }
        self.left.still_works.insert(StillWorks {
            what: format!("what {} presented before, for some minutes", one.principal),
            until:
                "until the API servers no longer remember that they took it, or for as long as the \
                    token lives, at most 15 minutes"
                    .to_owned(),
        });
        let of = if one.field == MapField::MapAccounts { "anybody of" } else { "anybody be" };
        self.left.manual.insert(Manual {
            what: format!(
                "in AWS: take away what lets {of} {}, and look whether an EKS access entry is for it \
                 (aws eks list-access-entries)",
                one.principal
            ),
            why: "AWS is not the cluster's: other clusters may map the same, and an access entry counts \
                  before aws-auth and beside it"
                .to_owned(),
            patch: None,
        });
        let credential =
            credentials::of(book, &one.identity).into_iter().find(|found| found.id == one.id())?;
        if let Some(why) = credentials::missed(book, &credential) {
            self.warnings.push(format!("{} {why}: what uses it is refused", credential.id));
        }
        credential.last_use.words()
    }

    /// Says by what else those authenticate whose entries go, and what is granted to their names.
    pub(super) fn mapped_otherwise(&mut self) {
        let book = self.input.book;
        for identity in std::mem::take(&mut self.mapped) {
            self.left.credentials(book, &identity, &self.deleted);
            let all = self.after.bindings.iter().filter(|(_, binding)| names(binding, &identity));
            let all: Vec<String> = all
                .map(|((kind, namespace, name), _)| target_of(*kind, namespace, name).to_string())
                .collect();
            if all.is_empty() {
                continue;
            }
            let more = all.len().saturating_sub(NAMED);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<&str> = all.iter().take(NAMED).map(String::as_str).collect();
            let revoke = Intent::Identity { identity: identity.clone() }.command();
            let again = book.policy.again.all();
            self.left.still_works.insert(StillWorks {
                what: format!("what {identity} is granted by name: {}{rest}", named.join(", ")),
                until: format!(
                    "whoever comes in by that name another way has it, until it is revoked ({revoke}{again})"
                ),
            });
        }
    }

    /// Comments before what goes are left where they are.
    fn comments_stay(&mut self, map: &ConfigMap, made: &[(&Mapping, &Cut)]) {
        let of: BTreeSet<MapField> = made.iter().map(|(one, _)| one.field).collect();
        let has = |field: &MapField| {
            let text = map.data.get(field.as_str()).map_or("", |text| &**text);
            text.lines().any(|line| line.trim_start().starts_with('#'))
        };
        let all: Vec<&str> = of.iter().filter(|field| has(field)).map(|one| one.as_str()).collect();
        if !all.is_empty() {
            self.warnings.push(format!(
                "{} has comments on lines of their own: all of those outside of what goes stay, also where \
                 they are about it",
                all.join(", ")
            ));
        }
    }
}

/// An entry that would come to count once others of its principal are gone; None where none does.
fn counts_again(
    book: &Book,
    all: &[Mapping],
    made: &[(&Mapping, &Cut)],
    after: &Value,
) -> Option<String> {
    let left = mappings(&read(after)?.data);
    let (before, after) = (counting(all), counting(&left));
    made.iter().filter(|(_, cut)| **cut == Cut::Entry).find_map(|(gone, _)| {
        let counted = before.get(&gone.key()).is_some_and(|one| one == gone);
        let now = after.get(&gone.key()).filter(|_| counted)?;
        Some(format!(
            "another entry of the same ARN would come to count, in {} for {}: name both in one plan \
             ({})",
            now.field,
            now.identity,
            command(book, now)
        ))
    })
}
