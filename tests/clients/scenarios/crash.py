"""kill -9 of the server under load, ten times: what was acknowledged is there, where it was said to be."""

import random
from collections import Counter

from harness import confluent, wait
from harness.deployment import PROJECT, Deployment
from harness.install import CONFLUENT
from harness.report import require

KILLS = 10
SHARDS = 4
LINE_BYTES = 200
LINES_PER_POLL = 10
ACKNOWLEDGED_SECONDS = 60
STOP_SECONDS = 120
# How many new acknowledgements every producer must see before the next kill; drawn for each kill.
ACKNOWLEDGEMENTS_MIN, ACKNOWLEDGEMENTS_MAX = 20, 400
LOGSTORE = "crash"


def run(context):
    """All versions at once, each with and without idempotence, against one server that keeps dying."""
    clients = context.of_name(CONFLUENT)
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS})
    producers, logs = [], []
    with deployment.server(context.binary) as server:
        try:
            with context.report.check("all", "", f"crash, {KILLS} times") as notes:
                producers += start_producers(context, deployment, clients)
                longest = kill_again_and_again(server, [producer for _, _, producer in producers])
                notes.append(f"slowest restart {longest:.2f} s")
            with context.report.check("all", "", "crash, read back") as notes:
                for _, _, producer in producers:
                    producer.stop(STOP_SECONDS)
                logs = server.read(f"{PROJECT}/{LOGSTORE}")
                places = Counter((log.shard, log.offset) for log in logs)
                require(len(places) == len(logs), f"read twice: {places.most_common(3)}")
                notes.append(f"{len(logs)} logs")
        finally:
            for _, _, producer in producers:
                producer.close()
    if not logs:  # The checks above have said why.
        return
    by_producer = group_by_producer(logs)
    for client, idempotent, producer in producers:
        title = f"crash{', idempotent' if idempotent else ''}"
        with context.report.check(client.name, client.version, title) as notes:
            notes.append(check_producer(producer, by_producer.get(producer.name, []), idempotent))


def start_producers(context, deployment, clients):
    """(client, idempotent, running producer) for each client in both modes."""
    started = []
    for client in clients:
        for idempotent in (False, True):
            name = f"{client.label()}{'-idempotent' if idempotent else ''}"
            settings = deployment.client_config() | {
                "client.id": name,
                "enable.idempotence": idempotent,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000,
                # Come back soon, so that the next kill finds everybody at work.
                "reconnect.backoff.max.ms": 500,
            }
            producer = confluent.Producer(
                client,
                context.folder,
                name,
                settings,
                LOGSTORE,
                line_bytes=LINE_BYTES,
                lines_per_poll=LINES_PER_POLL,
            )
            started.append((client, idempotent, producer))
    return started


def kill_again_and_again(server, producers):
    """Kills and restarts; each time only after every producer got new acknowledgements."""
    dice = random.Random(server.port)
    longest = 0
    for _ in range(KILLS):
        wait_for_acknowledgements(producers, dice.randint(ACKNOWLEDGEMENTS_MIN, ACKNOWLEDGEMENTS_MAX))
        server.kill()
        longest = max(longest, server.restart_seconds())
    wait_for_acknowledgements(producers, ACKNOWLEDGEMENTS_MIN)
    return longest


def wait_for_acknowledgements(producers, count):
    """Returns when each producer has had `count` more records acknowledged."""
    goals = [(producer, acknowledged(producer) + count) for producer in producers]

    def reached():
        for producer in producers:
            require(producer.is_running(), f"{producer.name} ended: {producer.of_kind('error')[:1]}")
        return all(acknowledged(producer) >= goal for producer, goal in goals)

    wait.until(f"{count} more acknowledgements for everybody", reached, ACKNOWLEDGED_SECONDS)


def acknowledged(producer):
    """How many records of a producer were acknowledged so far."""
    return len(producer.of_kind("delivered"))


def group_by_producer(logs):
    """The logs of each producer: its name is the first word of its lines, the number the second."""
    grouped = {}
    for log in logs:
        name, number = dict(log.fields)["content"].split()[:2]
        grouped.setdefault(name, []).append((log, int(number)))
    return grouped


def check_producer(producer, stored, idempotent):
    """Acknowledged records are where they were said to be, idempotent ones only there."""
    failed = producer.of_kind("failed") + [one for one in producer.of_kind("error") if one["fatal"]]
    require(not failed, f"the client reports {failed[:2]}")
    number_at = {(log.shard, log.offset): number for log, number in stored}
    reports = producer.of_kind("delivered")
    for one in reports:
        found = number_at.get((one["shard"], one["offset"]))
        require(found == one["index"], f"record {one['index']} was acknowledged at {one}, there is {found}")
    copies = Counter(number for _, number in stored)
    duplicates = sum(copies.values()) - len(copies)
    if idempotent:
        require(not duplicates, f"{duplicates} duplicates, as {copies.most_common(2)}")
        check_order(stored)
    return f"{len(reports)} acknowledged records are there, {duplicates} duplicates"


def check_order(stored):
    """An idempotent producer's records have their order in each shard of a topic, whatever was retried.

    Even numbers went to the raw topic, odd ones to the `.json` topic.
    """
    last = {}
    for log, number in sorted(stored, key=lambda one: (one[0].shard, one[0].offset)):
        stream = (log.shard, number % 2)
        before = last.get(stream, -1)
        require(number > before, f"shard {log.shard}: record {number} comes after {before}")
        last[stream] = number
