use std::fmt;

use logboom_model::Form;

use crate::name::{LogstoreName, NameError};

/// What a topic ends with if its values are to be read as JSON.
const JSON_SUFFIX: &str = ".json";

/// A Kafka topic: a Logstore, and how the values written to it are to be read.
///
/// `X` and `X.json` name the same Logstore (reference document on uploading logs over the Kafka
/// protocol, section on parameters). A Logstore's name contains no dot, so no topic has two
/// meanings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    logstore: LogstoreName,
    form: Form,
}

impl Topic {
    /// The topic that writes to `logstore` in `form`.
    #[must_use]
    pub const fn new(logstore: LogstoreName, form: Form) -> Self {
        Self { logstore, form }
    }

    /// Takes a topic apart.
    ///
    /// # Errors
    ///
    /// If what is left without `.json` is not the name of a Logstore.
    pub fn parse(topic: &str) -> Result<Self, TopicError> {
        let (name, form) = match topic.strip_suffix(JSON_SUFFIX) {
            Some(name) => (name, Form::Json),
            None => (topic, Form::Raw),
        };
        match name.parse() {
            Ok(logstore) => Ok(Self { logstore, form }),
            Err(reason) => Err(TopicError { reason }),
        }
    }

    /// The Logstore it writes to.
    #[must_use]
    pub const fn logstore(&self) -> &LogstoreName {
        &self.logstore
    }

    /// How the values written to it are read.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.logstore.as_str())?;
        match self.form {
            Form::Raw => Ok(()),
            Form::Json => f.write_str(JSON_SUFFIX),
        }
    }
}

/// A topic that can name no Logstore, whether or not one exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicError {
    /// What is wrong with the name.
    pub reason: NameError,
}

impl TopicError {
    /// The stable code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "LB0522"
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no Logstore can have this name: {}", self.reason)
    }
}

impl std::error::Error for TopicError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_topics_of_a_logstore_name_it() {
        let raw = Topic::parse("nginx").expect("a topic");
        let json = Topic::parse("nginx.json").expect("a topic");
        assert_eq!(raw.logstore(), json.logstore());
        assert_eq!((raw.form(), json.form()), (Form::Raw, Form::Json));
    }

    #[test]
    fn a_logstore_may_be_called_json() {
        assert_eq!(Topic::parse("json").expect("a topic").form(), Form::Raw);
        assert_eq!(Topic::parse("json.json").expect("a topic").form(), Form::Json);
    }

    #[test]
    fn other_dots_are_refused() {
        for topic in [".json", "a.b", "nginx.json.json", "nginx.JSON", "nginx.", "../x", ""] {
            assert!(Topic::parse(topic).is_err(), "{topic}");
        }
    }

    proptest! {
        #[test]
        fn a_topic_is_printed_as_it_was_written(topic in "[a-z0-9][a-z0-9_-]{1,62}(\\.json)?") {
            prop_assert_eq!(Topic::parse(&topic).expect("a topic").to_string(), topic);
        }
    }
}
