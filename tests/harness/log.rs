use serde_json::{Map, Value};

/// A log as `read --format json --with-offsets` prints it.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Its shard.
    pub shard: u64,
    /// Its offset in the shard.
    pub offset: u64,
    /// All of its members.
    pub members: Map<String, Value>,
}

impl Log {
    /// The log of a line.
    ///
    /// # Panics
    ///
    /// If it is none.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let members: Map<String, Value> = serde_json::from_str(line).expect("an object");
        let number = |name: &str| members[name].as_u64().expect("a number");
        Self { shard: number("__shard__"), offset: number("__offset__"), members }
    }

    /// A field that is a text, or an empty text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.members.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value of a record that was written raw.
    #[must_use]
    pub fn content(&self) -> &str {
        self.text("content")
    }
}
