//! Hashes that stand for values.
//!
//! What clients choose is told apart by 64 bits under a secret seed, requests by 104: a client that
//! does not know the seed cannot make two values meet. Every process draws its own, unless a store
//! of former readings has one already. Where an order is needed that is the same in every process,
//! an unseeded hash gives it.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::{FixedState, SeedableRandomState};

static HASHERS: OnceLock<Hashers> = OnceLock::new();
const ORDER: FixedState = FixedState::with_seed(0x006b_6579_626f_6f6b);

struct Hashers {
    seed: Seed,
    ids: SeedableRandomState,
    highs: SeedableRandomState,
    lows: SeedableRandomState,
}

/// The secret behind all ids and fingerprints of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub [u64; 4]);

impl Seed {
    fn random() -> Self {
        // Each of these is keyed anew by the system's randomness.
        Self([(); 4].map(|()| RandomState::new().hash_one(0x6b65_7962_6f6f_6b00_u64)))
    }

    /// The seed of this process, drawn now if nothing was hashed yet.
    pub fn of_process() -> Self {
        hashers().seed
    }

    /// The seed of this process if it has one already, else one that it may adopt.
    pub fn proposed() -> Self {
        HASHERS.get().map_or_else(Self::random, |hashers| hashers.seed)
    }

    /// Makes it the seed of this process; false where the process has another one already.
    pub fn adopt(self) -> bool {
        HASHERS.get_or_init(|| Hashers::new(self)).seed == self
    }
}

impl Hashers {
    fn new(seed: Seed) -> Self {
        let Seed([shared, ids, highs, lows]) = seed;
        // One, once a process.
        let shared: &'static SharedSeed = Box::leak(Box::new(SharedSeed::from_u64(shared)));
        let state = |own| SeedableRandomState::with_seed(own, shared);
        Self { seed, ids: state(ids), highs: state(highs), lows: state(lows) }
    }
}

fn hashers() -> &'static Hashers {
    HASHERS.get_or_init(|| Hashers::new(Seed::random()))
}

/// Changes where ids and fingerprints under one seed do: what was noted under another may not be
/// compared with them.
pub fn check() -> u64 {
    let said: (&str, Option<i64>, &str, u64) = ("7f1c", Some(-1), "get", 9);
    let (high, low) = request_fingerprint(said.0, &said);
    mix(&[high, low, id(&said), order(&said)])
}

/// What stands for a value under this seed; never 0, which stands for none.
pub fn id<T: Hash + ?Sized>(value: &T) -> u64 {
    hashers().ids.hash_one(value).max(1)
}

/// Several ids as one, in their order.
pub fn mix(ids: &[u64]) -> u64 {
    let mut hasher = hashers().ids.build_hasher();
    for id in ids {
        hasher.write_u64(*id);
    }
    hasher.finish().max(1)
}

/// What orders values alike in every process.
pub fn order<T: Hash + ?Sized>(value: &T) -> u64 {
    ORDER.hash_one(value)
}

/// 128 bits that stand for a value under this seed.
pub fn fingerprint<T: Hash>(value: &T) -> (u64, u64) {
    (hashers().highs.hash_one(value), hashers().lows.hash_one(value))
}

/// 128 bits that stand for a request: 64 for the id under which it was logged, which servers that
/// pass it on share, and 64 for everything that names it.
pub fn request_fingerprint<T: Hash>(audit_id: &str, all: &T) -> (u64, u64) {
    (hashers().highs.hash_one(audit_id), hashers().lows.hash_one(all))
}

/// A value with what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed<T> {
    pub value: T,
    pub id: u64,
    pub order: u64,
}

impl<T: Hash> Hashed<T> {
    pub fn new(value: T) -> Self {
        Self { id: id(&value), order: order(&value), value }
    }
}

/// Maps whose keys are such ids already.
pub type ById<T> = hashbrown::HashMap<u64, T, BuildHasherDefault<Taken>>;

/// Takes a 64-bit id as its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
