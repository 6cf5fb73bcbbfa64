"""A hundred restarts in order under load, with a listening socket that stays: no client notices more than a pause."""

import re
import signal
import time
from collections import Counter

from harness import confluent, sarama, server, wait
from harness.deployment import PROJECT, Deployment
from harness.install import CONFLUENT, SARAMA
from harness.report import require
from scenarios.crash import acknowledged, check_producer, group_by_producer

RESTARTS = 100
SHARDS = 4
LINE_BYTES = 200
LINES_PER_POLL = 2
# New acknowledgements that everybody who comes back at once must have before the next restart.
ACKNOWLEDGEMENTS = 5
ACKNOWLEDGED_SECONDS = 60
END_SECONDS = 12
STOP_SECONDS = 120
LOGSTORE = "restart"
# What no client may see: the socket is never closed, and every connection ends in order.
TROUBLE = re.compile(r"refused|reset by peer|broken pipe", re.IGNORECASE)
# The retry budget of sarama in librdkafka's words, and its reconnecting without a growing pause.
SARAMA_BUDGET = {
    "message.send.max.retries": 3,
    "retry.backoff.ms": 100,
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 100,
}


def run(context):
    """All versions with two retry budgets, and sarama, each with and without idempotence."""
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS})
    listener = server.listen()
    deployment.port = listener.getsockname()[1]
    deployed = deployment.server(context.binary)
    deployed.socket = listener
    producers, logs = [], []
    with listener, deployed:
        try:
            with context.report.check("all", "", f"restart, {RESTARTS} times") as notes:
                producers += start_producers(context, deployment)
                eager = [producer for _, title, producer in producers if title != "defaults"]
                notes.append(restart_again_and_again(deployed, eager))
            with context.report.check("all", "", "restart, read back") as notes:
                for _, _, producer in producers:
                    producer.stop(STOP_SECONDS)
                logs = deployed.read(f"{PROJECT}/{LOGSTORE}")
                places = Counter((log.shard, log.offset) for log in logs)
                require(len(places) == len(logs), f"read twice: {places.most_common(3)}")
                notes.append(f"{len(logs)} logs")
        finally:
            for _, _, producer in producers:
                producer.close()
    if not logs:  # The checks above have said why.
        return
    by_producer = group_by_producer(logs)
    for client, title, producer in producers:
        idempotent = producer.name.endswith("-idempotent")
        title = f"restart, {title}{', idempotent' if idempotent else ''}"
        with context.report.check(client.name, client.version, title) as notes:
            check_never_refused(producer)
            notes.append(check_producer(producer, by_producer.get(producer.name, []), idempotent))


def start_producers(context, deployment):
    """(client, title, running producer) for each client, retry budget and mode."""
    kinds = [
        (CONFLUENT, "defaults", confluent.Producer, {}),
        (CONFLUENT, "3 retries", confluent.Producer, SARAMA_BUDGET),
        (SARAMA, "own budget", sarama.Producer, {}),
    ]
    started = []
    for name, title, start, budget in kinds:
        for client in context.of_name(name):
            for idempotent in (False, True):
                words = [client.label(), title.replace(" ", "-"), *(["idempotent"] if idempotent else [])]
                label = "-".join(words)
                settings = deployment.client_config() | budget
                settings |= {
                    "client.id": label,
                    "enable.idempotence": idempotent,
                    "log.connection.close": True,
                }
                producer = start(
                    client,
                    context.folder,
                    label,
                    settings,
                    LOGSTORE,
                    line_bytes=LINE_BYTES,
                    lines_per_poll=LINES_PER_POLL,
                )
                started.append((client, title, producer))
    return started


def restart_again_and_again(deployed, producers):
    """Stops and starts, each time only after every one of the producers got new acknowledgements."""
    seconds = []
    for _ in range(RESTARTS):
        wait_for_acknowledgements(producers)
        began = time.monotonic()
        code = deployed.end(signal.SIGTERM, END_SECONDS)
        stopped = time.monotonic()
        require(code == 0, f"the server ended with {code}: {deployed.log_text()[-1000:]}")
        deployed.start()
        seconds.append((time.monotonic() - began, stopped - began))
    wait_for_acknowledgements(producers)
    totals = sorted(total for total, _ in seconds)
    return (
        f"slowest {totals[-1]:.2f} s, median {totals[len(totals) // 2]:.2f} s;"
        f" slowest stop {max(stop for _, stop in seconds):.2f} s"
    )


def wait_for_acknowledgements(producers):
    """Returns when each producer has had more records acknowledged."""
    goals = [(producer, acknowledged(producer) + ACKNOWLEDGEMENTS) for producer in producers]

    def reached():
        for producer, _ in goals:
            require(producer.is_running(), f"{producer.name} ended: {producer.of_kind('error')[:1]}")
        return all(acknowledged(producer) >= goal for producer, goal in goals)

    wait.until("new acknowledgements for everybody", reached, ACKNOWLEDGED_SECONDS)


def check_never_refused(producer):
    """Fails if a connection was refused or reset."""
    trouble = [one["text"] for one in producer.of_kind("error") if TROUBLE.search(one["text"])]
    require(not trouble, f"{len(trouble)} connections refused or reset: {trouble[:2]}")
