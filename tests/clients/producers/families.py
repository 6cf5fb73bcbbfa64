"""Client families: one producer stands for all that embed the same library."""

import producers
from harness.report import Skip
from producers.worker import Worker

# In the order of the tables.
FAMILIES = [
    "librdkafka",
    "java",
    "sarama",
    "franz-go",
    "kafka-go",
    "kafka-python",
    "aiokafka",
    "kafkajs",
    "platformatic",
    "kafka-node",
]


def representatives(context):
    """The newest producer of each family that can be installed here; the table tells of the others."""
    chosen = []
    for family in FAMILIES:
        members = [one for one in producers.every() if one.family == family and isinstance(one, Worker)]
        if context.only:
            members = [one for one in members if one.name in context.only]
        if not members:
            continue
        newest = members[-1]
        with context.report.check(newest.name, newest.version, "install"):
            newest.install()
            chosen.append(newest)
    if not chosen:
        raise Skip("no client could be installed")
    return chosen
