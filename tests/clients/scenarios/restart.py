"""A hundred restarts in order under load, with a listening socket that stays: no client notices more than a pause."""

import re
import signal
import time

from harness import confluent, sarama, server
from harness.deployment import Deployment
from harness.fleet import Fleet
from harness.install import CONFLUENT, SARAMA
from harness.report import require

RESTARTS = 100
SHARDS = 4
LINES_PER_POLL = 2
# New acknowledgements that everybody who comes back at once must have before the next restart.
ACKNOWLEDGEMENTS = 5
END_SECONDS = 12
LOGSTORE = "restart"
DEFAULTS = "defaults"
# What no client may see: the socket is never closed, and every connection ends in order.
TROUBLE = re.compile(r"refused|reset by peer|broken pipe", re.IGNORECASE)
# sarama does not read an idle connection, so it misses its end. It notices when it closes that connection
# or asks for metadata there, and then writes to a server that has gone in order long before.
LAST_WORD = re.compile(r"closing (connection to )?broker|while fetching metadata: write tcp", re.IGNORECASE)
# What sarama says, rarely, of records that it gives up by itself; no request leaves it. If it is idempotent,
# because it has put one back in the wrong order while it tries again. And because two of its goroutines look
# for the leader at once, and it gives the error of the one back because the other has just asked (sarama issue
# 2527): then its connections have ended, as after any restart.
OWN_FAULT = {
    SARAMA: re.compile(
        r"message out of sequence added to a batch"
        r"|client has run out of available brokers to talk to: "
        r"(\d+ errors? occurred:|[\s*]|kafka: broker not connected|EOF|write tcp [\d.:>-]+: write: broken pipe)+$"
    )
}
# What it is told then, rightly, of records that it sends next: it begins a new epoch for each that it gave up,
# and not with the first sequence number if that record is the one.
OWN_FOLLOW_UP = {SARAMA: re.compile(r"received an out of order sequence number")}
# The retry budget of sarama in librdkafka's words, and its reconnecting without a growing pause.
SARAMA_BUDGET = {
    "message.send.max.retries": 3,
    "retry.backoff.ms": 100,
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 100,
}
# What to start: the clients of this name, a title, how, and with which settings.
KINDS = [
    (CONFLUENT, DEFAULTS, confluent.Producer, {}),
    (CONFLUENT, "3 retries", confluent.Producer, SARAMA_BUDGET),
    (SARAMA, "own budget", sarama.Producer, {}),
]


def run(context):
    """All versions with two retry budgets, and sarama, each with and without idempotence."""
    restarts = context.cycles or RESTARTS
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS})
    listener = server.listen()
    deployment.port = listener.getsockname()[1]
    deployed = deployment.server(context.binary)
    deployed.socket = listener
    report = context.report
    fleet = Fleet(context, deployment, LOGSTORE, lines_per_poll=LINES_PER_POLL)
    with listener, deployed, fleet:
        with report.check("all", "", f"restart, {restarts} times") as notes:
            titles = start_producers(context, fleet)
            eager = [name for name, (_, title, _) in titles.items() if title != DEFAULTS]
            notes.append(restart_again_and_again(deployed, fleet, eager, restarts))
        with report.check("all", "", "restart, history") as notes:
            fleet.stop()
            logs = fleet.read(deployed, "end")
            notes += [fleet.check_history(), f"{logs} logs"]
        for name, (client, title, idempotent) in titles.items():
            title = f"restart, {title}{', idempotent' if idempotent else ''}"
            with report.check(client.name, client.version, title) as notes:
                check_never_refused(fleet.producers[name])
                notes.append(
                    fleet.check_producer(name, OWN_FAULT.get(client.name), OWN_FOLLOW_UP.get(client.name))
                )


def start_producers(context, fleet):
    """Starts all; returns their names with (client, title, idempotent)."""
    titles = {}
    for of_name, title, kind, budget in KINDS:
        for client in context.of_name(of_name):
            for idempotent in (False, True):
                words = [client.label(), title.replace(" ", "-"), *(["idempotent"] if idempotent else [])]
                name = "-".join(words)
                settings = {"log.connection.close": True, **budget}
                fleet.start(kind, client, name, idempotent, True, None, settings)
                titles[name] = (client, title, idempotent)
    return titles


def restart_again_and_again(deployed, fleet, names, restarts):
    """Stops and starts, each time only after every one of the producers got new acknowledgements."""
    seconds = []
    for _ in range(restarts):
        fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS, names=names)
        began = time.monotonic()
        code = deployed.end(signal.SIGTERM, END_SECONDS)
        stopped = time.monotonic()
        require(code == 0, f"the server ended with {code}: {deployed.log_text()[-1000:]}")
        deployed.start()
        seconds.append((time.monotonic() - began, stopped - began))
    fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS, names=names)
    totals = sorted(total for total, _ in seconds)
    return (
        f"slowest {totals[-1]:.2f} s, median {totals[len(totals) // 2]:.2f} s;"
        f" slowest stop {max(stop for _, stop in seconds):.2f} s"
    )


def check_never_refused(producer):
    """Fails if a connection was refused or reset."""
    texts = [one["text"] for one in producer.of_kind("error")]
    trouble = [text for text in texts if TROUBLE.search(text) and not LAST_WORD.search(text)]
    require(not trouble, f"{len(trouble)} connections refused or reset: {trouble[:2]}")
