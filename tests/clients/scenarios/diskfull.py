"""The disk fills up: retriable errors, no crash, a start is possible; with room again, writing goes on."""

from harness import disk, wait
from harness.deployment import Deployment
from harness.fleet import REFUSALS, Fleet
from harness.install import CONFLUENT
from harness.report import require

DISK_MIB = 512
LOGSTORE = "full"
LINE_BYTES = 4_096
LINES_PER_POLL = 200
QUEUED_MAX = 5_000
FULL_SECONDS = 60
FREE_SECONDS = 30
# What a full disk is answered with: nothing was stored, send it again.
DISK_FULL = "KAFKA_STORAGE_ERROR"
# What librdkafka tries again by itself; any other code would lose the batch.
RETRIABLE = {"NOT_ENOUGH_REPLICAS", DISK_FULL, "REQUEST_TIMED_OUT"}


def run(context):
    """One small file system, the newest client."""
    client = context.of_name(CONFLUENT)[-1]
    small = context.folder / "disk"
    with context.report.check(client.name, client.version, "disk full") as notes:
        with disk.in_memory(small, DISK_MIB):
            deployment = Deployment(context.folder, {LOGSTORE: 1}, data_folder=small / "data")
            refusals = REFUSALS | {DISK_FULL}
            with (
                deployment.server(context.binary) as server,
                Fleet(context, deployment, LOGSTORE, LINE_BYTES, LINES_PER_POLL, refusals) as fleet,
            ):
                fill_and_free(fleet, server, client, small / "filler", notes)


def fill_and_free(fleet, server, client, filler, notes):
    """The story: write, fill, be refused, read, start again, free, write again; nothing acknowledged is lost."""
    queued = {"queue.buffering.max.messages": QUEUED_MAX}
    fleet.add(client, "patient", True, **queued)
    fleet.wait_for_acknowledgements(1, FULL_SECONDS)
    fill(filler)
    hasty = fleet.add(client, "hasty", False, patient=False, retries=0, **queued)
    wait.until("an error because the disk is full", lambda: hasty.of_kind("failed"), FULL_SECONDS)
    codes = {report["code"] for report in hasty.of_kind("failed")}
    require(codes <= RETRIABLE, f"a full disk is answered with {sorted(codes)}")
    notes.append(f"full: {', '.join(sorted(codes))}")
    require(fleet.read(server, "full"), "nothing can be read while the disk is full")
    require(server.is_running(), "the server has ended")

    server.kill()
    notes.append(f"started again while full in {server.restart_seconds():.2f} s")
    failed = len(hasty.of_kind("failed"))
    wait.until("an error after the start", lambda: len(hasty.of_kind("failed")) > failed, FULL_SECONDS)
    require(fleet.read(server, "full, started again"), "nothing can be read after a start on a full disk")

    filler.unlink()
    fleet.wait_for_acknowledgements(1, FREE_SECONDS)
    fleet.stop()
    fleet.read(server, "end")
    notes += [fleet.check_history(), fleet.check_producer("patient")]


def fill(filler):
    """Writes until the file system has no block left."""
    block = bytes(1 << 20)
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(block)
        except OSError:
            return
