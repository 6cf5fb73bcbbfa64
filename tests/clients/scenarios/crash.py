"""kill -9 of the server under load: what was acknowledged is there, where it was said to be."""

import random

from harness.deployment import Deployment, new_key
from harness.fleet import Fleet
from harness.install import CONFLUENT
from harness.report import require

KILLS = 10
SHARDS = 4
# How often there is a reading of everything during the run, besides the one at the end.
READS = 2
# How many new acknowledgements every producer must see before the next kill; drawn for each kill.
ACKNOWLEDGEMENTS_MIN, ACKNOWLEDGEMENTS_MAX = 20, 400
LOGSTORE = "crash"
LINES_PER_POLL = 5


def run(context):
    """All versions at once, each with and without idempotence, against one server that keeps dying."""
    kills = context.cycles or KILLS
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS})
    outsider = new_key("Outsider", writes="elsewhere")
    deployment.keys.append(outsider)
    report = context.report
    with (
        deployment.server(context.binary) as server,
        Fleet(context, deployment, LOGSTORE, lines_per_poll=LINES_PER_POLL) as fleet,
    ):
        with report.check("all", "", f"crash, {kills} times") as notes:
            versions = start_producers(context, fleet)
            start_the_impatient(context, fleet, outsider)
            longest = kill_again_and_again(fleet, server, kills)
            notes.append(f"slowest restart {longest:.2f} s")
        with report.check("all", "", "crash, history") as notes:
            fleet.stop()
            logs = fleet.read(server, "end")
            notes += [fleet.check_history(), f"{logs} logs"]
        with report.check("all", "", "crash, refused and unknown") as notes:
            notes.append(check_the_impatient(fleet))
        for name, (client, idempotent) in versions.items():
            title = f"crash{', idempotent' if idempotent else ''}"
            with report.check(client.name, client.version, title) as notes:
                notes.append(fleet.check_producer(name))


# Several: an answer is on its way for a moment only, and a crash has to fall into it.
HASTY = [f"hasty-{number}" for number in range(4)]


def start_producers(context, fleet):
    """Each client in both modes; returns their names with (client, idempotent)."""
    versions = {}
    for client in context.of_name(CONFLUENT):
        for idempotent in (False, True):
            name = f"{client.label()}{'-idempotent' if idempotent else ''}"
            fleet.add(client, name, idempotent)
            versions[name] = (client, idempotent)
    return versions


def start_the_impatient(context, fleet, outsider):
    """One producer that is always refused, and some that give up when a connection breaks."""
    client = context.of_name(CONFLUENT)[-1]
    fleet.add(client, "outsider", False, patient=False, key=outsider)
    for name in HASTY:
        fleet.add(client, name, False, patient=False, retries=0)


def check_the_impatient(fleet):
    """Refused records and records of unknown fate were among those that the checker has judged."""
    senders = fleet.history.senders
    refused = len(senders["outsider"].refused)
    unknown = sum(len(fleet.producers[name].of_kind("failed")) for name in HASTY)
    require(refused, "nothing was refused")
    require(unknown, "every record of the producers that do not try again was acknowledged")
    return f"{refused} refused and never seen, {unknown} given up by the client"


def kill_again_and_again(fleet, server, kills):
    """Kills and restarts; each time only after every producer got new acknowledgements."""
    dice = random.Random(server.port)
    longest = 0
    kills_per_read = max(1, kills // READS)
    for number in range(kills):
        fleet.wait_for_acknowledgements(dice.randint(ACKNOWLEDGEMENTS_MIN, ACKNOWLEDGEMENTS_MAX))
        server.kill()
        if number % kills_per_read == kills_per_read - 1:
            fleet.read(server, f"dead, after kill {number + 1}")
        longest = max(longest, server.restart_seconds())
        if number % kills_per_read == 0:
            fleet.read(server, f"running, after kill {number + 1}")
    fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS_MIN)
    return longest
