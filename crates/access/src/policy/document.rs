//! From a JSON document to a [`Policy`], with a place for every mistake.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::mistake::{PolicyMistake, PolicyProblem};
use super::pattern::Pattern;
use super::{Effect, Policy, Statement};

const POLICY_KEYS: &[&str] = &["Version", "Statement"];
const STATEMENT_KEYS: &[&str] = &["Effect", "Action", "Resource"];
/// Keys of the policy language that narrow or widen a statement in ways not understood here.
const UNSUPPORTED_KEYS: &[&str] = &["Condition", "NotAction", "NotResource", "Principal"];

pub(super) fn parse(json: &str) -> Result<Policy, Vec<PolicyMistake>> {
    let mut reader = Reader { document: json, mistakes: Vec::new() };
    let policy = reader.policy();
    match policy {
        Some(policy) if reader.mistakes.is_empty() => Ok(policy),
        _ => {
            reader.mistakes.sort_by_key(|mistake| mistake.bytes.start);
            Err(reader.mistakes)
        }
    }
}

/// A value of the document: its path, and its text in place.
#[derive(Clone)]
struct Node<'a> {
    path: String,
    text: &'a str,
}

/// Collects mistakes while it reads. What returns `None` has reported why.
struct Reader<'a> {
    document: &'a str,
    mistakes: Vec<PolicyMistake>,
}

impl<'a> Reader<'a> {
    fn policy(&mut self) -> Option<Policy> {
        let raw = match serde_json::from_str::<&RawValue>(self.document) {
            Ok(raw) => raw,
            Err(error) => {
                self.syntax(&error);
                return None;
            }
        };
        let root = Node { path: "$".to_owned(), text: raw.get() };
        let [version, statements] = self.object(&root, POLICY_KEYS)?;
        if let Some(version) = version
            && self.text(&version).is_some_and(|text| text != "1")
        {
            self.mistake(&version, PolicyProblem::Version);
        }
        let statements = self.list(&statements?)?;
        let statements = statements.iter().filter_map(|node| self.statement(node)).collect();
        Some(Policy { statements })
    }

    fn statement(&mut self, node: &Node<'a>) -> Option<Statement> {
        let [effect, actions, resources] = self.object(node, STATEMENT_KEYS)?;
        let effect = effect.and_then(|node| self.effect(&node));
        let actions = actions.and_then(|node| self.patterns(&node, action_pattern));
        let resources = resources.and_then(|node| self.patterns(&node, resource_pattern));
        Some(Statement { effect: effect?, actions: actions?, resources: resources? })
    }

    fn effect(&mut self, node: &Node<'a>) -> Option<Effect> {
        match self.text(node)?.as_str() {
            "Allow" => Some(Effect::Allow),
            "Deny" => Some(Effect::Deny),
            _ => {
                self.mistake(node, PolicyProblem::Effect);
                None
            }
        }
    }

    /// The patterns of a text or of a list of texts.
    fn patterns(
        &mut self,
        node: &Node<'a>,
        check: fn(&str) -> Result<Pattern, PolicyProblem>,
    ) -> Option<Vec<Pattern>> {
        let nodes = if node.text.starts_with('[') { self.list(node)? } else { vec![node.clone()] };
        let mut patterns = Vec::new();
        for node in nodes {
            let Some(text) = self.text(&node) else { continue };
            match check(&text) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => self.mistake(&node, problem),
            }
        }
        Some(patterns)
    }

    /// The members of an object, in the order of `keys`. A missing one is reported and `None`.
    fn object<const N: usize>(
        &mut self,
        node: &Node<'a>,
        keys: &'static [&'static str],
    ) -> Option<[Option<Node<'a>>; N]> {
        let Ok(members) = serde_json::from_str::<Members<'a>>(node.text) else {
            self.mistake(node, PolicyProblem::Expected("an object: { ... }"));
            return None;
        };
        let mut found = [const { None }; N];
        for (key, raw) in members.0 {
            let member = Node { path: format!("{}.{key}", node.path), text: raw.get() };
            let slot = keys.iter().position(|known| *known == key);
            match slot.and_then(|slot| found.get_mut(slot)) {
                Some(slot @ None) => *slot = Some(member),
                Some(Some(_)) => self.mistake(&member, PolicyProblem::Repeated(key)),
                None if UNSUPPORTED_KEYS.contains(&key.as_str()) => {
                    self.mistake(&member, PolicyProblem::Unsupported(key));
                }
                None => self.mistake(&member, PolicyProblem::UnknownKey { key, allowed: keys }),
            }
        }
        for (key, _) in keys.iter().zip(&found).filter(|(_, member)| member.is_none()) {
            self.mistake(node, PolicyProblem::Missing(key));
        }
        Some(found)
    }

    fn list(&mut self, node: &Node<'a>) -> Option<Vec<Node<'a>>> {
        let Ok(elements) = serde_json::from_str::<Vec<&'a RawValue>>(node.text) else {
            self.mistake(node, PolicyProblem::Expected("a list: [ ... ]"));
            return None;
        };
        if elements.is_empty() {
            self.mistake(node, PolicyProblem::Empty);
        }
        let element = |(index, raw): (usize, &&'a RawValue)| Node {
            path: format!("{}[{index}]", node.path),
            text: raw.get(),
        };
        Some(elements.iter().enumerate().map(element).collect())
    }

    fn text(&mut self, node: &Node<'a>) -> Option<String> {
        let text = serde_json::from_str(node.text).ok();
        if text.is_none() {
            self.mistake(node, PolicyProblem::Expected("a text in quotes"));
        }
        text
    }

    fn mistake(&mut self, node: &Node<'a>, problem: PolicyProblem) {
        let start = offset(self.document, node.text);
        let bytes = start..start + node.text.len();
        self.mistakes.push(PolicyMistake::new(self.document, node.path.clone(), bytes, problem));
    }

    fn syntax(&mut self, error: &serde_json::Error) {
        let start = self
            .document
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let column = error.column().saturating_sub(1);
        let at = (0..=start.saturating_add(column).min(self.document.len()))
            .rfind(|at| self.document.is_char_boundary(*at))
            .unwrap_or_default();
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default().to_owned();
        let problem = PolicyProblem::Syntax(what);
        self.mistakes.push(PolicyMistake::new(self.document, "$".to_owned(), at..at, problem));
    }
}

/// Where `part`, a slice of `document`, starts in it.
fn offset(document: &str, part: &str) -> usize {
    let Range { start, end } = document.as_bytes().as_ptr_range();
    let part = part.as_ptr();
    if (start..end).contains(&part) { part.addr() - start.addr() } else { 0 }
}

fn action_pattern(text: &str) -> Result<Pattern, PolicyProblem> {
    let is_action =
        text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
    if text == "*" || is_action {
        Ok(Pattern::new(text.to_ascii_lowercase()))
    } else {
        Err(PolicyProblem::Action)
    }
}

fn resource_pattern(text: &str) -> Result<Pattern, PolicyProblem> {
    if text == "*" {
        return Ok(Pattern::new(text));
    }
    let mut parts = text.splitn(5, ':');
    let mut part = || parts.next().ok_or(PolicyProblem::Resource);
    let (vendor, service, region, account) = (part()?, part()?, part()?, part()?);
    let resource = part()?;
    if vendor != "acs" || service.is_empty() || resource.is_empty() {
        return Err(PolicyProblem::Resource);
    }
    // A region or account that never matches would silently turn off the statement, also a Deny.
    // Resources of other services never apply here, so theirs do no harm.
    let applies = Pattern::new(service).matches("log");
    if applies && (region, account) != ("*", "*") {
        return Err(PolicyProblem::RegionOrAccount);
    }
    Ok(Pattern::new(text))
}

/// The members of a JSON object in their order, repeats kept.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(InOrder).map(Self)
    }
}
