//! The `ConfigMap` by which EKS maps cloud identities to users and groups, as aws-iam-authenticator
//! reads it (`pkg/mapper/configmap`, `pkg/config`): as YAML 1.1, made JSON, and that by Go's
//! `encoding/json`; what is broken of an entry is passed over, and the others count.

mod cut;
mod mapping;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::seen::Uses;
use super::standing::Standing;
use super::template::is_template;
use super::{Credential, Expires, Inventory, Kind, LastUse, Only, template};
use crate::book::Book;
use crate::model::{ConfigMap, Identity, Name, quoted};
use crate::yaml::{For, NoYaml, Node};

pub(crate) use cut::{Cut, Uncut, without};
pub use mapping::MapField;
pub(crate) use mapping::{Mapping, counting, mappings, unreadable as unreadable_lists};

/// Why none of it is called live by itself.
const MODE: Standing = Standing::NotKnown(
    "whether the cluster goes by aws-auth is a matter of its authentication mode; its user is not in \
     the log",
);

/// When its data were last written, UTC, by `managedFields`: what is in it need not have been there before.
pub(super) fn written(book: &Book) -> Option<DateTime<Utc>> {
    let key = ("kube-system".into(), "aws-auth".into());
    book.snapshot.objects.config_maps.get(&key)?.meta.gave()
}

pub(super) fn all(book: &Book, only: Only<'_>, uses: &Uses, found: &mut Inventory) {
    let key = ("kube-system".into(), "aws-auth".into());
    let Some(map) = book.snapshot.objects.config_maps.get(&key) else { return };
    if only.0.is_none() {
        keys(map, found);
    }
    let mut of_roles = BTreeSet::new();
    for field in ["mapRoles", "mapUsers"] {
        let Some(text) = map.data.get(field).filter(|text| !is_skipped(text)) else { continue };
        let list = match read(field, text, For::Json, found) {
            Ok(Node::List(list)) => list,
            Ok(Node::Null) => continue,
            Ok(_) => {
                unreadable(found, field, "no list of entries: nobody in it gets in");
                continue;
            }
            Err(error) => {
                not_yaml(found, field, error);
                continue;
            }
        };
        let entries: Vec<Entry> = list
            .iter()
            .enumerate()
            .filter_map(|(at, one)| Entry::read(field, at, one, found))
            .collect();
        let counts: BTreeMap<Name, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.key(), at)).collect();
        for (at, entry) in entries.iter().enumerate() {
            let against = if counts.get(&entry.key()) != Some(&at) {
                Some("a later entry of the same ARN counts instead")
            } else if of_roles.contains(&entry.key()) {
                Some("the entry of the same ARN in mapRoles counts instead")
            } else {
                entry.principal.never()
            };
            let credential = entry.mapping(uses, field, against);
            if only.wants(&credential.identity) {
                found.credentials.push(credential);
            }
        }
        of_roles.extend(counts.into_keys());
    }
    let text = map.data.get("mapAccounts").filter(|text| !is_skipped(text));
    match text.map(|text| read("mapAccounts", text, For::Typed, found)) {
        None | Some(Ok(Node::Null)) => {}
        Some(Ok(Node::List(list))) => {
            for (at, one) in list.iter().enumerate() {
                // The account's digits count as they stand, in quotes or not.
                let (Node::Text(account) | Node::Number(account)) = one else {
                    unreadable(found, &place("mapAccounts", at, None), "no id of an account");
                    continue;
                };
                let credential = whole_account(uses, &account.as_str().into());
                if only.wants(&credential.identity) {
                    found.credentials.push(credential);
                }
            }
        }
        Some(Ok(_)) => unreadable(found, "mapAccounts", "no list: nobody in it gets in"),
        Some(Err(error)) => not_yaml(found, "mapAccounts", error),
    }
}

/// What the authenticator reads of it.
const KEYS: [&str; 3] = ["mapRoles", "mapUsers", "mapAccounts"];

/// Says which of its keys the authenticator passes over: it goes by these letters, large and small.
fn keys(map: &ConfigMap, found: &mut Inventory) {
    for key in map.data.keys().filter(|key| !KEYS.contains(&&***key)) {
        let meant = KEYS.into_iter().find(|one| one.eq_ignore_ascii_case(key.trim()));
        let text = match meant {
            Some(meant) => {
                format!("EKS reads {meant}, in these letters, and not this: nobody in it gets in")
            }
            None => format!("EKS reads {}, and not this: it is passed over", KEYS.join(", ")),
        };
        let place = format!("ConfigMap kube-system/aws-auth, {}", quoted(key));
        found.remarks.push((place.into(), text));
    }
}

/// What the authenticator passes over as nothing.
fn is_skipped(text: &str) -> bool {
    matches!(text.trim(), "" | "``" | "\"\"" | "''")
}

fn place(field: &str, at: usize, within: Option<&str>) -> String {
    match within {
        Some(within) => format!("{field}[{at}].{within}"),
        None => format!("{field}[{at}]"),
    }
}

/// The place and nothing of the text: it may hold more than it should.
fn unreadable(found: &mut Inventory, place: &str, reason: &str) {
    let place = format!("ConfigMap kube-system/aws-auth, {place}");
    found.unreadable.push((place.into(), reason.to_owned()));
}

/// Reads a field, and says where what EKS makes of it may be another.
fn read(field: &str, text: &str, by: For, found: &mut Inventory) -> Result<Node, NoYaml> {
    let (node, at_odds) = Node::read(text, by)?;
    if at_odds {
        let reason = "readers of YAML are at odds over it: told is the most that it may be, and EKS may \
                      read less or nothing";
        unreadable(found, field, reason);
    }
    Ok(node)
}

fn not_yaml(found: &mut Inventory, field: &str, why: NoYaml) {
    let place = why.line.map_or_else(|| field.to_owned(), |line| format!("{field}, line {line}"));
    let reason = if why.refused {
        "no YAML: nobody in it gets in"
    } else {
        "not followed here: whom EKS lets in by it is not known"
    };
    unreadable(found, &place, reason);
}

/// What the authenticator reads of an entry.
fn fields(field: &str) -> impl Iterator<Item = &'static str> {
    let own: &[&str] = if field == "mapRoles" { &["rolearn", "sso"] } else { &["userarn"] };
    own.iter().copied().chain(["username", "groups"])
}

/// Whether Go takes a key of JSON for a field's name: it minds no capitals, and folds two letters more
/// than ASCII has (`encoding/json`, `foldName`).
fn is_same_key(key: &str, field: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(field.chars().map(fold))
}

/// Says which fields of an entry the authenticator passes over.
fn unknown_fields<'k>(
    field: &str,
    at: usize,
    keys: impl Iterator<Item = &'k String>,
    found: &mut Inventory,
) {
    let is_known = |key: &str| fields(field).any(|known| is_same_key(key, known));
    for key in keys.filter(|key| !is_known(key)) {
        let all = fields(field).collect::<Vec<_>>().join(", ");
        let place = place(field, at, Some(&quoted(key)));
        let text = format!("EKS reads {all} of an entry, and not this: it is passed over");
        found.remarks.push((format!("ConfigMap kube-system/aws-auth, {place}").into(), text));
    }
}

/// Whom an entry is for.
enum Principal {
    /// An ARN.
    Arn(Name),
    /// Everybody with a permission set of AWS' single sign-on.
    Sso { account: Name, permission_set: Name, partition: Option<Name> },
}

impl Principal {
    /// Why no session can be it. An assumed role's ARN is made one of IAM without a path, a user's
    /// has its path (`pkg/arn`).
    fn never(&self) -> Option<&'static str> {
        let Self::Arn(arn) = self else { return None };
        let arn = arn.to_lowercase();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, _, resource] = parts[..] else {
            return Some("it is for no ARN");
        };
        match (service, resource.split_once('/')) {
            ("iam", Some(("role", name))) if name.contains('/') => {
                Some("its role's ARN has a path, which that of a session never has")
            }
            ("iam", Some(("role" | "user", _))) | ("sts", Some(("federated-user", _))) => None,
            ("iam", None) if resource == "root" => None,
            _ => Some("no session is taken for such an ARN"),
        }
    }
}

/// An entry of `mapRoles` or `mapUsers` that the authenticator takes.
struct Entry {
    principal: Principal,
    username: Name,
    groups: Vec<Name>,
}

impl Entry {
    /// Reads one as Go reads JSON into its types: keys in small or capital letters alike, a value of
    /// another type passed over, what else there is, too.
    fn read(field: &str, at: usize, one: &Node, found: &mut Inventory) -> Option<Self> {
        if let Node::Map(map) = one {
            unknown_fields(field, at, map.keys(), found);
        }
        let mut say = |within: Option<&str>, reason: &str| {
            unreadable(found, &place(field, at, within), reason);
        };
        let Node::Map(map) = one else {
            say(None, "no entry: it is passed over");
            return None;
        };
        let arn_key = if field == "mapRoles" { "rolearn" } else { "userarn" };
        let (mut arn, mut username) = (String::new(), String::new());
        let (mut groups, mut sso) = (Groups::default(), None);
        // By their names, as they stand in the JSON that is made of it; of two the last one counts.
        for (key, value) in map {
            let known = fields(field).find(|known| is_same_key(key, known));
            match (known, value) {
                (Some("sso"), Node::Null) => sso = None,
                (Some("sso"), value) => sso.get_or_insert_with(Sso::default).read(value),
                (Some("groups"), Node::List(list)) => {
                    let whole = groups.read(list);
                    if !whole {
                        say(Some("groups"), "a group that is no text, which is passed over");
                    }
                }
                (Some("groups"), Node::Null) => groups = Groups::default(),
                (_, Node::Null) => {}
                (Some("groups"), _) => {
                    say(Some("groups"), "no list: the entry counts without groups");
                }
                (Some("username"), Node::Text(text)) => text.clone_into(&mut username),
                (Some("username"), _) => {
                    say(Some("username"), "no text: the entry counts without a user name");
                }
                (Some(key), Node::Text(text)) if key == arn_key => text.clone_into(&mut arn),
                (Some(key), _) if key == arn_key => say(Some(key), "no text"),
                _ => {}
            }
        }
        let principal = match (arn.is_empty(), sso) {
            (false, None) => Principal::Arn(arn.into()),
            (true, Some(sso)) => match sso.principal() {
                Ok(sso) => sso,
                Err(reason) => {
                    say(Some("sso"), reason);
                    return None;
                }
            },
            (true, None) => {
                say(None, &format!("without a {arn_key}: it is passed over"));
                return None;
            }
            (false, Some(_)) => {
                say(None, "with both rolearn and sso: it is passed over");
                return None;
            }
        };
        Some(Self { principal, username: username.into(), groups: groups.all() })
    }

    /// Two of the same are one entry: the last one.
    fn key(&self) -> Name {
        match &self.principal {
            Principal::Arn(arn) => arn.to_lowercase().into(),
            sso @ Principal::Sso { .. } => sso.to_string().to_lowercase().into(),
        }
    }

    fn mapping(&self, uses: &Uses, field: &str, against: Option<&str>) -> Credential {
        let template = is_template(&self.username);
        let mut notes = Vec::new();
        if template {
            notes.push(
                "the user name is a template: everybody who can assume the role gets one of their \
                 own"
                .to_owned(),
            );
        }
        let of_session: Vec<&str> =
            self.groups.iter().filter(|group| is_template(group)).map(|group| &**group).collect();
        if !of_session.is_empty() {
            notes.push(format!(
                "which group {} is, the session says, which whoever assumes the role may call as \
                 they like",
                of_session.join(", ")
            ));
        }
        if self.username.is_empty() {
            notes.push(
                "without a user name: it is for a user whose name is empty, in its groups"
                    .to_owned(),
            );
        }
        let identity = Identity::from_user_name(&self.username);
        let last_use = match () {
            () if template => template::last_use(uses, &self.username, &mut notes),
            () if self.username.is_empty() => LastUse::NotKnown("it has no user name"),
            () => uses.by_user(&identity),
        };
        let standing = match (against, &self.principal) {
            (Some(why), _) => Standing::refused(why),
            (None, Principal::Sso { .. }) => Standing::NotKnown(
                "whether the authenticator matches roles of single sign-on is a feature of it that \
                 is off by default",
            ),
            // Others than this mapping may make such names as well.
            (None, _) if matches!(last_use, LastUse::Log { .. }) && !template => Standing::Good,
            (None, _) => MODE,
        };
        Credential {
            kind: Kind::CloudMapping,
            id: format!("aws-auth {field} {}", self.principal).into(),
            made: None,
            issued: None,
            expires: Expires::Never,
            bound: None,
            standing,
            last_use,
            groups: self.groups.clone(),
            owners: Vec::new(),
            revoke:
                "take the entry out of the ConfigMap kube-system/aws-auth, and in IAM what lets \
                     anybody be that cloud identity; a token made before works for up to 15 minutes"
                    .into(),
            notes,
            identity,
        }
    }
}

/// As it is called in the inventory.
impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arn(arn) => f.write_str(arn),
            Self::Sso { account, permission_set, partition } => {
                write!(f, "sso {permission_set} of {account}")?;
                partition.as_ref().map_or(Ok(()), |partition| write!(f, " in {partition}"))
            }
        }
    }
}

/// The groups of an entry, which may be given by several keys.
#[derive(Default)]
struct Groups {
    /// All that were ever read at a place of the list.
    read: Vec<String>,
    count: usize,
}

impl Groups {
    /// Reads a list as Go reads one over another: what is no text leaves what was read there before.
    /// Whether all of them are text.
    fn read(&mut self, list: &[Node]) -> bool {
        if list.is_empty() {
            self.read.clear();
        }
        self.read.resize(self.read.len().max(list.len()), String::new());
        self.count = list.len();
        let mut is_text = true;
        for (one, value) in self.read.iter_mut().zip(list) {
            match value {
                Node::Text(text) => text.clone_into(one),
                Node::Null => {}
                _ => is_text = false,
            }
        }
        is_text
    }

    fn all(&self) -> Vec<Name> {
        let all = self.read.iter().take(self.count);
        all.filter(|group| !group.is_empty()).map(|group| Name::from(&**group)).collect()
    }
}

/// The matcher of single sign-on, which may be given by several keys.
#[derive(Default)]
struct Sso {
    account: String,
    permission_set: String,
    partition: String,
    no_map: bool,
}

impl Sso {
    fn read(&mut self, of: &Node) {
        let Node::Map(map) = of else {
            self.no_map = true;
            return;
        };
        for (key, value) in map {
            let Some(text) = value.text() else { continue };
            let fields = [
                ("accountID", &mut self.account),
                ("permissionSetName", &mut self.permission_set),
                ("partition", &mut self.partition),
            ];
            let field = fields.into_iter().find(|(name, _)| is_same_key(key, name));
            if let Some((_, field)) = field {
                text.clone_into(field);
            }
        }
    }

    /// Whom it is for; what is wrong with it.
    fn principal(self) -> Result<Principal, &'static str> {
        let Self { account, permission_set, partition, no_map } = self;
        if no_map && account.is_empty() && permission_set.is_empty() {
            return Err("no map: the entry is passed over");
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("no accountID of twelve digits in quotes: the entry is passed over");
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if !(1..=32).contains(&permission_set.len()) || !permission_set.bytes().all(fits) {
            return Err("no permissionSetName: the entry is passed over");
        }
        let partition = Some(partition).filter(|text| !text.is_empty()).map(Name::from);
        Ok(Principal::Sso {
            account: account.into(),
            permission_set: permission_set.into(),
            partition,
        })
    }
}

fn whole_account(uses: &Uses, account: &Name) -> Credential {
    Credential {
        identity: Identity::user(format!("arn:aws:iam::{account}:*")),
        kind: Kind::CloudMapping,
        id: format!("aws-auth mapAccounts {account}").into(),
        made: None,
        issued: None,
        expires: Expires::Never,
        bound: None,
        standing: MODE,
        last_use: match uses.absent() {
            LastUse::NotInLog(_) => {
                LastUse::NotKnown("it stands for everybody of the cloud account")
            }
            other => other,
        },
        groups: Vec::new(),
        owners: Vec::new(),
        revoke:
            "take the account out of mapAccounts in the ConfigMap kube-system/aws-auth; a token \
                 made before works for up to 15 minutes"
                .into(),
        notes: vec!["everybody of that cloud account authenticates, by their ARN".to_owned()],
    }
}
