use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    InitProducerIdRequest, MetadataRequest, MetadataResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use logboom_wire::error::ErrorCode;

use super::address::Address;
use super::error::Error;
use super::login::Session;

/// Where a topic is written to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TopicView {
    /// The server that takes its records.
    pub(super) leader: Address,
    /// How many shards (partitions) it has; they are numbered from 0 on. At least one.
    pub(super) shards: u32,
}

/// The identity of an idempotent producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProducerId {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// Asks about one topic, which is never created by asking.
///
/// # Errors
///
/// If it cannot be written to.
pub(super) fn look_up(session: &mut Session, topic: &str) -> Result<TopicView, Error> {
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]))
        .with_allow_auto_topic_creation(false);
    let answer = session.dialogue.ask(&request, session.versions.metadata)?;
    view(&answer, topic, session.dialogue.address())
}

fn view(answer: &MetadataResponse, topic: &str, address: &Address) -> Result<TopicView, Error> {
    let named = |name: &Option<TopicName>| name.as_ref().is_some_and(|name| name.as_str() == topic);
    let Some(found) = answer.topics.iter().find(|one| named(&one.name)) else {
        return Err(Error::not_kafka(address, "the topic is missing in Metadata"));
    };
    let error = std::iter::once(found.error_code)
        .chain(found.partitions.iter().map(|partition| partition.error_code))
        .find(|code| *code != ErrorCode::None.code());
    if let Some(code) = error {
        return Err(Error::topic(topic, code));
    }
    let first = found.partitions.first().map(|partition| partition.leader_id);
    let Some(leader_id) = first else {
        return Err(Error::topic(topic, ErrorCode::UnknownTopicOrPartition.code()));
    };
    if found.partitions.iter().any(|partition| partition.leader_id != leader_id) {
        return Err(Error::spread(topic));
    }
    let leader = answer.brokers.iter().find(|broker| broker.node_id == leader_id);
    let leader = leader.and_then(|broker| {
        let port = u16::try_from(broker.port).ok()?;
        Some(Address { host: broker.host.to_string(), port })
    });
    match leader {
        Some(leader) => Ok(TopicView { leader, shards: found.partitions.len() as u32 }),
        None => Err(Error::not_kafka(address, "the leader of the topic is missing in Metadata")),
    }
}

/// Asks for an identity as an idempotent producer. None if the server has none to give.
///
/// # Errors
///
/// If the server refuses.
pub(super) fn producer_id(session: &mut Session) -> Result<Option<ProducerId>, Error> {
    let Some(version) = session.versions.init_producer_id else { return Ok(None) };
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let answer = session.dialogue.ask(&request, version)?;
    match answer.error_code {
        0 => Ok(Some(ProducerId { id: answer.producer_id.0, epoch: answer.producer_epoch })),
        code => Err(Error::producer_id(code)),
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };

    use super::super::error::ErrorKind;
    use super::*;

    fn broker(id: i32, host: &'static str) -> MetadataResponseBroker {
        MetadataResponseBroker::default()
            .with_node_id(id.into())
            .with_host(host.into())
            .with_port(10012)
    }

    fn topic(name: &'static str, code: i16, leaders: &[i32]) -> MetadataResponseTopic {
        let partition =
            |leader: &i32| MetadataResponsePartition::default().with_leader_id((*leader).into());
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(name.into())))
            .with_error_code(code)
            .with_partitions(leaders.iter().map(partition).collect())
    }

    fn view_of(topic: MetadataResponseTopic) -> Result<TopicView, Error> {
        let answer = MetadataResponse::default()
            .with_brokers(vec![broker(0, "a.example.com"), broker(1, "b.example.com")])
            .with_topics(vec![topic]);
        view(&answer, "demo", &"localhost:1".parse().unwrap())
    }

    #[test]
    fn records_go_to_the_address_of_the_leader() {
        let view = view_of(topic("demo", 0, &[1, 1, 1])).unwrap();
        assert_eq!((view.leader.to_string().as_str(), view.shards), ("b.example.com:10012", 3));
    }

    #[test]
    fn a_refused_topic_is_told_from_an_answer_without_sense() {
        assert_eq!(view_of(topic("demo", 29, &[])).unwrap_err().code, Some("LB0501"));
        assert_eq!(view_of(topic("demo", 3, &[])).unwrap_err().code, Some("LB0521"));
        assert_eq!(view_of(topic("demo", 5, &[])).unwrap_err().kind, ErrorKind::Busy);
        assert_eq!(view_of(topic("demo", 0, &[])).unwrap_err().code, Some("LB0521"));
        for odd in [topic("other", 0, &[0]), topic("demo", 0, &[7])] {
            assert!(view_of(odd).unwrap_err().message.starts_with("cannot understand"));
        }
    }

    #[test]
    fn a_topic_on_several_servers_is_refused() {
        let error = view_of(topic("demo", 0, &[0, 1])).unwrap_err();
        assert_eq!(error.message, "the shards of `demo` are spread over several servers");
    }
}
