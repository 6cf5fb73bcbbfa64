"""Power cuts on a real ext4, in the middle of writing and of recovering.

A cut is made in two ways. In the first the whole machine goes: the server's threads but the one that writes are
held, so that no answer leaves any more, the file system is shut down, and the server is killed. Without holding
them first an answer could leave after the cut: a sync that is under way while ext4 is shut down may report
success although its data is gone, which a machine without power could not tell anybody. In the second way only
the disk goes: the server has to notice and to end with LB0703.
"""

import random
import signal

from harness import disk, history, strace, tracing, wait
from harness.deployment import Deployment
from harness.fleet import Fleet
from harness.install import CONFLUENT
from harness.report import require

CUTS = 40
# After so many cuts there is a new file system, with another client and other options.
CUTS_PER_DISK = 20
CUTS_PER_READ = 4
DISK_MIB = 512
SHARDS = 4
LOGSTORE = "powercut"
MOUNT_OPTIONS = ["data=ordered", "data=writeback", "data=ordered,nodelalloc", "data=journal"]
ACKNOWLEDGEMENTS_MAX = 100
# How often the power goes again while the server recovers, and how long the longest such try is.
RECOVERY_CUTS_MAX = 3
RECOVERY_SECONDS = 0.25
EXIT_SECONDS = 20
# What a server does to syncs that are only pretended.
LIES = "fdatasync:retval=0"


def run(context):
    """First a disk that lies, which must be noticed; then honest disks, one after the other."""
    clients = context.of_name(CONFLUENT)
    cuts = context.cycles or CUTS
    with context.report.check(clients[-1].name, clients[-1].version, "powercut, a sync that lies") as notes:
        notes.append(check_lying_disk(context, clients[-1]))
    for number, first in enumerate(range(0, cuts, CUTS_PER_DISK)):
        client = clients[-1 - number % len(clients)]
        options = MOUNT_OPTIONS[number % len(MOUNT_OPTIONS)]
        count = min(CUTS_PER_DISK, cuts - first)
        title = f"powercut, {count} times, {options}"
        with context.report.check(client.name, client.version, title) as notes:
            notes += cut_again_and_again(part_of(context, f"disk-{number}"), client, options, count)


def part_of(context, name):
    """The context with a folder of its own below that of the scenario."""
    folder = context.folder / name
    folder.mkdir()
    return context.within(folder)


def check_lying_disk(context, client):
    """The proof that this scenario can fail: acknowledged records are gone, and the checker says so."""
    context = part_of(context, "lying")
    strace.require_it()
    with disk.PowerCutDisk(context.folder / "disk", DISK_MIB, MOUNT_OPTIONS[0]) as power:
        deployment = Deployment(context.folder, {LOGSTORE: SHARDS}, data_folder=power.folder / "data")
        with deployment.server(context.binary) as server, Fleet(context, deployment, LOGSTORE) as fleet:
            server.kill()
            server.start(strace.wrapper(context.folder / "lies.strace", LIES, all_threads=True))
            fleet.add(client, "believer", False)
            fleet.wait_for_acknowledgements(ACKNOWLEDGEMENTS_MAX)
            server.kill()
            power.cut()
            # They would only go on as if nothing had been.
            fleet.close()
            power.power_on()
            server.start()
            fleet.read(server, "after the cut")
        found = history.anomalies(fleet.history)
    kinds = {one.kind for one in found}
    require(kinds == {history.LOST}, f"found {sorted(kinds)} where records are lost")
    return f"{len(found)} lost records were noticed"


def cut_again_and_again(context, client, options, cuts):
    """One file system and the cuts on it, under the load of a producer of each kind."""
    dice = random.Random(f"{options} {cuts} {client.version}")
    counts = {"recovery": 0, "disk": 0}
    with disk.PowerCutDisk(context.folder / "disk", DISK_MIB, options) as power:
        deployment = Deployment(context.folder, {LOGSTORE: SHARDS}, data_folder=power.folder / "data")
        with deployment.server(context.binary) as server, Fleet(context, deployment, LOGSTORE) as fleet:
            fleet.add(client, "idempotent", True)
            fleet.add(client, "plain", False)
            fleet.add(client, "hasty", False, patient=False, retries=0)
            for number in range(cuts):
                fleet.wait_for_acknowledgements(dice.randint(1, ACKNOWLEDGEMENTS_MAX))
                if dice.random() < 0.5:
                    cut_power(server, power)
                else:
                    cut_disk(server, power)
                    counts["disk"] += 1
                power.power_on()
                counts["recovery"] += cut_recoveries(server, power, dice)
                server.start()
                if number % CUTS_PER_READ == 0:
                    fleet.read(server, f"after cut {number + 1}")
            fleet.stop()
            logs = fleet.read(server, "end")
            notes = [fleet.check_history(), f"{logs} logs"]
            notes += [fleet.check_producer(name) for name in ("idempotent", "plain")]
    return [*notes, f"{counts['disk']} seen by the server, {counts['recovery']} more while it recovered"]


def cut_power(server, power):
    """The machine loses its power."""
    with tracing.only_thread(tracing.COMMITTER, server.process):
        power.cut()


def cut_disk(server, power):
    """The disk is gone. The server notices, acknowledges nothing more, and ends."""
    server.signal(signal.SIGSTOP)
    wait.until("the stop of all threads", lambda: tracing.is_stopped(server.process.pid), EXIT_SECONDS)
    power.cut()
    server.signal(signal.SIGCONT)
    code = server.wait_for_end(EXIT_SECONDS)
    require(code == 1, f"a server without disk ends with {code}")
    require("LB0703" in server.log_text(), f"it ends without LB0703: {server.log_text()[-300:]}")


def cut_recoveries(server, power, dice):
    """Starts the server and cuts the power again at any moment of that, some times; returns how often."""
    cuts = dice.choice([0, 0, 1, RECOVERY_CUTS_MAX])
    for _ in range(cuts):
        server.spawn()
        wait.random_moment(dice, RECOVERY_SECONDS)
        cut_power(server, power)
        power.power_on()
    return cuts
