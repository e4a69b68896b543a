//! The forms in which a store keeps what was read of a source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use serde::{Deserialize, Deserializer};

use super::covered::Unread;

/// Words from a file, for ever: there are few, and each is held once.
fn word(text: String) -> &'static str {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(&*text) {
        return known;
    }
    let new: &'static str = text.leak();
    words.insert(new);
    new
}

/// Counts by reason.
pub fn reasons<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<&'static str, Unread>, D::Error> {
    let all = BTreeMap::<String, Unread>::deserialize(from)?;
    Ok(all.into_iter().map(|(reason, unread)| (word(reason), unread)).collect())
}

/// Counts by number; kinds that came later are 0 in what was kept before.
pub mod counts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, const N: usize>(
        counts: &[u64; N],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        counts.as_slice().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[u64; N], D::Error> {
        let all = Vec::<u64>::deserialize(from)?;
        let mut counts = [0; N];
        for (count, kept) in counts.iter_mut().zip(all) {
            *count = kept;
        }
        Ok(counts)
    }
}

/// Something by stretches of time, as a list.
pub mod stretches {
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::HashMap;

    pub fn serialize<S: Serializer, T: Serialize>(
        all: &HashMap<i64, T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut list: Vec<(&i64, &T)> = all.iter().collect();
        list.sort_unstable_by_key(|(at, _)| **at);
        list.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>, T: DeserializeOwned>(
        from: D,
    ) -> Result<HashMap<i64, T>, D::Error> {
        Ok(Vec::<(i64, T)>::deserialize(from)?.into_iter().collect())
    }
}
