//! Who might do what at which time.

use crate::model::Objects;
use crate::rbac::Authorizer;

/// The authorizer as the bindings stood: a binding that was made while the log ran allowed nothing
/// before.
pub(super) struct Eras {
    /// From when each holds, the first from ever.
    from: Vec<i64>,
    authorizers: Vec<Authorizer>,
}

impl Eras {
    pub(super) fn new(objects: &Objects, start: i64) -> Self {
        let made = |objects: &Objects| -> Vec<i64> {
            let times = objects.bindings.values().filter_map(|it| it.meta.creation_timestamp);
            times.map(|at| at.timestamp_micros()).collect()
        };
        let mut from: Vec<i64> = made(objects).into_iter().filter(|at| *at > start).collect();
        from.push(i64::MIN);
        from.sort_unstable();
        from.dedup();
        let authorizers = from
            .iter()
            .map(|since| {
                let mut then = objects.clone();
                for (key, binding) in &objects.bindings {
                    let made = binding.meta.creation_timestamp;
                    if made.is_some_and(|at| at.timestamp_micros() > start.max(*since)) {
                        then.bindings.remove(key);
                    }
                }
                Authorizer::new(&then)
            })
            .collect();
        Self { from, authorizers }
    }

    pub(super) fn at(&self, time: i64) -> usize {
        self.from.partition_point(|from| *from <= time).saturating_sub(1)
    }

    pub(super) fn authorizer(&self, era: usize) -> &Authorizer {
        // There is always a first.
        self.authorizers.get(era).unwrap_or_else(|| &self.authorizers[0])
    }
}
