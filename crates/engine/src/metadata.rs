//! The cluster as one client may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use logboom_access::{Action, Directory, Form, Logstore};
use logboom_conn::{Command, MetadataQuery};
use logboom_wire::error::ErrorCode;
use logboom_wire::request::{MetadataTopic, TopicSelection};
use logboom_wire::response::{ClusterView, TopicView};
use sha2::{Digest, Sha256};

use crate::client::Client;
use crate::refusal::Detail;
use crate::{Advertise, Engine, topics};

/// There is one node, and it leads everything.
const NODE_ID: i32 = 1;

/// Stands for the project in an advertised name when the client named none that can be.
const NO_PROJECT: &str = "unknown";

/// Answers a Metadata request.
pub(crate) fn answer(engine: &Engine, client: &Client, query: MetadataQuery) {
    let (host, port) = address(client, query.server_name.as_deref());
    let snapshot = engine.snapshot();
    let directory = &snapshot.directory;
    let view = ClusterView {
        cluster_id: cluster_id(client),
        node_id: NODE_ID,
        host,
        port,
        topics: match query.request().topics {
            TopicSelection::All => all_topics(directory, client),
            TopicSelection::Named(topics) => named_topics(engine, directory, client, topics.iter()),
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
            let project = client.project.as_deref().unwrap_or(NO_PROJECT);
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
fn all_topics(directory: &Directory, client: &Client) -> Vec<TopicView> {
    let Some(principal) = &client.principal else { return Vec::new() };
    directory
        .logstores(principal, Action::PostLogStoreLogs)
        .flat_map(|logstore| [Form::Raw, Form::Json].map(|form| (logstore, form)))
        .map(|(logstore, form)| view(client, logstore, form))
        .collect()
}

/// The topics that were asked for, by name or (from version 10) by id. Ids of other projects are
/// unknown, like those of nobody.
///
/// What is asked for twice is answered once, as Kafka does. Otherwise a few bytes for each
/// repetition would bring all partitions of the topic again.
fn named_topics<'a>(
    engine: &Engine,
    directory: &Directory,
    client: &Client,
    wanted: impl Iterator<Item = MetadataTopic<'a>>,
) -> Vec<TopicView> {
    let mut by_id: Option<BTreeMap<[u8; 16], TopicView>> = None;
    let mut answered = BTreeSet::new();
    let mut views: Vec<TopicView> = wanted
        .filter(|topic| match topic.name {
            Some(name) => answered.insert((Some(name), [0; 16])),
            None => answered.insert((None, topic.topic_id)),
        })
        .map(|MetadataTopic { name, topic_id }| match name {
            Some(name) => topic_by_name(engine, directory, client, name),
            None => by_id
                .get_or_insert_with(|| {
                    let views = all_topics(directory, client).into_iter();
                    views.map(|view| (view.topic_id, view)).collect()
                })
                .get(&topic_id)
                .cloned()
                .unwrap_or_else(|| failed(ErrorCode::UnknownTopicId, None, topic_id)),
        })
        .collect();
    // They may have to wait for their turn.
    views.shrink_to_fit();
    views
}

fn topic_by_name(
    engine: &Engine,
    directory: &Directory,
    client: &Client,
    topic: &str,
) -> TopicView {
    let principal = client.principal.as_deref();
    match topics::find(directory, principal, topic) {
        Ok(target) => view(client, target.logstore, target.form),
        Err(refusal) => {
            client.refused(engine, refusal.code(), || {
                let nearest = topics::nearest(directory, principal, &refusal, topic);
                Detail { refusal: &refusal, topic, shard: None, nearest }.to_string()
            });
            failed(refusal.error(), Some(topic.to_owned()), [0; 16])
        }
    }
}

fn failed(error: ErrorCode, name: Option<String>, topic_id: [u8; 16]) -> TopicView {
    TopicView { error, name, topic_id, partitions: 0 }
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
    use proptest::prelude::*;

    use super::*;

    fn any_topic() -> impl Strategy<Value = (String, String)> {
        ("[a-z0-9][a-z0-9_-]{1,3}", "[a-z0-9][a-z0-9_-]{1,3}(\\.json)?")
    }

    proptest! {
        #[test]
        fn no_two_topics_of_any_projects_have_the_same_id(one in any_topic(), other in any_topic()) {
            let id = |(project, topic): &(String, String)| topic_id(project, topic);
            prop_assert_eq!(id(&one) == id(&other), one == other);
        }

        #[test]
        fn an_id_is_a_uuid_of_version_8(topic in any_topic()) {
            let id = topic_id(&topic.0, &topic.1);
            prop_assert_eq!((id[6] >> 4, id[8] >> 6), (8, 0b10));
        }
    }

    /// Clients keep ids, so this value must never change.
    #[test]
    fn ids_of_topics_differ_and_stay() {
        let id = topic_id("demo", "nginx");
        // printf demo/nginx | sha256sum, with the version and the variant of the UUID.
        assert_eq!(u128::from_be_bytes(id), 0xa294_21b5_2016_8c25_8a98_3d42_6e1d_8238);
        assert_ne!(id, topic_id("demo", "nginx.json"));
        assert_ne!(id, topic_id("other", "nginx"));
    }
}
