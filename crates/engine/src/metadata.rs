//! The cluster as one client may see it.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use logboom_access::{Action, Form, Logstore};
use logboom_conn::{Command, MetadataQuery};
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{MetadataTopic, TopicSelection};
use logboom_wire::response::{ClusterView, TopicView};
use sha2::{Digest, Sha256};

use crate::refusal::Refusal;
use crate::session::{Advertise, Client};
use crate::{Engine, topics};

/// There is one node, and it leads everything.
const NODE_ID: i32 = 1;

/// Answers a Metadata request.
pub(crate) fn answer(engine: &Engine, client: &Client, query: MetadataQuery) {
    let (host, port) = address(client, query.server_name.as_deref());
    let view = ClusterView {
        cluster_id: cluster_id(client),
        node_id: NODE_ID,
        host,
        port,
        topics: match query.request().topics {
            TopicSelection::All => all_topics(engine, client),
            TopicSelection::Named(topics) => named_topics(engine, client, topics.iter()),
        },
    };
    client.inbox.push(Command::Metadata(query.ticket, Arc::new(view)));
}

/// The name of the cluster differs from project to project, so that it tells nothing about what
/// else this server holds.
fn cluster_id(client: &Client) -> String {
    match &client.principal {
        Some(principal) => format!("logboom-{}", principal.project()),
        None => "logboom".to_owned(),
    }
}

fn address(client: &Client, server_name: Option<&str>) -> (String, u16) {
    match &client.listener.advertise {
        Advertise::Fixed { host, port } => {
            let project = client.principal.as_ref().map_or("", |p| p.project().as_str());
            (host.replace("{project}", project), *port)
        }
        Advertise::AsReached { fallback } => {
            let host = server_name.map_or_else(|| fallback.ip().to_string(), str::to_owned);
            (host, fallback.port())
        }
    }
}

/// Everything the client may write to, each Logstore under both of its names: some clients look up
/// topics only in this list.
fn all_topics(engine: &Engine, client: &Client) -> Vec<TopicView> {
    let Some(principal) = &client.principal else { return Vec::new() };
    let directory = Arc::clone(&engine.snapshot().directory);
    let logstores = directory.logstores(principal, Action::PostLogStoreLogs);
    logstores
        .flat_map(|logstore| [Form::Raw, Form::Json].map(|form| (logstore, form)))
        .map(|(logstore, form)| view(client, logstore, form))
        .collect()
}

/// The topics that were asked for, by name or (from version 10) by id. Ids of other projects are
/// unknown, like those of nobody.
fn named_topics<'a>(
    engine: &Engine,
    client: &Client,
    wanted: impl Iterator<Item = MetadataTopic<'a>>,
) -> Vec<TopicView> {
    let by_id = LazyCell::new(|| {
        let views = all_topics(engine, client).into_iter();
        views.map(|view| (view.topic_id, view)).collect::<BTreeMap<_, _>>()
    });
    let unknown = |topic_id| TopicView {
        error: ErrorCode::UnknownTopicId,
        name: None,
        topic_id,
        partitions: 0,
    };
    wanted
        .map(|topic| match topic.name {
            Some(name) => topic_by_name(engine, client, name),
            None => by_id.get(&topic.topic_id).cloned().unwrap_or_else(|| unknown(topic.topic_id)),
        })
        .collect()
}

fn topic_by_name(engine: &Engine, client: &Client, name: &str) -> TopicView {
    let directory = Arc::clone(&engine.snapshot().directory);
    match topics::find(&directory, client.principal.as_deref(), name) {
        Ok(target) => view(client, target.logstore, target.form),
        Err(Refusal { error, code, detail }) => {
            client.refused(engine, code, &detail);
            TopicView { error, name: Some(name.to_owned()), topic_id: [0; 16], partitions: 0 }
        }
    }
}

fn view(client: &Client, logstore: &Logstore, form: Form) -> TopicView {
    let name = topics::name(logstore, form);
    let project = client.principal.as_ref().map(|principal| principal.project().as_str());
    let topic_id = topic_id(project.unwrap_or_default(), &name);
    TopicView { error: ErrorCode::None, name: Some(name), topic_id, partitions: logstore.shards }
}

/// An id that stays the same for ever and is never zero: clients cache topics by it. A UUID of
/// version 8 (RFC 9562), made from the names.
fn topic_id(project: &str, topic: &str) -> [u8; 16] {
    let digest =
        Sha256::new().chain_update(project).chain_update("/").chain_update(topic).finalize();
    let mut id: [u8; 16] = std::array::from_fn(|byte| digest[byte]);
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_topics_differ_and_stay() {
        let id = topic_id("demo", "nginx");
        assert_eq!(id, topic_id("demo", "nginx"));
        assert_ne!(id, topic_id("demo", "nginx.json"));
        assert_ne!(id, topic_id("other", "nginx"));
        assert_ne!(id, [0; 16]);
    }
}
