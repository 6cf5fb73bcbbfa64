//! The cluster as a client sees it.

use kafka_protocol::messages::MetadataResponse;
use logboom_access::AuthFailure;
use logboom_engine::{Advertise, Code};
use logboom_store::Crash;

use crate::common::Endpoint;
use crate::common::requests;
use crate::common::setup::{ACME, BETA, NOBODY, Setup, WRITER, WRONG_SECRET};

fn names(response: &MetadataResponse) -> Vec<String> {
    let names =
        response.topics.iter().map(|topic| topic.name.as_ref().map(|name| name.to_string()));
    names.map(Option::unwrap_or_default).collect()
}

#[test]
fn all_topics_are_both_names_of_every_logstore_that_the_key_may_write_to() {
    let endpoint = Endpoint::new();
    let all = ["audit", "audit.json", "mysql", "mysql.json", "nginx", "nginx.json"];
    let theirs = ["nginx", "nginx.json", "payroll", "payroll.json"];
    for version in 0..=12 {
        let request = requests::all_metadata(version);
        let all_of = |credentials| endpoint.client(credentials).ask(&request);
        assert_eq!(names(&all_of(ACME)), all);
        assert_eq!(names(&all_of(WRITER)), ["nginx", "nginx.json"]);
        assert_eq!(names(&all_of(NOBODY)), [""; 0]);
        assert_eq!(names(&all_of(BETA)), theirs);
    }
    assert_eq!(endpoint.refusals(), [].into());
}

#[test]
fn an_empty_list_asks_for_nothing_from_version_1_on() {
    let endpoint = Endpoint::new();
    for version in 1..=12 {
        let none: MetadataResponse = endpoint.client(ACME).ask(&requests::metadata(version, &[]));
        assert_eq!(names(&none), [""; 0]);
        assert_eq!(none.brokers.len(), 1);
    }
}

#[test]
fn every_partition_is_led_by_the_one_node_under_the_advertised_name() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(BETA);
    for version in 0..=12 {
        let view: MetadataResponse = client.ask(&requests::metadata(version, &["nginx.json"]));
        let [broker] = &view.brokers[..] else { panic!("one node") };
        assert_eq!((broker.host.as_str(), broker.port), ("beta.logs.example.com", 10_012));
        let [topic] = &view.topics[..] else { panic!("one topic") };
        assert_eq!((topic.error_code, topic.partitions.len()), (0, 3));
        for (index, partition) in (0..).zip(&topic.partitions) {
            assert_eq!((partition.error_code, partition.partition_index), (0, index));
            assert_eq!(partition.leader_id, broker.node_id);
            assert_eq!(partition.replica_nodes, [broker.node_id]);
            assert_eq!(partition.isr_nodes, [broker.node_id]);
        }
        if version >= 1 {
            assert_eq!(view.controller_id, broker.node_id);
        }
        if version >= 2 {
            assert!(view.cluster_id.is_some_and(|id| !id.is_empty()));
        }
    }
}

#[test]
fn projects_cannot_be_recognised_as_guests_of_one_server() {
    let endpoint = Endpoint::new();
    let of = |credentials| endpoint.client(credentials).metadata(&["nginx"]);
    let (ours, theirs) = (of(ACME), of(BETA));
    assert_ne!(ours.cluster_id, theirs.cluster_id);
    assert_ne!(ours.topics[0].topic_id, theirs.topics[0].topic_id);
    assert_ne!(ours.brokers[0].host, theirs.brokers[0].host);
}

#[test]
fn ids_of_topics_survive_a_restart_and_find_the_topic() {
    let endpoint = Endpoint::new();
    let before = endpoint.client(ACME).metadata(&["nginx", "nginx.json"]);
    let ids: Vec<[u8; 16]> = before.topics.iter().map(|t| *t.topic_id.as_bytes()).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(|id| *id != [0; 16]));
    let endpoint = endpoint.restart(Crash::LoseUnsynced);
    for version in 10..=12 {
        let request = requests::metadata_by_id(version, &ids);
        let after: MetadataResponse = endpoint.client(ACME).ask(&request);
        assert_eq!(names(&after), ["nginx", "nginx.json"]);
        assert!(after.topics.iter().all(|t| t.error_code == 0 && t.partitions.len() == 2));
        assert_eq!(*after.topics[1].topic_id.as_bytes(), ids[1]);
    }
}

#[test]
fn ids_of_others_are_as_unknown_as_those_of_nobody() {
    let endpoint = Endpoint::new();
    let theirs = endpoint.client(BETA).metadata(&["payroll"]);
    let ours = endpoint.client(ACME).metadata(&["audit"]);
    let unknown = [[7; 16], *theirs.topics[0].topic_id.as_bytes()];
    let ids = [unknown[0], unknown[1], *ours.topics[0].topic_id.as_bytes()];
    // The writer may not write to `audit`, so that its id means nothing to it either.
    let request = requests::metadata_by_id(12, &ids);
    let answer: MetadataResponse = endpoint.client(WRITER).ask(&request);
    for (topic, id) in answer.topics.iter().zip(ids) {
        assert_eq!((topic.error_code, &topic.name, topic.partitions.len()), (100, &None, 0));
        assert_eq!(*topic.topic_id.as_bytes(), id);
    }
    assert_eq!(answer.topics.len(), 3);
}

#[test]
fn what_is_asked_for_many_times_is_answered_once() {
    let endpoint = Endpoint::new();
    let mut client = endpoint.client(ACME);
    let answer = client.metadata(&["nginx", "absent", "nginx", "nginx.json", "absent", "nginx"]);
    assert_eq!(names(&answer), ["nginx", "absent", "nginx.json"]);
    assert_eq!(endpoint.refusals(), [(Code::UnknownLogstore, 1)].into());
    let id = *answer.topics[0].topic_id.as_bytes();
    let answer: MetadataResponse = client.ask(&requests::metadata_by_id(12, &[id; 50]));
    assert_eq!(names(&answer), ["nginx"]);
}

#[test]
fn a_listener_can_advertise_the_name_that_the_client_used() {
    let fallback = ([198, 51, 100, 4], 10_011).into();
    let setup = Setup { advertise: Advertise::AsReached { fallback }, ..Setup::default() };
    let endpoint = Endpoint::with(setup);
    let mut named = endpoint.connect_to("logs.internal");
    let mut nameless = endpoint.connect();
    for (client, host) in [(&mut named, "logs.internal"), (&mut nameless, "198.51.100.4")] {
        client.log_in(ACME);
        let broker = client.metadata(&[]).brokers.remove(0);
        assert_eq!((broker.host.as_str(), broker.port), (host, 10_011));
    }
}

#[test]
fn a_client_without_rights_is_sent_to_the_name_of_the_project_it_asked_for() {
    let endpoint = Endpoint::with(Setup { auth_failure: AuthFailure::Topic, ..Setup::default() });
    for (user, host) in [("acme", "acme.logs.example.com"), ("#", "unknown.logs.example.com")] {
        let mut client = endpoint.connect();
        client.try_log_in(user, &format!("acme-full#{WRONG_SECRET}"));
        assert_eq!(client.metadata(&[]).brokers[0].host.as_str(), host);
    }
}

#[test]
fn a_misspelt_topic_is_corrected_in_the_log_if_the_key_may_write_to_what_was_meant() {
    let endpoint = Endpoint::new();
    endpoint.client(ACME).metadata_error("ngnix");
    let line = endpoint.logs.line(&["LB0521"]);
    assert!(line.contains("ngnix") && line.contains("did you mean nginx?"), "{line}");
}
