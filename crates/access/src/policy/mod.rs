//! Policies: documents that say which actions are allowed on which resources.

mod document;
mod mistake;
mod pattern;
#[cfg(test)]
mod tests;

pub use mistake::{PolicyMistake, PolicyProblem};
use pattern::Pattern;

use crate::action::Action;
use crate::name::{LogstoreName, ProjectName};

/// A policy document, parsed.
///
/// The language is the one of the reference document on uploading logs over the Kafka protocol
/// (section on permissions): `Version` is `"1"`, and each `Statement` has an `Effect`, an `Action`
/// and a `Resource`, the last two a text or a list of texts with the wildcards `*` (any number of
/// characters, also none) and `?` (exactly one). Actions are compared without regard to case.
///
/// ```
/// use logboom_access::Policy;
///
/// let policy = Policy::parse(r#"{
///     "Version": "1",
///     "Statement": [{
///         "Effect": "Allow",
///         "Action": "log:PostLogStoreLogs",
///         "Resource": "acs:log:*:*:project/demo/logstore/*"
///     }]
/// }"#);
/// assert!(policy.is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Reads a policy document.
    ///
    /// # Errors
    ///
    /// Every mistake in it, in the order of the document. What this crate does not understand, such
    /// as a `Condition`, is a mistake too: ignoring it would change what the policy says.
    pub fn parse(json: &str) -> Result<Self, Vec<PolicyMistake>> {
        document::parse(json)
    }

    /// The policy that allows every action on every Logstore of the key's project.
    #[must_use]
    pub fn full_access() -> Self {
        let everything = || vec![Pattern::new("*")];
        let statement =
            Statement { effect: Effect::Allow, actions: everything(), resources: everything() };
        Self { statements: vec![statement] }
    }

    /// What the policy says about an action on a resource.
    pub(crate) fn verdict(&self, action: Action, resource: &Resource) -> Verdict {
        self.statements
            .iter()
            .filter(|statement| statement.covers(action, resource))
            .map(|statement| Verdict::from(statement.effect))
            .max()
            .unwrap_or(Verdict::Silent)
    }
}

/// What one policy, or all policies of a key, say about a question. Later ones outrank earlier
/// ones: a denial always wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Silent,
    Allowed,
    Denied,
}

impl From<Effect> for Verdict {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allowed,
            Effect::Deny => Self::Denied,
        }
    }
}

/// A Logstore as policies name it.
#[derive(Debug)]
pub(crate) struct Resource(String);

impl Resource {
    pub(crate) fn new(project: &ProjectName, logstore: &LogstoreName) -> Self {
        // For every request: four times as fast as formatting it.
        let parts = ["acs:log:*:*:project/", project.as_str(), "/logstore/", logstore.as_str()];
        Self(parts.concat())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    effect: Effect,
    /// In lower case.
    actions: Vec<Pattern>,
    resources: Vec<Pattern>,
}

impl Statement {
    fn covers(&self, action: Action, resource: &Resource) -> bool {
        self.actions.iter().any(|pattern| pattern.matches(action.folded()))
            && self.resources.iter().any(|pattern| pattern.matches(&resource.0))
    }
}
