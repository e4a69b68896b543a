//! What there is to see of an identity.

/// A tab of an identity's page, and of the preview.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// What it may do.
    #[default]
    Permissions,
    /// By which bindings.
    Grants,
    /// What it did.
    Activity,
    /// With what it authenticates.
    Credentials,
    /// What it can become.
    Reach,
    /// What runs as it.
    Workloads,
    /// What is wrong.
    Findings,
    /// In which groups it is; of a group, who is in it.
    Groups,
}

impl Tab {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Permissions,
        Self::Grants,
        Self::Activity,
        Self::Credentials,
        Self::Reach,
        Self::Workloads,
        Self::Findings,
        Self::Groups,
    ];

    /// The word on the tab.
    pub fn title(self, of_group: bool) -> &'static str {
        match self {
            Self::Permissions => "Permissions",
            Self::Grants => "Grants",
            Self::Activity => "Activity",
            Self::Credentials => "Credentials",
            Self::Reach => "Reach",
            Self::Workloads => "Workloads",
            Self::Findings => "Findings",
            Self::Groups if of_group => "Members",
            Self::Groups => "Groups",
        }
    }

    /// Whether it is lines to read instead of rows with a cursor.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Activity | Self::Reach | Self::Workloads)
    }

    /// The tab so many further, round and round.
    #[must_use]
    pub fn turned(self, by: isize) -> Self {
        turned(&Self::ALL, self, by)
    }
}

/// The value so many further in a circle.
pub fn turned<T: Copy + PartialEq>(all: &[T], from: T, by: isize) -> T {
    let at = all.iter().position(|have| *have == from).unwrap_or_default();
    let count = all.len().max(1).cast_signed();
    let next = (at.cast_signed() + by).rem_euclid(count).cast_unsigned();
    all.get(next).copied().unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_go_round() {
        assert_eq!(Tab::Permissions.turned(-1), Tab::Groups);
        assert_eq!(Tab::Groups.turned(1), Tab::Permissions);
        assert_eq!(Tab::Grants.turned(1), Tab::Activity);
    }
}
