//! The configuration of agents and client libraries, filled in.
//!
//! The templates are the examples of the reference document on uploading logs over the Kafka
//! protocol. In a template, `{{name}}` stands for a value, and a line that starts with a mark is
//! kept only if the mark holds: `@tls`, `@plain` (no TLS), `@ca` (the authority is in a file),
//! `@roots` (TLS with the authorities of the system).

use std::path::Path;

use clap::ValueEnum;

use crate::client_conf::ClientConf;

/// An agent or client library that can be told how to send logs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    Filebeat,
    Collectd,
    Telegraf,
    Fluentd,
    Logstash,
    FluentBit,
    Vector,
    Java,
    KafkaConnect,
    Python,
    Go,
    Kafkajs,
    Platformatic,
    KafkaNode,
    Sarama,
    FranzGo,
    KafkaGo,
    Kcat,
    KafkaPython,
    Aiokafka,
    Rsyslog,
    SyslogNg,
}

impl Agent {
    fn template(self) -> &'static str {
        match self {
            Self::Filebeat => include_str!("templates/filebeat.yml"),
            Self::Collectd => include_str!("templates/collectd.conf"),
            Self::Telegraf => include_str!("templates/telegraf.conf"),
            Self::Fluentd => include_str!("templates/fluentd.conf"),
            Self::Logstash => include_str!("templates/logstash.conf"),
            Self::FluentBit => include_str!("templates/fluent-bit.conf"),
            Self::Vector => include_str!("templates/vector.toml"),
            Self::Java => include_str!("templates/KafkaProduceExample.java"),
            Self::KafkaConnect => include_str!("templates/connect.properties"),
            Self::Python => include_str!("templates/produce.py"),
            Self::Go => include_str!("templates/produce.go"),
            Self::Kafkajs => include_str!("templates/kafkajs.js"),
            Self::Platformatic => include_str!("templates/platformatic.mjs"),
            Self::KafkaNode => include_str!("templates/kafka-node.js"),
            Self::Sarama => include_str!("templates/sarama.go"),
            Self::FranzGo => include_str!("templates/franz-go.go"),
            Self::KafkaGo => include_str!("templates/kafka-go.go"),
            Self::Kcat => include_str!("templates/kcat.conf"),
            Self::KafkaPython => include_str!("templates/kafka_python.py"),
            Self::Aiokafka => include_str!("templates/aiokafka_produce.py"),
            Self::Rsyslog => include_str!("templates/rsyslog.conf"),
            Self::SyslogNg => include_str!("templates/syslog-ng.conf"),
        }
    }

    /// Whether its format has strings in quotes, inside of which `"` and `\` need a backslash.
    const fn quotes(self) -> bool {
        !matches!(self, Self::FluentBit | Self::Kcat)
    }
}

/// The configuration of `agent` for sending to `topic`.
pub(crate) fn render(agent: Agent, conf: &ClientConf, topic: &str) -> String {
    let value = |text: &str| {
        if agent.quotes() { text.replace('\\', "\\\\").replace('"', "\\\"") } else { text.into() }
    };
    let ca = conf.ca.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    // Java cannot read PEM files before kafka-clients 2.7: a key store beside the authority.
    let truststore = Path::new(ca.as_ref()).with_extension("p12");
    let values = [
        ("{{endpoint}}", value(&conf.bootstrap_servers)),
        ("{{PROTOCOL}}", conf.security_protocol().to_owned()),
        ("{{protocol}}", conf.security_protocol().to_ascii_lowercase()),
        ("{{project}}", value(&conf.username)),
        ("{{password}}", value(&conf.password)),
        ("{{topic}}", value(topic)),
        ("{{ca}}", value(&ca)),
        ("{{truststore}}", value(&truststore.to_string_lossy())),
    ];
    let mut out = String::new();
    for line in agent.template().lines().filter_map(|line| kept(line, conf)) {
        let line =
            values.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// A line of a template without its mark, if it is kept.
fn kept<'t>(line: &'t str, conf: &ClientConf) -> Option<&'t str> {
    let marks = [
        ("@tls ", conf.tls),
        ("@plain ", !conf.tls),
        ("@ca ", conf.tls && conf.ca.is_some()),
        ("@roots ", conf.tls && conf.ca.is_none()),
    ];
    for (mark, holds) in marks {
        if let Some(rest) = line.strip_prefix(mark) {
            return holds.then_some(rest);
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests;
