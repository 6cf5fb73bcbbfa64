"""The disk fills up: retriable errors, no crash; with room again, writing goes on."""

import os
import subprocess
from contextlib import contextmanager

from harness import confluent, wait
from harness.deployment import PROJECT, Deployment
from harness.install import CONFLUENT
from harness.report import Skip, require

DISK_MIB = 512
LOGSTORE = "full"
LINE_BYTES = 4_096
LINES_PER_POLL = 200
FULL_SECONDS = 60
FREE_SECONDS = 30
# What librdkafka tries again by itself; any other code would lose the batch.
RETRIABLE = {"NOT_ENOUGH_REPLICAS", "KAFKA_STORAGE_ERROR", "REQUEST_TIMED_OUT"}


def run(context):
    """One small file system, the newest client."""
    client = context.of_name(CONFLUENT)[-1]
    disk = context.folder / "disk"
    with context.report.check(client.name, client.version, "disk full") as notes, small_disk(disk):
        deployment = Deployment(context.folder, {LOGSTORE: 1}, data_folder=disk / "data")
        with deployment.server(context.binary) as server:
            fill_and_free(context, deployment, server, client, disk / "filler", notes)


@contextmanager
def small_disk(folder):
    """A file system of its own in memory; only root can mount one."""
    if os.geteuid() != 0:
        raise Skip("only root can mount a small file system")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        raise Skip(f"tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_and_free(context, deployment, server, client, filler, notes):
    """The story: write, fill, be refused, read, free, write again; nothing acknowledged is lost."""
    patient = start(context, deployment, client, "patient", retries=2_147_483_647)
    hasty = None
    try:
        wait.until("the first acknowledgements", lambda: patient.of_kind("delivered"), FULL_SECONDS)
        fill(filler)
        hasty = start(context, deployment, client, "hasty", retries=0)
        wait.until("an error because the disk is full", lambda: hasty.of_kind("failed"), FULL_SECONDS)
        codes = {report["code"] for report in hasty.of_kind("failed")}
        require(codes <= RETRIABLE, f"a full disk is answered with {sorted(codes)}")
        notes.append(f"full: {', '.join(sorted(codes))}")
        require(server.read(f"{PROJECT}/{LOGSTORE}"), "nothing can be read while the disk is full")
        require(server.is_running(), "the server has ended")

        filler.unlink()
        before = len(patient.of_kind("delivered"))
        wait.until(
            "writing after space was freed",
            lambda: len(patient.of_kind("delivered")) > before,
            FREE_SECONDS,
        )
        patient.stop(FULL_SECONDS)
        hasty.stop(FULL_SECONDS)
    finally:
        for producer in filter(None, [patient, hasty]):
            producer.close()
    require(not patient.of_kind("failed"), f"the patient producer lost {patient.of_kind('failed')[:1]}")
    check_all_stored(server, [patient, hasty])
    notes.append(f"{len(patient.of_kind('delivered'))} records acknowledged, all there")


def start(context, deployment, client, name, retries):
    """A producer that sends until it is stopped, and tries again as often as it is told."""
    settings = deployment.client_config() | {"client.id": name, "linger.ms": 5, "retries": retries}
    settings["queue.buffering.max.messages"] = 5_000
    return confluent.Producer(
        client,
        context.folder,
        name,
        settings,
        LOGSTORE,
        line_bytes=LINE_BYTES,
        lines_per_poll=LINES_PER_POLL,
    )


def fill(filler):
    """Writes until the file system has no block left."""
    block = bytes(1 << 20)
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(block)
        except OSError:
            return


def check_all_stored(server, producers):
    """Every acknowledged record is where it was said to be."""
    stored = {}
    for log in server.read(f"{PROJECT}/{LOGSTORE}"):
        stored[log.shard, log.offset] = dict(log.fields)["content"].split()[:2]
    for producer in producers:
        for one in producer.of_kind("delivered"):
            found = stored.get((one["shard"], one["offset"]))
            require(
                found == [producer.name, str(one["index"])],
                f"{producer.name} record {one['index']} was acknowledged at {one}, there is {found}",
            )
