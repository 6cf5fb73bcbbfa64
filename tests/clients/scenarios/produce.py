"""Every client with every codec, with and without idempotence; then every record is read back."""

from itertools import product

from harness import confluent, corpus, kcat
from harness.compare import Sent, check_stored
from harness.deployment import PROJECT, Deployment
from harness.install import KCAT
from harness.report import require

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
SHARDS = 4
RECORDS_PER_RUN = 1_700
RECORDS_MIN = 100_000
FIRST_TIMESTAMP_MS = 1_763_776_751_007
RUN_SECONDS = 60
# Waiting a little makes batches that are worth compressing.
LINGER_MS = 50


def run(context):
    """One server, one Logstore for each client."""
    logstores = {client.label(): SHARDS for client in context.of_librdkafka()}
    deployment = Deployment(context.folder, logstores)
    with deployment.server(context.binary) as server:
        total = sum(
            produce_and_read_back(context, deployment, server, client) for client in context.of_librdkafka()
        )
    with context.report.check("all", "", "produce, number of records") as notes:
        require(total >= RECORDS_MIN, f"{total} records were acknowledged, {RECORDS_MIN} were wanted")
        notes.append(f"{total} records")


def produce_and_read_back(context, deployment, server, client):
    """All runs of one client, then everything that is in its Logstore; returns their number."""
    sent = []
    send = send_with_kcat if client.name == KCAT else send_with_confluent
    for number, (codec, idempotent) in enumerate(product(CODECS, [False, True])):
        name = f"{client.label()}-{codec}{'-idempotent' if idempotent else ''}"
        title = f"produce {codec}{', idempotent' if idempotent else ''}"
        settings = {"compression.type": codec, "enable.idempotence": str(idempotent).lower()}
        settings |= {"client.id": name, "linger.ms": LINGER_MS, "debug": "msg"}
        with context.report.check(client.name, client.version, title) as notes:
            acknowledged = send(context, deployment.client_config() | settings, client, number)
            sent += acknowledged
            notes.append(f"{len(acknowledged)} records acknowledged")
    with context.report.check(client.name, client.version, "produce, read back") as notes:
        logs = server.read(f"{PROJECT}/{client.label()}")
        check_stored(logs, sent)
        notes.append(f"{len(logs)} logs, each once, in order, field by field")
    return len(sent)


def send_with_confluent(context, config, client, number):
    """One run of a confluent-kafka version: a process that sends the corpus of this seed."""
    name = config["client.id"]
    seed = {"seed": number, "count": RECORDS_PER_RUN, "first_timestamp_ms": FIRST_TIMESTAMP_MS}
    with confluent.Producer(client, context.folder, name, config, client.label(), corpus=seed) as producer:
        producer.wait_for_end(RUN_SECONDS)
    failed = producer.of_kind("failed") + producer.of_kind("error")
    require(not failed, f"the client reports {failed[:2]}")
    records = corpus.records(**seed)
    reports = producer.of_kind("delivered")
    require(
        sorted(report["index"] for report in reports) == list(range(len(records))),
        f"{len(reports)} delivery reports for {len(records)} records",
    )
    confluent.check_batches_sent(producer.log.read_text(errors="replace"), config["compression.type"])
    return [
        Sent(name, one["index"], one["shard"], one["offset"], records[one["index"]], timed=True)
        for one in reports
    ]


def send_with_kcat(context, config, client, number):
    """One run of kcat: once for the raw topic and once for the `.json` topic, to one shard."""
    name = config["client.id"]
    records = kcat.sendable(corpus.records(number, RECORDS_PER_RUN, FIRST_TIMESTAMP_MS))
    sent = []
    for json_topic in (False, True):
        topic = client.label() + (".json" if json_topic else "")
        part = [record for record in records if record.json_topic == json_topic]
        words = kcat.command(config, topic, shard=number % SHARDS, headers=kcat.HEADERS)
        code, said = kcat.run(words, kcat.encode(part), RUN_SECONDS)
        (context.folder / f"{name}-{topic}.log").write_text(said)
        require(code == 0, f"kcat exited with {code}: {said[-500:]}")
        places = kcat.delivered(said)
        require(len(places) == len(part), f"{len(places)} delivery reports for {len(part)} records")
        confluent.check_batches_sent(said, config["compression.type"])
        for record, (shard, offset) in zip(part, places, strict=True):
            sent.append(Sent(name, len(sent), shard, offset, record, timed=False))
    return sent
