//! What a client may not do, or does wrong, after its login.

use bytes::Bytes;
use logboom_tests::{Client, Config, ProduceError, Site, batch};
use logboom_wire::records::{BatchBuilder, Codec};

use super::{acme, site};

#[test]
fn topics_without_a_right_are_not_seen_and_not_written() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&Config::ACME_WEB.credentials());
    assert_eq!(topics(&mut client, &[]), [("web".into(), 0, 4), ("web.json".into(), 0, 4)]);
    // Whether it exists or not.
    for topic in ["audit", "nothing"] {
        assert_eq!(topics(&mut client, &[topic]), [(topic.into(), 29, 0)]);
        let error = refused(&mut client, topic, 0, batch(["no"]));
        assert_eq!(error.code, 29);
        assert!(error.message.contains("[LB0501]"), "{error:?}");
    }
    // What is allowed still is.
    let produced = client.produce("web", 3, batch(["yes"])).expect("the connection lives");
    assert_eq!(produced, Ok(0));
    let events = server.stop();
    assert_eq!(events.iter().filter(|event| event.code() == "LB0501").count(), 1);
    assert_eq!(site.read("acme/audit"), []);
    assert_eq!(site.read("acme/web").len(), 1);
}

#[test]
fn a_project_sees_nothing_of_another_one() {
    let site = site();
    let server = site.serve();
    let mut beta = server.public(&site).login(&Config::BETA.credentials());
    let names = topics(&mut beta, &[]);
    assert_eq!(names, [("web".into(), 0, 4), ("web.json".into(), 0, 4)]);
    let produced = beta.produce("web", 0, batch(["of beta"])).expect("the connection lives");
    assert_eq!(produced, Ok(0));
    let _events = server.stop();
    assert_eq!(site.read("acme/web"), []);
    assert_eq!(site.read("beta/web").len(), 1);
}

#[test]
fn names_that_do_not_exist_are_refused_with_advice_and_never_created() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    for (topic, shard, code, page, advice) in [
        ("wen", 0, 3, "LB0521", "did you mean web?"),
        ("Web!", 0, 17, "LB0522", "Web!"),
        ("web", 4, 3, "LB0523", "there are shards 0 to 3"),
        ("web", -1, 3, "LB0523", "there are shards 0 to 3"),
    ] {
        let error = refused(&mut client, topic, shard, batch(["no"]));
        assert_eq!(error.code, code, "{topic} {error:?}");
        assert!(error.message.contains(page) && error.message.contains(advice), "{error:?}");
        assert_eq!(server.wait_for_code(page).text("project"), "acme");
    }
    let all = topics(&mut client, &[]);
    let names: Vec<_> = all.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["audit", "audit.json", "web", "web.json"]);
    let _events = server.stop();
    assert_eq!(site.read("acme/web"), []);
}

#[test]
fn a_broken_batch_is_refused_as_a_whole_and_the_connection_goes_on() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let good = batch(["one", "two", "three"]);
    let changed = |at: usize, value: u8| {
        let mut bytes = good.to_vec();
        bytes[at] = value;
        Bytes::from(bytes)
    };
    // A byte of a value; the magic number, which the checksum does not cover; a batch cut short.
    for (batch, code) in [
        (changed(good.len() - 3, b'#'), 2),
        (changed(16, 9), 87),
        (good.slice(..good.len() - 1), 87),
        (Bytes::new(), 87),
    ] {
        let error = refused(&mut client, "web", 0, batch);
        assert_eq!(error.code, code, "{error:?}");
    }
    let produced = client.produce("web", 0, good).expect("the connection lives");
    assert_eq!(produced, Ok(0));
    let events = server.stop();
    for code in ["LB0531", "LB0532"] {
        assert_eq!(events.iter().filter(|event| event.code() == code).count(), 1, "{code}");
    }
    assert_eq!(site.read("acme/web").len(), 3);
}

#[test]
fn a_batch_that_grows_beyond_the_limit_is_refused() {
    let mut config = Config::with_limit("decompressed_bytes_max", "\"1 MiB\"");
    config.limits.push(("batch_bytes_max", "\"64 KiB\""));
    let site = Site::new(crate::PROGRAM, &config);
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let zeros = vec![0; 2 << 20];
    for codec in [Codec::Gzip, Codec::Lz4, Codec::Zstd] {
        let mut builder = BatchBuilder::new();
        builder.append(0, None, Some(&zeros), &[]).expect("below 2 GiB");
        let bomb = builder.build(codec);
        assert!(bomb.len() < 64 << 10, "{codec:?}");
        let error = refused(&mut client, "web", 0, bomb.into());
        assert_eq!(error.code, 10, "{codec:?} {error:?}");
    }
    let _event = server.wait_for_code("LB0533");
    let _events = server.stop();
    assert_eq!(site.read("acme/web"), []);
}

#[test]
fn without_acknowledgements_a_refusal_is_the_end_of_the_connection() {
    let site = site();
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    for number in 0..3 {
        let batch = batch([format!("value {number}")]);
        client.send_unanswered("audit", 0, batch).expect("the connection lives");
    }
    client.send_unanswered("nothing", 0, batch(["no"])).expect("the connection lives");
    client.expect_end();
    let _event = server.wait_for_code("LB0521");
    let _events = server.stop();
    let logs = site.read("acme/audit");
    let contents: Vec<_> = logs.iter().map(|log| log.content()).collect();
    assert_eq!(contents, ["value 0", "value 1", "value 2"]);
}

/// Name, error and number of shards of each topic.
fn topics(client: &mut Client, wanted: &[&str]) -> Vec<(String, i16, usize)> {
    let answer = client.metadata(wanted).expect("an answer");
    let topics = answer.topics.into_iter();
    topics
        .map(|topic| {
            let name = topic.name.map(|name| name.to_string()).unwrap_or_default();
            (name, topic.error_code, topic.partitions.len())
        })
        .collect()
}

fn refused(client: &mut Client, topic: &str, shard: i32, batch: Bytes) -> ProduceError {
    let produced = client.produce(topic, shard, batch).expect("the connection lives");
    produced.expect_err("it is refused")
}
