use super::*;

fn conf(tls: bool, ca: Option<&str>) -> ClientConf {
    ClientConf {
        bootstrap_servers: "acme.logs.example.com:10012".into(),
        tls,
        username: "acme".into(),
        password: "LTAI4hXw9Qp#S3cret".into(),
        ca: ca.map(Into::into),
    }
}

#[test]
fn filebeat_gets_the_example_of_the_reference_document() {
    let text = render(Agent::Filebeat, &conf(true, Some("/etc/logboom/ca.pem")), "nginx");
    assert_eq!(
        text,
        r#"output.kafka:
  # initial brokers for reading cluster metadata
  hosts: ["acme.logs.example.com:10012"]
  username: "acme"
  password: "LTAI4hXw9Qp#S3cret"
  ssl.certificate_authorities: ["/etc/logboom/ca.pem"]
  # message topic selection + partitioning
  topic: 'nginx'
  partition.round_robin:
    reachable_only: false

  required_acks: 1
  compression: gzip
  max_message_bytes: 1000000
"#
    );
    let text = render(Agent::Filebeat, &conf(true, None), "nginx");
    assert!(text.contains("\n  ssl.certificate_authorities:\n"), "{text}");
}

#[test]
fn every_agent_is_told_everything_and_no_mark_is_left() {
    for agent in Agent::value_variants() {
        for conf in [conf(true, Some("/etc/ca.pem")), conf(true, None), conf(false, None)] {
            let text = render(*agent, &conf, "nginx.json");
            for part in ["acme.logs.example.com:10012", "LTAI4hXw9Qp#S3cret", "nginx.json"] {
                assert!(text.contains(part), "{agent:?} lacks {part}:\n{text}");
            }
            assert!(!text.contains("{{"), "{agent:?}:\n{text}");
            let marks = ["@tls", "@plain", "@ca", "@roots"];
            let marked = |line: &str| marks.iter().any(|mark| line.starts_with(mark));
            assert!(!text.lines().any(marked), "{agent:?}:\n{text}");
            assert_eq!(text.contains("/etc/ca.pem"), conf.ca.is_some(), "{agent:?}:\n{text}");
        }
    }
}

/// Where `#` starts a comment, the password stands in quotes.
#[test]
fn the_number_sign_of_the_password_survives() {
    for agent in Agent::value_variants().iter().filter(|agent| agent.quotes()) {
        let text = render(*agent, &conf(true, None), "nginx");
        let before = text.split("LTAI4hXw9Qp#").next().and_then(|before| before.lines().last());
        let open = |quote| before.is_some_and(|line| line.matches(quote).count() % 2 == 1);
        let quoted = open('"') || open('\'');
        assert!(quoted, "{agent:?}:\n{text}");
    }
}

#[test]
fn a_path_with_quotes_stays_one_string() {
    let conf = conf(true, Some("/home/a \"b\"/ca.pem"));
    let text = render(Agent::Vector, &conf, "nginx");
    assert!(text.contains("tls.ca_file = \"/home/a \\\"b\\\"/ca.pem\"\n"), "{text}");
    assert!(toml::de::DeTable::parse(&text).is_ok(), "{text}");
}

/// kafka-clients reads PEM files only from 2.7 on, and Logstash 7.10 embeds 2.4.
#[test]
fn java_is_told_how_to_make_a_key_store_of_the_authority() {
    for agent in [Agent::Java, Agent::Logstash, Agent::KafkaConnect] {
        let text = render(agent, &conf(true, Some("/etc/logboom/ca.pem")), "nginx");
        let command = "keytool -importcert -noprompt -alias logboom -file \"/etc/logboom/ca.pem\" \
                       -keystore \"/etc/logboom/ca.p12\" -storetype PKCS12 -storepass changeit\n";
        assert!(text.contains(command), "{agent:?}:\n{text}");
        assert_eq!(text.matches("/etc/logboom/ca.p12").count(), 2, "{agent:?}:\n{text}");
        let text = render(agent, &conf(true, None), "nginx");
        assert!(!text.contains("keytool") && !text.contains("truststore"), "{agent:?}:\n{text}");
    }
}
