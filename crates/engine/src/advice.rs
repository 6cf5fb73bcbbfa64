//! What a setting is called in the software that has to be corrected.

use logboom_conn::ClientInfo;

use crate::{Code, Notice};

/// Software whose settings have names of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Software {
    Librdkafka,
    Java,
    Beats,
    Telegraf,
    Sarama,
    FranzGo,
    KafkaJs,
    Python,
}

/// The beginnings of names and of default client ids, in lower case. Agents come before their
/// libraries: it is their configuration that a person edits.
const BEGINNINGS: [(&str, Software); 14] = [
    ("beats", Software::Beats),
    ("filebeat", Software::Beats),
    ("metricbeat", Software::Beats),
    ("telegraf", Software::Telegraf),
    ("sarama", Software::Sarama),
    ("librdkafka", Software::Librdkafka),
    ("confluent-kafka", Software::Librdkafka),
    ("rdkafka", Software::Librdkafka),
    ("apache-kafka-java", Software::Java),
    ("kgo", Software::FranzGo),
    ("kafkajs", Software::KafkaJs),
    ("kafka-python", Software::Python),
    ("aiokafka", Software::Python),
    ("producer-", Software::Java),
];

impl Software {
    /// The same, if anything is known.
    pub(crate) fn of_some(client: Option<&ClientInfo>) -> Option<Self> {
        client.and_then(Self::of)
    }

    /// What a client says it is: its client id if that is the default of an agent, else the name of
    /// its library, else its client id.
    pub(crate) fn of(client: &ClientInfo) -> Option<Self> {
        let by_id = client.client_id.as_deref().and_then(Self::named);
        let by_name = client.software_name.as_deref().and_then(Self::named);
        match by_id {
            Some(Self::Beats | Self::Telegraf) => by_id,
            _ => by_name.or(by_id),
        }
    }

    fn named(name: &str) -> Option<Self> {
        let begins = |beginning: &str| {
            let head = name.as_bytes().get(..beginning.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(beginning.as_bytes()))
        };
        BEGINNINGS.iter().find(|(beginning, _)| begins(beginning)).map(|(_, software)| *software)
    }

    /// The setting to change because of a refusal, in the spelling of this software.
    pub(crate) const fn setting(self, code: Code) -> Option<&'static str> {
        match code {
            Code::PlaintextOnTls | Code::LoginFirst => Some(self.tls()),
            Code::Mechanism => Some(self.mechanism()),
            Code::BadCredentials | Code::PasswordFormat | Code::LoginPaused => Some(self.login()),
            Code::BatchTooLarge | Code::FrameTooLarge => Some(self.size()),
            Code::UnknownCodec => Some(self.codec()),
            _ => None,
        }
    }

    /// The setting to change because of a notice, in the spelling of this software.
    pub(crate) const fn noticed_setting(self, notice: Notice) -> Option<&'static str> {
        match notice {
            Notice::OldFormat => Some(self.protocol()),
            Notice::HostOfAnotherProject => Some(self.login()),
            _ => None,
        }
    }

    const fn tls(self) -> &'static str {
        match self {
            Self::Librdkafka | Self::Java => "security.protocol=SASL_SSL",
            Self::Beats => "ssl.enabled: true and ssl.certificate_authorities, beside username",
            Self::Telegraf => "enable_tls = true and tls_ca, beside sasl_username",
            Self::Sarama => "Config.Net.TLS.Enable = true and Config.Net.SASL.Enable = true",
            Self::FranzGo => "kgo.DialTLSConfig and kgo.SASL",
            Self::KafkaJs => "ssl: true (or { ca }) and sasl: { mechanism: 'plain', ... }",
            Self::Python => "security_protocol=\"SASL_SSL\"",
        }
    }

    const fn mechanism(self) -> &'static str {
        match self {
            Self::Librdkafka | Self::Java => "sasl.mechanism=PLAIN",
            Self::Beats => "sasl.mechanism: PLAIN",
            Self::Telegraf => "sasl_mechanism = \"PLAIN\"",
            Self::Sarama => "Config.Net.SASL.Mechanism = sarama.SASLTypePlaintext",
            Self::FranzGo => "kgo.SASL(plain.Auth{...}.AsMechanism())",
            Self::KafkaJs => "sasl: { mechanism: 'plain' }",
            Self::Python => "sasl_mechanism=\"PLAIN\"",
        }
    }

    const fn login(self) -> &'static str {
        match self {
            Self::Librdkafka => "sasl.username and sasl.password",
            Self::Java => "username and password in sasl.jaas.config, both in double quotes",
            Self::Beats => "username and password, in quotes because of the '#'",
            Self::Telegraf => "sasl_username and sasl_password",
            Self::Sarama => "Config.Net.SASL.User and Config.Net.SASL.Password",
            Self::FranzGo => "plain.Auth{User, Pass}",
            Self::KafkaJs => "sasl: { username, password }",
            Self::Python => "sasl_plain_username and sasl_plain_password",
        }
    }

    const fn size(self) -> &'static str {
        match self {
            Self::Librdkafka => "batch.size and message.max.bytes",
            Self::Java => "batch.size and max.request.size",
            Self::Beats => "bulk_max_size and max_message_bytes",
            Self::Telegraf => "metric_batch_size and max_message_bytes",
            Self::Sarama => "Config.Producer.MaxMessageBytes and sarama.MaxRequestSize",
            Self::FranzGo => "kgo.ProducerBatchMaxBytes",
            Self::KafkaJs => "the number of messages in one send",
            Self::Python => "max_batch_size (aiokafka), batch_size and max_request_size",
        }
    }

    const fn codec(self) -> &'static str {
        match self {
            Self::Librdkafka | Self::Java => "compression.type",
            Self::Beats => "compression",
            Self::Telegraf => "compression_codec",
            Self::Sarama => "Config.Producer.Compression",
            Self::FranzGo => "kgo.ProducerBatchCompression",
            Self::KafkaJs => "compression",
            Self::Python => "compression_type",
        }
    }

    const fn protocol(self) -> &'static str {
        match self {
            Self::Librdkafka => {
                "api.version.request=true, and no broker.version.fallback below 0.11"
            }
            Self::Java => "a client of version 0.11 or newer",
            Self::Beats => "version: 2.0.0 of output.kafka",
            Self::Telegraf => "version = \"2.0.0\" of outputs.kafka",
            Self::Sarama => "Config.Version = sarama.V2_0_0_0",
            Self::FranzGo => "no kgo.MaxVersions below Kafka 0.11",
            Self::KafkaJs => "kafkajs instead of kafka-node",
            Self::Python => "no api_version below (0, 11)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: Option<&str>, id: Option<&str>) -> ClientInfo {
        ClientInfo {
            software_name: name.map(str::to_owned),
            client_id: id.map(str::to_owned),
            ..Default::default()
        }
    }

    #[test]
    fn software_is_known_by_its_name_or_its_default_client_id() {
        for (name, id, expected) in [
            (Some("librdkafka"), Some("collectd"), Some(Software::Librdkafka)),
            (Some("confluent-kafka-python"), None, Some(Software::Librdkafka)),
            (Some("apache-kafka-java"), Some("kafkajs"), Some(Software::Java)),
            (Some("sarama"), Some("beats"), Some(Software::Beats)),
            (Some("sarama"), Some("my-service"), Some(Software::Sarama)),
            (None, Some("Telegraf"), Some(Software::Telegraf)),
            (None, Some("producer-1"), Some(Software::Java)),
            (None, Some("kafkajs"), Some(Software::KafkaJs)),
            (Some("unheard-of"), Some("mine"), None),
            (None, Some("\u{e9}"), None),
            (None, None, None),
        ] {
            assert_eq!(Software::of(&client(name, id)), expected, "{name:?} {id:?}");
        }
    }

    #[test]
    fn a_setting_has_the_spelling_of_the_software() {
        assert_eq!(Software::Beats.setting(Code::Mechanism), Some("sasl.mechanism: PLAIN"));
        assert_eq!(
            Software::Python.setting(Code::PlaintextOnTls),
            Some("security_protocol=\"SASL_SSL\"")
        );
        assert!(Software::Sarama.noticed_setting(Notice::OldFormat).unwrap().contains("Version"));
        assert_eq!(Software::Java.setting(Code::DiskFull), None);
    }
}
