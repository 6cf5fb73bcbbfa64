//! The tables of a configuration, one file each: from TOML to the typed model.

mod access_key;
mod listener;
mod node;
mod project;

use toml::de::DeTable;

use super::model::{AccessKey, Listener, Node, Project};
use super::section::Section;
use crate::diagnostics::{Findings, SourceId};

const TOP_KEYS: [&str; 5] = ["include", "node", "listener", "project", "access_key"];
const INCLUDED_KEYS: [&str; 3] = ["listener", "project", "access_key"];

/// What the files have said so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) node: Node,
    pub(super) listeners: Vec<Listener>,
    pub(super) projects: Vec<Project>,
    pub(super) access_keys: Vec<AccessKey>,
}

/// Reads the file that was named on the command line, and returns the patterns it includes.
pub(super) fn read_main(
    findings: &mut Findings,
    source: SourceId,
    table: &DeTable<'_>,
    draft: &mut Draft,
) -> Vec<super::model::Located<String>> {
    let top = Section::top(findings, source, table, &TOP_KEYS);
    if let Some(value) = top.get("node") {
        draft.node = node::read(findings, source, value);
    }
    read_lists(findings, source, &top, draft);
    top.strings(findings, "include")
}

/// Reads a file that another one includes. It cannot include files itself, and `[node]` stands in
/// the main file, so that there is one place to look for it.
pub(super) fn read_included(
    findings: &mut Findings,
    source: SourceId,
    table: &DeTable<'_>,
    draft: &mut Draft,
) {
    let top = Section::top(findings, source, table, &INCLUDED_KEYS);
    read_lists(findings, source, &top, draft);
}

fn read_lists(findings: &mut Findings, source: SourceId, top: &Section<'_>, draft: &mut Draft) {
    for value in top.list(findings, "listener") {
        draft.listeners.extend(listener::read(findings, source, value));
    }
    for value in top.list(findings, "project") {
        draft.projects.extend(project::read(findings, source, value));
    }
    for value in top.list(findings, "access_key") {
        draft.access_keys.extend(access_key::read(findings, source, value));
    }
}
