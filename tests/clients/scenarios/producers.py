"""Every producer of the table: what `client-config` prints for it, its defaults, every codec, idempotence."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import producers
from harness import names, verdicts, wait
from harness.deployment import Deployment, new_key
from harness.report import Failure, NotAllowed, require
from producers import table
from producers.model import RUN_SECONDS, Job, compare
from producers.worker import on_host

PRINTED, MATRIX = "printed", "matrix"
# What is installed or run at the same time; the machines that this runs on are small.
AT_ONCE = 5
SHARDS = 2
RECORDS = 200
END_SECONDS = 30


def run(context):
    """One server with a project for each producer, so that its log tells them apart."""
    chosen = [one for one in producers.every() if not context.only or one.name in context.only]
    deployment = deploy(context, chosen)
    with deployment.server(context.binary, log="info,logboom::listen=debug") as server:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # Compiling some of them keeps the machine busy, so nothing is timed before that is over.
            rows = list(pool.map(lambda one: install(context, one), chosen))
            list(pool.map(lambda row: try_producer(context, deployment, server, row), rows))
        # Connections that are still open have not been logged.
        server.end(signal.SIGTERM, END_SECONDS)
        spoken = table.seen(server.log_text())
    print("\n" + table.text(rows, spoken), flush=True)
    verdicts.keep(context, "producers", table.markdown(rows, spoken))
    for row in rows:
        compare_with_document(context, row, spoken)


def compare_with_document(context, row, spoken):
    """The documented row of a producer is what was seen."""
    with context.report.check(
        row.producer.name, row.producer.version, "speaks what docs/clients/README.md says"
    ):
        if len(row.passed) < row.tried or not row.installed:
            raise NotAllowed("not all of its runs passed")
        name, *seen = table.cells(row, spoken)
        for title, cell in zip(table.TITLES[1:], seen, strict=True):
            verdicts.check(context, "producers", name, title, cell)


def deploy(context, chosen):
    """A configuration whose clients are told PROJECT.logs.localtest."""
    deployment = Deployment(context.folder, {"unused": 1})
    for number, producer in enumerate(chosen):
        label = producer.label()
        deployment.projects[label] = {PRINTED: SHARDS, MATRIX: SHARDS}
        deployment.keys.append(new_key(f"Key{number}", project=label))
    if names.resolve(one.label() for one in chosen):
        deployment.advertise = f"{{project}}.{names.DOMAIN}"
    return deployment


def install(context, producer):
    """Brings one producer onto this machine; returns its row of the table."""
    row = table.Row(producer)
    with context.report.check(producer.name, producer.version, "install"):
        producer.install()
        row.installed = True
    return row


def try_producer(context, deployment, server, row):
    """All runs of one producer."""
    if not row.installed:
        return
    producer = row.producer
    folder = context.folder / producer.label()
    folder.mkdir()
    job = first_job(deployment, producer, folder)
    with context.report.check(producer.name, producer.version, "as client-config prints it") as notes:
        notes.append(as_printed(deployment, server, producer, job))
        row.passed.append("printed")
    for name, settings in variations(producer):
        with context.report.check(producer.name, producer.version, name) as notes:
            notes.append(vary(deployment, server, producer, job, name, settings))
            row.passed.append(name)
    row.tried = 1 + len(variations(producer))


def first_job(deployment, producer, folder):
    """What all runs of a producer have in common."""
    key = next(key for key in deployment.keys if key.project == producer.label())
    return Job(
        name=producer.label(),
        folder=folder / PRINTED,
        endpoint=f"{deployment.host(key.project)}:{deployment.port}",
        authority=deployment.certificates.authority,
        project=key.project,
        password=f"{key.id}#{key.secret}",
        topic=PRINTED,
        values=[value(PRINTED, index) for index in range(RECORDS)],
    )


def value(run, index):
    """A JSON object, longer than its compressed form, with a character of several bytes."""
    return f'{{"run":"{run}","index":{index},"message":"größer {"log " * 20}"}}'


def as_printed(deployment, server, producer, job):
    """The output of `client-config` with the secret filled in, and nothing else changed."""
    job = replace(job, stored=lambda: len(server.read(f"{job.project}/{job.topic}")))
    job.folder.mkdir()
    words = ["client-config", producer.agent, "--config", str(deployment.config)]
    words += ["--project", job.project, "--logstore", PRINTED, "--ca", str(job.authority)]
    printed = server.command(*words)
    require(printed.returncode == 0, f"client-config says {printed.stderr.decode()}")
    secret = job.password.partition("#")[2]
    outcome = producer.run_printed(printed.stdout.decode().replace("AccessKeySecret", secret), job)
    require(not outcome.failed, f"the client reports {outcome.failed[:2]}")
    return f"{await_logs(server, job, lambda logs: producer.check_printed(logs, job))} logs"


def variations(producer):
    """The runs besides the printed one, as (name, settings)."""
    if not producer.codecs:
        return []
    plain = False if producer.idempotence else None
    runs = [("defaults", {})]
    runs += [(codec, {"codec": codec, "idempotent": plain}) for codec in producer.codecs]
    if producer.idempotence:
        # Sequence numbers and compression have nothing to do with each other: one codec tries both.
        last = producer.codecs[-1]
        runs.append((f"{last}, idempotent", {"codec": last, "idempotent": True}))
    return [*runs, *producer.further]


def vary(deployment, server, producer, first, name, settings):
    """One run with other settings, through the host name without the project; all must be there once."""
    run_name = re.sub(r"[^a-z0-9]+", "-", name)
    job = replace(
        first,
        folder=first.folder.parent / run_name,
        topic=MATRIX,
        values=[value(run_name, index) for index in range(RECORDS)],
        stored=lambda: len(server.read(f"{first.project}/{MATRIX}")),
        **settings,
    )
    if deployment.advertise != "localhost":
        job = on_host(job, names.DOMAIN)
    job.folder.mkdir()
    outcome = producer.run(job)
    require(not outcome.failed, f"the client reports {outcome.failed[:2]}")
    if outcome.delivered is not None:
        indices = sorted(one["index"] for one in outcome.delivered)
        require(indices == list(range(RECORDS)), f"{len(indices)} delivery reports for {RECORDS} records")

    def check(logs):
        lines = [(log, producer.line_of(log)) for log in logs]
        ours = [(log, line) for log, line in lines if line and f'"run":"{run_name}"' in line]
        return compare([line for _, line in ours], job.values) or misplaced(ours, outcome, job)

    await_logs(server, job, check)
    return f"{RECORDS} records"


def misplaced(ours, outcome, job):
    """A record that is not where its client was told, or None."""
    places = {(log.shard, log.offset): line for log, line in ours}
    for one in outcome.delivered or []:
        # Not every client says where a record went.
        if one["offset"] >= 0 and places.get((one["shard"], one["offset"])) != job.values[one["index"]]:
            return f"record {one['index']} is not at {one['shard']}/{one['offset']}"
    return None


def await_logs(server, job, check):
    """Reads until `check` finds no fault, or fails with the last one; returns the number of logs."""
    last = "nothing was read"

    def complete():
        nonlocal last
        logs = server.read(f"{job.project}/{job.topic}")
        last = check(logs)
        return last is None and (len(logs),)

    try:
        return wait.until("complete logs", complete, RUN_SECONDS / 4, every_seconds=0.2)[0]
    except wait.Late:
        raise Failure(last) from None
