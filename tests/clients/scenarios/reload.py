"""SIGHUP with `--config`: the new configuration counts, a broken one does not, and nobody is cut off."""

import signal

from harness import confluent, kcat, wait
from harness.deployment import PROJECT, Deployment, new_key
from harness.install import CONFLUENT
from harness.report import require

OLD, NEW = "old", "new"
RELOAD_SECONDS = 20
STOP_SECONDS = 30
# An unknown topic is asked for again until librdkafka believes it.
PROPAGATION_MS = 500


def run(context):
    """One producer stays connected while the configuration changes twice under it."""
    client = context.of_name(CONFLUENT)[-1]
    deployment = Deployment(context.folder, {OLD: 1})
    with deployment.server(context.binary) as server:
        producer = start_producer(context, deployment, client)
        try:
            with context.report.check("logboom-smol", "", "reload: a new Logstore and key"):
                acknowledge_more(producer)
                newcomer = new_key("KeyOfReload", writes=NEW)
                deployment.projects[PROJECT][NEW] = 1
                deployment.keys.append(newcomer)
                deployment.write()
                server.signal(signal.SIGHUP)
                wait.until(
                    "producing with what is new", lambda: produces(deployment, newcomer), RELOAD_SECONDS
                )
            with context.report.check("logboom-smol", "", "reload: a broken file") as notes:
                with open(deployment.config, "a") as file:
                    file.write('retension = "30d"\n')
                server.signal(signal.SIGHUP)
                wait.until("LB0103 in the log", lambda: "LB0103" in server.log_text(), RELOAD_SECONDS)
                require(produces(deployment, newcomer), "the configuration before it no longer counts")
                notes.append("LB0103 in the log, the old state goes on")
            with context.report.check(client.name, client.version, "reload: connections stay") as notes:
                acknowledge_more(producer)
                producer.stop(STOP_SECONDS)
                trouble = producer.of_kind("error") + producer.of_kind("failed")
                require(not trouble, f"the client noticed: {trouble[:2]}")
                notes.append(f"{len(producer.of_kind('delivered'))} records without a disconnect")
        finally:
            producer.close()


def start_producer(context, deployment, client):
    """A producer that reports every closed connection."""
    settings = deployment.client_config() | {"log.connection.close": True, "linger.ms": 5}
    return confluent.Producer(
        client, context.folder, "steady", settings, OLD, line_bytes=100, lines_per_poll=10
    )


def acknowledge_more(producer):
    """Waits until the producer has more acknowledgements than now."""
    before = len(producer.of_kind("delivered"))
    wait.until(
        "another acknowledgement", lambda: len(producer.of_kind("delivered")) > before + 10, RELOAD_SECONDS
    )


def produces(deployment, key):
    """Whether kcat can write one record to the new Logstore with the new key."""
    settings = deployment.client_config(key) | {"topic.metadata.propagation.max.ms": PROPAGATION_MS}
    settings["message.timeout.ms"] = 3_000
    code, _ = kcat.run(kcat.command(settings, NEW), b"after the reload\x1e")
    return code == 0
