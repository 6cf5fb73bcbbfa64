"""Crashes at exactly one system call: while a store is made, opened again, and continued in the next segment.

strace kills the server before the call. Then the power goes too, so that nothing is left that was not synced; or
it goes only after another server has taken over what the first one left, and has acknowledged more.
"""

import os
import signal
from itertools import product

from harness import disk, strace, tracing
from harness.deployment import PROJECT, Deployment
from harness.fleet import Fleet
from harness.install import CONFLUENT
from harness.report import require
from harness.sample import some

DISK_MIB = 4_096
SHARDS = 4
LOGSTORE = "points"
OPTIONS = "data=ordered"
KILL = "signal=SIGKILL"
EXIT_SECONDS = 30
# How many of the cases of one kind are tried, evenly from all there are.
CASES = 7
# A bulky record fills a segment of 64 MiB soon.
BULKY_LINE_BYTES, BULKY_LINES_PER_POLL = 100_000, 20
ROLL_SECONDS = 60
# What the thread that commits does to go on in the next segment: (call, its number, whether its failure ends it).
ROLL = [
    ("ftruncate", 1, True),
    ("fsync", 1, True),
    ("unlink", 1, False),
    ("openat", 1, False),
    ("openat", 2, False),
    ("fallocate", 1, False),
    ("fsync", 2, False),
    ("rename", 1, False),
    ("fsync", 3, True),
]
# Behind the last frame: farther than the zeros that a frame may end with.
TORN_AFTER_BYTES, TORN_BYTES = 512, 3_000


def run(context):
    """Each kind of crash on a disk of its own, with the newest client."""
    client = context.of_name(CONFLUENT)[-1]
    kinds = {"new store": crash_new_stores, "restart": crash_restarts, "next segment": crash_rolls}
    for title, crash in kinds.items():
        with context.report.check(client.name, client.version, f"crash points, {title}") as notes:
            strace.require_it()
            folder = context.folder / title.replace(" ", "-")
            folder.mkdir()
            with disk.PowerCutDisk(folder / "disk", DISK_MIB, OPTIONS) as power:
                notes += crash(context.within(folder), power, client)


def crash_new_stores(context, power, client):
    """A server dies while it makes its store; the next one makes it whole, and what it is given stays."""
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS}, data_folder=power.folder / "data")
    config = context.folder / "client.conf"
    with deployment.server(context.binary) as server:
        config.write_text("".join(f"{name}={value}\n" for name, value in deployment.client_config().items()))
        server.kill()
        power.clear()
        points = record(context, deployment, server)
        cases = some(list(product(points, (True, False))), context.cycles or CASES)
        for number, (point, power_goes_too) in enumerate(cases):
            server.kill()
            power.clear()
            die_at(context, server, point, number)
            if power_goes_too:
                lose_power(server, power)
            server.start()
            line = f"line {number}"
            target = f"{PROJECT}/{LOGSTORE}"
            sent = server.command("send", target, "--client-config", str(config), stdin=f"{line}\n".encode())
            require(sent.returncode == 0, f"{point.text[:80]}: {sent.stderr.decode()[-300:]}")
            lose_power(server, power)
            server.start()
            found = [dict(log.fields)["content"] for log in server.read(target)]
            require(found == [line], f"{point.text[:80]}: there is {found}")
    return [f"{len(cases)} crashes"]


def crash_restarts(context, power, client):
    """A server dies while it opens what a crash has left, with and without a torn end."""
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS}, data_folder=power.folder / "data")
    crashes = 0
    with deployment.server(context.binary) as server, Fleet(context, deployment, LOGSTORE) as fleet:
        fleet.add(client, "idempotent", True)
        fleet.add(client, "plain", False)
        for torn in (False, True):
            fleet.wait_for_acknowledgements(1)
            server.kill()
            tear(deployment, torn)
            points = record(context, deployment, server)
            cases = some(list(product(points, (True, False))), context.cycles or CASES)
            for number, (point, power_goes_too) in enumerate(cases):
                fleet.wait_for_acknowledgements(1)
                server.kill()
                tear(deployment, torn)
                crashes += die_at(context, server, point, f"{torn}-{number}")
                if power_goes_too:
                    lose_power(server, power)
                else:
                    server.start()
                    fleet.wait_for_acknowledgements(1)
                    lose_power(server, power)
                server.start()
        return [f"{crashes} crashes", *finish(fleet, server)]


def crash_rolls(context, power, client):
    """The thread that commits is killed, or gets an error, while it goes on in the next segment."""
    cases = [(*step, fault) for step in ROLL for fault in (KILL, "error=EIO")]
    cases = some(cases, context.cycles or CASES)
    deployment = Deployment(context.folder, {LOGSTORE: SHARDS}, data_folder=power.folder / "data")
    bulky = (BULKY_LINE_BYTES, BULKY_LINES_PER_POLL)
    with deployment.server(context.binary) as server, Fleet(context, deployment, LOGSTORE, *bulky) as fleet:
        fleet.add(client, "idempotent", True)
        fleet.add(client, "plain", False)
        for number, (call, nth, ends, fault) in enumerate(cases):
            # The next segment is in hand when something has been acknowledged since the start.
            fleet.wait_for_acknowledgements(2)
            injection = f"{call}:{fault}:when={nth}"
            log = context.folder / f"roll-{number}.strace"
            with strace.attached(server, log, injection):
                strace.require_injected(log, injection, ROLL_SECONDS)
                if fault == KILL or ends:
                    code = server.wait_for_end(EXIT_SECONDS)
                    require(code == (-signal.SIGKILL if fault == KILL else 1), f"{injection}: {code}")
                else:
                    fleet.wait_for_acknowledgements(1)
                    require(server.is_running(), f"with {injection} it ends")
            lose_power(server, power)
            server.start()
        return [f"{len(cases)} cases", *finish(fleet, server)]


def record(context, deployment, server):
    """The calls with which a start changes its data. Leaves the server running."""
    log = context.folder / "start.strace"
    server.start(strace.recorder(log, strace.CHANGES))
    points = [one for one in strace.points(log, deployment.data_folder) if ".sync-probe" not in one.text]
    require(points, "no call of the start was seen")
    return points


def die_at(context, server, point, name):
    """Starts a server that is killed before a call; returns whether it came so far."""
    log = context.folder / f"die-{name}.strace"
    server.spawn(strace.wrapper(log, point.injection(KILL)))
    try:
        server.wait_until_ready()
    except Exception:
        require(server.process.poll() == -signal.SIGKILL, f"{point.text[:80]}: {server.log_text()[-300:]}")
        return True
    server.kill()
    return False


def lose_power(server, power):
    """The machine loses its power and gets it back; the server may be dead already."""
    if server.is_running():
        with tracing.only_thread(tracing.COMMITTER, server.process):
            power.cut()
    else:
        power.cut()
    power.power_on()


def tear(deployment, torn):
    """Leaves at the end of the log what a write leaves that was cut short."""
    segments = sorted((deployment.data_folder / "store").glob("*.log"))
    if not torn or not segments:
        return
    content = segments[-1].read_bytes().rstrip(b"\0")
    start = (len(content) + TORN_AFTER_BYTES) // 8 * 8
    with open(segments[-1], "r+b") as file:
        file.seek(start)
        file.write(os.urandom(TORN_BYTES))
        os.fsync(file.fileno())


def finish(fleet, server):
    """Reads everything, and checks what was seen."""
    fleet.stop()
    logs = fleet.read(server, "end")
    notes = [fleet.check_history(), f"{logs} logs"]
    return notes + [fleet.check_producer(name) for name in fleet.producers]
