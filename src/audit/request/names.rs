//! Names, and what is made of them, that come again and again, held once.

use std::sync::Arc;

use hashbrown::HashSet;

use super::clip::clip;
use crate::model::{Call, Name};

/// What one reader met lately.
#[derive(Debug, Default)]
pub struct Names {
    single: HashSet<Name, foldhash::fast::RandomState>,
    sets: HashSet<Arc<[Name]>, foldhash::fast::RandomState>,
    calls: HashSet<Arc<Call>, foldhash::fast::RandomState>,
}

/// How many of each are remembered.
const LATELY: usize = 4096;

impl Names {
    /// The shared form of `text`, clipped.
    pub fn name(&mut self, text: &str) -> Name {
        let text = &*clip(text);
        if let Some(name) = self.single.get(text) {
            return name.clone();
        }
        if self.single.len() >= LATELY {
            self.single.clear();
        }
        let name = Name::from(text);
        self.single.insert(name.clone());
        name
    }

    /// The shared form of a set: sorted, each name once.
    pub fn set(&mut self, mut names: Vec<Name>) -> Arc<[Name]> {
        names.sort_unstable();
        names.dedup();
        if let Some(set) = self.sets.get(&*names) {
            return set.clone();
        }
        if self.sets.len() >= LATELY {
            self.sets.clear();
        }
        let set: Arc<[Name]> = names.into();
        self.sets.insert(set.clone());
        set
    }

    /// The shared form of a call.
    pub fn call(&mut self, call: Call) -> Arc<Call> {
        if let Some(call) = self.calls.get(&call) {
            return call.clone();
        }
        if self.calls.len() >= LATELY {
            self.calls.clear();
        }
        let call = Arc::new(call);
        self.calls.insert(call.clone());
        call
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_however_many_come_between() {
        let mut names = Names::default();
        let (one, again) = (names.name("get"), names.name("get"));
        assert!(Arc::ptr_eq(&one, &again));
        for number in 0..2 * LATELY {
            assert_eq!(&*names.name(&number.to_string()), number.to_string());
            let set = names.set(vec!["z".into(), number.to_string().into(), "z".into()]);
            assert_eq!(*set, [number.to_string().into(), "z".into()]);
        }
        assert_eq!(names.name("get"), one);
    }
}
