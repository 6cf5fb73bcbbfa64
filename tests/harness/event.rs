use serde_json::Value;

/// An event in the log of a server, which is JSON because nobody reads it on a terminal.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(Value);

impl Event {
    /// The event of a line; `None` if it is none.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().filter(Value::is_object).map(Self)
    }

    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// Its `LB` code, or an empty text.
    #[must_use]
    pub fn code(&self) -> &str {
        self.text("code")
    }

    /// A member that is a text, or an empty text.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_default()
    }

    /// A member that is a number.
    #[must_use]
    pub fn number(&self, member: &str) -> Option<u64> {
        self.0[member].as_u64()
    }
}
