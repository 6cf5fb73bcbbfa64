"""What Logstash makes of its configuration, as far as `client-config logstash` uses it."""

import re

# Of logstash-output-kafka 10.5 to 12.1: options that a producer gets although nobody has set them.
DEFAULTS = {
    "acks": "1",
    "batch_size": "16384",
    "buffer_memory": "33554432",
    "compression_type": "none",
    "client_dns_lookup": "use_all_dns_ips",
    "linger_ms": "0",
    "max_request_size": "1048576",
    "metadata_max_age_ms": "300000",
    "receive_buffer_bytes": "32768",
    "reconnect_backoff_ms": "50",
    "request_timeout_ms": "40000",
    "retry_backoff_ms": "100",
    "send_buffer_bytes": "131072",
    "ssl_endpoint_identification_algorithm": "https",
}
# Options of the output that are none of the producer.
OF_THE_OUTPUT = {"topic_id", "codec"}
TOKEN = re.compile(r"""#[^\n]*|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|=>|[{}]|[\w.]+|\s+|(?P<other>.)""")


def tokens(text):
    """The words of a configuration without comments and spaces, as (is a string, text)."""
    for match in TOKEN.finditer(text):
        word = match.group()
        if match["other"]:
            raise ValueError(f"Logstash does not know {word!r} here")
        if match["double"] is not None or match["single"] is not None:
            yield True, word[1:-1]
        elif not word.isspace() and not word.startswith("#"):
            yield False, word


def kafka_options(text):
    """The options of the kafka output."""
    words = list(tokens(text))
    at = words.index((False, "kafka"))
    if words[at + 1] != (False, "{"):
        raise ValueError("kafka is not followed by {")
    options, at = {}, at + 2
    while words[at] != (False, "}"):
        (_, name), arrow, (_, value) = words[at : at + 3]
        if arrow != (False, "=>"):
            raise ValueError(f"{name} is not followed by =>")
        options[name], at = value, at + 3
    return options


def producer_settings(options):
    """What the output hands to the producer: the names of options with dots for underscores."""
    options = DEFAULTS | {name: value for name, value in options.items() if name not in OF_THE_OUTPUT}
    return {name.replace("_", "."): value for name, value in options.items()}
