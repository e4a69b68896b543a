//! From the words of a person to a resource: plural, singular and short names, kinds,
//! `resource.group`, `resource/subresource`, as kubectl takes them.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::fast::RandomState as Seed;
use hashbrown::HashMap;

use super::builtin::{BUILTIN_VERSION, builtin_discovery};
use super::special::{FINALIZERS, Special};
use super::target::{ResourceTarget, Scoping, Served, Target};
use crate::model::{ApiResource, Discovery, Name, Objects, Snapshot};

/// Why words do not name a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No words.
    #[error("no resource given: write RESOURCE[.GROUP][/SUBRESOURCE], or a path such as /healthz")]
    Empty,
    /// More than one resource.
    #[error("{word:?} is ambiguous: say which of {}", candidates.join(", "))]
    Ambiguous {
        /// The words.
        word: String,
        /// What they may mean, as `resource.group`, sorted.
        candidates: Vec<String>,
    },
}

/// How a word names a resource; the plural comes first, as in kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Plural,
    Other,
}

/// Resolves words by what a server serves.
#[derive(Clone, Debug)]
pub struct Resolver {
    discovery: Arc<Discovery>,
    /// Lower-case words to positions in the table.
    words: HashMap<String, Vec<(By, u32)>, Seed>,
    /// (group, plural) of subresources to their positions.
    subresources: HashMap<(Name, Name), Vec<u32>, Seed>,
    /// By lower-case resource, from objects where the table is not the server's own or lacks a group:
    /// groups, and the resource as spelt there.
    mentioned: HashMap<String, BTreeSet<(Name, Name)>, Seed>,
}

/// The words, cut up.
struct Words<'t> {
    whole: &'t str,
    word: String,
    group: Option<String>,
    subresource: String,
}

impl<'t> Words<'t> {
    fn cut(whole: &'t str) -> Self {
        let (left, subresource) = whole.split_once('/').unwrap_or((whole, ""));
        let (word, group) = match left.split_once('.') {
            Some((word, group)) => (word, Some(group.to_lowercase())),
            None => (left, None),
        };
        Self { whole, word: word.to_lowercase(), group, subresource: subresource.to_owned() }
    }

    /// What to call it where nothing knows it: as typed, since the authorizer minds case.
    fn typed(&self) -> Name {
        let left = self.whole.split('/').next().unwrap_or_default();
        left.split('.').next().unwrap_or_default().into()
    }
}

/// `v1`, `v2beta1`.
fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return false;
    };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let suffix = digits
        .strip_prefix("alpha")
        .or_else(|| digits.strip_prefix("beta"))
        .map(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    digits.len() < rest.len() && (digits.is_empty() || suffix == Some(true))
}

impl Resolver {
    /// A resolver for the words of questions about a snapshot: over what its server serves, as far
    /// as that is known, else over the built-in table. An empty table is none: no API server
    /// serves nothing.
    pub fn of(snapshot: &Snapshot) -> Self {
        let known = !snapshot.discovery.resources.is_empty();
        let table = if known { snapshot.discovery.clone() } else { builtin_discovery() };
        Self::new(table).with_objects(&snapshot.objects)
    }

    /// A resolver over what a server serves, or over the built-in table.
    pub fn new(discovery: Arc<Discovery>) -> Self {
        let mut words: HashMap<String, Vec<(By, u32)>, Seed> = HashMap::default();
        let mut subresources: HashMap<(Name, Name), Vec<u32>, Seed> = HashMap::default();
        for (at, resource) in (0u32..).zip(&discovery.resources) {
            if let Some((plural, _)) = resource.name.split_once('/') {
                let key = (resource.group.clone(), plural.into());
                subresources.entry(key).or_default().push(at);
                continue;
            }
            let others = resource.short_names.iter().chain([&resource.singular, &resource.kind]);
            let mut add = |word: &str, by: By| {
                let found = words.entry(word.to_lowercase()).or_default();
                if !word.is_empty() && found.iter().all(|(_, have)| *have != at) {
                    found.push((by, at));
                }
            };
            add(&resource.name, By::Plural);
            for word in others {
                add(word, By::Other);
            }
        }
        Self { discovery, words, subresources, mentioned: HashMap::default() }
    }

    /// Learns from objects which resources exist besides the table's, by custom resource
    /// definitions and by the rules of roles. Only asked where the table is the built-in one, or
    /// of the groups that it lacks.
    #[must_use]
    pub fn with_objects(mut self, objects: &Objects) -> Self {
        if !self.discovery.builtin && self.discovery.failed_groups.is_empty() {
            return self;
        }
        for (kind, _, name) in objects.others.keys() {
            if &**kind == "CustomResourceDefinition"
                && let Some((plural, group)) = name.split_once('.')
            {
                self.mention(group, plural);
            }
        }
        for rule in objects.roles.values().flat_map(|role| &role.rules) {
            for resource in &rule.resources {
                let plural = resource.split('/').next().unwrap_or_default();
                for group in rule.api_groups.iter().filter(|group| &***group != "*") {
                    if plural != "*" && !self.lists(group, plural) {
                        self.mention(group, plural);
                    }
                }
            }
        }
        self
    }

    fn mention(&mut self, group: &str, plural: &str) {
        if self.lacking(|have| have == group).is_none() {
            return;
        }
        let places = self.mentioned.entry(plural.to_lowercase()).or_default();
        places.insert((group.into(), plural.into()));
    }

    /// Why it is not known whether something is served that the table does not list, in one of the
    /// groups that are meant; None: it is known.
    fn lacking(&self, meant: impl Fn(&str) -> bool) -> Option<Name> {
        if self.discovery.builtin {
            let words = format!(
                "the server's own list of what it serves is not known, and a fresh \
                 {BUILTIN_VERSION} does not serve it"
            );
            return Some(words.into());
        }
        let mut failed = self.discovery.failed_groups.iter().filter(|(have, _)| meant(have));
        let (group, why) = failed.next()?;
        let group = if group.is_empty() { "core" } else { group };
        let more = match failed.count() {
            0 => String::new(),
            more => format!(" and of {more} more"),
        };
        Some(format!("discovery of group {group}{more} failed: {why}").into())
    }

    fn lists(&self, group: &str, plural: &str) -> bool {
        self.words.get(plural).is_some_and(|found| {
            found.iter().any(|(by, at)| {
                *by == By::Plural && self.entry(*at).is_some_and(|have| &*have.group == group)
            })
        })
    }

    fn has_group(&self, group: &str) -> bool {
        self.discovery.resources.iter().any(|have| *have.group == *group)
    }

    fn entry(&self, at: u32) -> Option<&ApiResource> {
        self.discovery.resources.get(at as usize)
    }

    /// What the words mean in a question with this verb: a path where they begin with a slash,
    /// else a resource. What nothing serves is a target too: [`Served`] says so.
    ///
    /// # Errors
    /// Where there are no words, or they name more than one resource.
    pub fn resolve(&self, verb: &str, text: &str) -> Result<Target, ResolveError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ResolveError::Empty);
        }
        if text.starts_with('/') {
            return Ok(Target::Path(text.into()));
        }
        let words = Words::cut(text);
        if words.word.is_empty() {
            return Err(ResolveError::Empty);
        }
        if words.word == "*" {
            return Ok(Target::Resource(pattern(&words)));
        }
        if let Some(special) = Self::special(verb, &words)
            && verb != "*"
        {
            return Ok(Target::Resource(self.of_special(special, &words.subresource)));
        }
        let (found, also) = self.look_up(&words)?;
        let target = match found {
            Some(resource) => self.served(verb, resource, &words, also),
            None => match Self::special(verb, &words) {
                Some(special) => self.of_special(special, &words.subresource),
                None => self.unknown(&words)?,
            },
        };
        Ok(Target::Resource(target))
    }

    /// A synthetic resource by its plural or singular.
    fn special(verb: &str, words: &Words<'_>) -> Option<&'static Special> {
        let group = words.group.as_deref();
        let plural = format!("{}s", words.word);
        [&words.word, &plural]
            .into_iter()
            .find_map(|word| Special::find(verb, group, word, &words.subresource))
            .filter(|special| !special.verbs.is_empty())
    }

    fn of_special(&self, special: &Special, subresource: &str) -> ResourceTarget {
        let served =
            if special.subresource.is_empty() && self.lists(special.group, special.resource) {
                Served::Yes
            } else {
                Served::Virtual(special.asked_by)
            };
        ResourceTarget {
            group: special.group.into(),
            resource: special.resource.into(),
            subresource: subresource.into(),
            scoping: special.scoping,
            served,
            verbs: Vec::new(),
            also: Vec::new(),
        }
    }

    /// The one resource that the words name, and others that a word without a group names too: the
    /// core group wins, as in kubectl.
    fn look_up(
        &self,
        words: &Words<'_>,
    ) -> Result<(Option<&ApiResource>, Vec<Name>), ResolveError> {
        let all = self.words.get(&words.word).map_or(&[][..], Vec::as_slice);
        let found: Vec<(By, &ApiResource)> =
            all.iter().filter_map(|(by, at)| Some((*by, self.entry(*at)?))).collect();
        let found = match &words.group {
            Some(group) => in_group(&found, group),
            None => found,
        };
        let Some(best) = found.iter().map(|(by, _)| *by).min() else {
            return Ok((None, Vec::new()));
        };
        let of_class: Vec<&ApiResource> =
            found.into_iter().filter(|(by, _)| *by == best).map(|(_, found)| found).collect();
        let core = of_class.iter().copied().filter(|have| have.group.is_empty());
        let chosen = match (of_class.as_slice(), core.collect::<Vec<_>>().as_slice()) {
            ([one], _) | (_, [one]) => *one,
            _ => return Err(ambiguous(words.whole, of_class.into_iter().map(full_name))),
        };
        let others = of_class.iter().filter(|have| have.group != chosen.group);
        Ok((Some(chosen), others.map(|have| full_name(have).into()).collect()))
    }

    fn served(
        &self,
        verb: &str,
        resource: &ApiResource,
        words: &Words<'_>,
        also: Vec<Name>,
    ) -> ResourceTarget {
        let plural = &*resource.name;
        let mut target = ResourceTarget {
            group: resource.group.clone(),
            resource: resource.name.clone(),
            subresource: words.subresource.as_str().into(),
            scoping: scoping(resource.namespaced),
            served: Served::Yes,
            verbs: resource.verbs.clone(),
            also,
        };
        let special = || Special::find(verb, Some(&resource.group), plural, &words.subresource);
        if words.subresource.is_empty() {
            if let Some(special) =
                special().filter(|special| verb != "*" && !special.verbs.is_empty())
            {
                target.scoping = special.scoping;
                target.verbs.clear();
            }
            return target;
        }
        let key = (resource.group.clone(), resource.name.clone());
        let below: Vec<&ApiResource> = self
            .subresources
            .get(&key)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|at| self.entry(*at))
            .collect();
        let sub = |have: &ApiResource| have.name.get(plural.len() + 1..).map(str::to_owned);
        let listed = below
            .iter()
            .find(|have| sub(have).is_some_and(|sub| sub.eq_ignore_ascii_case(&words.subresource)));
        if let Some(listed) = listed {
            target.subresource = sub(listed).unwrap_or_default().into();
            target.verbs.clone_from(&listed.verbs);
        } else if let Some(special) = special() {
            target.scoping = special.scoping;
            target.served = Served::Virtual(special.asked_by);
            target.verbs.clear();
        } else if words.subresource == "finalizers" {
            target.served = Served::Virtual(FINALIZERS);
            target.verbs = vec!["update".into()];
        } else {
            let known = below.iter().filter_map(|have| sub(have));
            let known = known.map(|sub| format!("{plural}/{sub}").into()).collect();
            let lacking = self.lacking(|have| *have == *resource.group);
            target.served = lacking.map_or(Served::No(known), Served::NotKnown);
            target.verbs.clear();
        }
        target
    }

    /// What no table lists.
    fn unknown(&self, words: &Words<'_>) -> Result<ResourceTarget, ResolveError> {
        let mut target = ResourceTarget {
            group: words.group.as_deref().unwrap_or_default().into(),
            resource: words.typed(),
            subresource: words.subresource.as_str().into(),
            scoping: Scoping::Either,
            served: Served::No(Vec::new()),
            verbs: Vec::new(),
            also: Vec::new(),
        };
        let said = words.group.as_deref();
        // As in `in_group`: the beginning of a group's name will do.
        let meant = |have: &str| said.is_none_or(|said| have.starts_with(said));
        let Some(reason) = self.lacking(meant) else { return Ok(target) };
        let all = self.mentioned.get(&words.word).into_iter().flatten();
        let mut places: Vec<&(Name, Name)> =
            all.filter(|(group, _)| said.is_none_or(|said| *said == **group)).collect();
        // A rule that names several groups means each resource in one of them; groups of which the
        // table lists everything are the less likely ones.
        if places.iter().any(|(group, _)| !self.has_group(group)) {
            places.retain(|(group, _)| !self.has_group(group));
        }
        target.served = Served::NotKnown(reason.clone());
        match places.as_slice() {
            [] if said.is_none() => target.served = Served::Unresolved(reason),
            [] => {}
            [(group, plural)] => {
                let own = self.lacking(|have| *have == **group);
                target.served = Served::NotKnown(own.unwrap_or(reason));
                target.group = group.clone();
                target.resource = plural.clone();
            }
            many => {
                let names = many.iter().map(|(group, plural)| format!("{plural}.{group}"));
                return Err(ambiguous(words.whole, names));
            }
        }
        Ok(target)
    }
}

/// The members of a group: exactly, else with the version between resource and group left out,
/// else by the beginning of its name, as kubectl does.
fn in_group<'r>(found: &[(By, &'r ApiResource)], group: &str) -> Vec<(By, &'r ApiResource)> {
    let pick = |wanted: &dyn Fn(&str) -> bool| -> Vec<(By, &'r ApiResource)> {
        found.iter().copied().filter(|(_, have)| wanted(&have.group)).collect()
    };
    let exact = pick(&|have| have == group);
    if !exact.is_empty() || group.is_empty() {
        return exact;
    }
    let (version, rest) = group.split_once('.').unwrap_or((group, ""));
    if is_version(version) {
        let versioned = pick(&|have| have == rest);
        if !versioned.is_empty() {
            return versioned;
        }
    }
    pick(&|have| have.starts_with(group))
}

fn scoping(namespaced: bool) -> Scoping {
    if namespaced { Scoping::Namespaced } else { Scoping::Cluster }
}

/// `pods`, `deployments.apps`.
fn full_name(resource: &ApiResource) -> String {
    if resource.group.is_empty() {
        resource.name.to_string()
    } else {
        format!("{}.{}", resource.name, resource.group)
    }
}

fn ambiguous(word: &str, candidates: impl IntoIterator<Item = String>) -> ResolveError {
    let mut candidates: Vec<String> = candidates.into_iter().collect();
    candidates.sort();
    candidates.dedup();
    ResolveError::Ambiguous { word: word.to_owned(), candidates }
}

/// `*`, `*.apps`, `*/scale`: without a group it is every group.
fn pattern(words: &Words<'_>) -> ResourceTarget {
    ResourceTarget {
        group: words.group.as_deref().unwrap_or("*").into(),
        resource: "*".into(),
        subresource: words.subresource.as_str().into(),
        scoping: Scoping::Either,
        served: Served::Pattern,
        verbs: Vec::new(),
        also: Vec::new(),
    }
}
