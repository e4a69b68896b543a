//! Where in its life a request was noted, and what that is worth.

/// `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    RequestReceived,
    Panic,
    ResponseStarted,
    ResponseComplete,
}

impl Stage {
    /// From the log's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "RequestReceived" => Self::RequestReceived,
            "ResponseStarted" => Self::ResponseStarted,
            "ResponseComplete" => Self::ResponseComplete,
            "Panic" => Self::Panic,
            _ => return None,
        })
    }
}

/// How much a line knows of its request: of several lines the one that knows most counts, for
/// everything. A line behind the authorizer knows more than `RequestReceived`, one with the noted
/// decision more than one without, a real answer more than the one that the server makes up for a
/// connection that was cut, and a later stage more than an earlier one. Below 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Standing(pub u8);

impl Standing {
    pub fn new(stage: Stage, decided: bool, synthetic: bool) -> Self {
        let later = u8::from(stage != Stage::RequestReceived) << 4;
        let decided = u8::from(decided) << 3;
        let real = u8::from(!synthetic) << 2;
        Self(later | decided | real | stage as u8)
    }

    /// Whether nothing but `RequestReceived` is known.
    pub fn received_only(self) -> bool {
        self.0 < 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_knows_more_stands_higher() {
        let rising = [
            Standing::new(Stage::RequestReceived, false, false),
            Standing::new(Stage::ResponseComplete, false, true),
            Standing::new(Stage::Panic, false, false),
            Standing::new(Stage::ResponseStarted, false, false),
            Standing::new(Stage::ResponseComplete, false, false),
            Standing::new(Stage::ResponseComplete, true, true),
            Standing::new(Stage::Panic, true, false),
            Standing::new(Stage::ResponseStarted, true, false),
            Standing::new(Stage::ResponseComplete, true, false),
        ];
        assert!(rising.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(rising.iter().all(|standing| standing.0 < 32));
        let only: Vec<bool> = rising.iter().map(|standing| standing.received_only()).collect();
        assert_eq!(only, [true, false, false, false, false, false, false, false, false]);
    }
}
