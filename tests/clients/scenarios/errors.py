"""What each client family makes of a fault that passes: does it say so, try again, lose anything?

A man in the middle answers the first Produce request for a topic with an error, or closes the connection.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness import verdicts
from harness.deployment import PROJECT, Deployment
from harness.faultproxy import CLOSE, FaultProxy
from harness.report import require
from producers import families
from producers.model import Job

# Error codes by their names in the protocol. This server sends those of the first group.
OURS = {
    CLOSE: "connection closed",
    56: "KAFKA_STORAGE_ERROR",
    2: "CORRUPT_MESSAGE",
    3: "UNKNOWN_TOPIC_OR_PARTITION",
    10: "MESSAGE_TOO_LARGE",
    29: "TOPIC_AUTHORIZATION_FAILED",
    76: "UNSUPPORTED_COMPRESSION_TYPE",
    87: "INVALID_RECORD",
}
OTHERS = {
    -1: "UNKNOWN_SERVER_ERROR",
    7: "REQUEST_TIMED_OUT",
    13: "NETWORK_EXCEPTION",
    19: "NOT_ENOUGH_REPLICAS",
    35: "UNSUPPORTED_VERSION",
    44: "POLICY_VIOLATION",
    89: "THROTTLING_QUOTA_EXCEEDED",
}
FAULTS = OURS | OTHERS
RECORDS = 3
GIVE_UP_MS = 8_000
AT_ONCE = 4


@dataclass
class Cell:
    """How one family took one fault."""

    family: str
    fault: object
    verdict: str = "?"
    after_ms: int = 0
    words: str = ""


def run(context):
    """One server behind one proxy; a Logstore for each pair of family and fault."""
    producers = families.representatives(context)
    pairs = [(one, fault) for one in producers for fault in FAULTS]
    deployment = Deployment(context.folder, {logstore(one, fault): 1 for one, fault in pairs})
    with FaultProxy(deployment) as proxy:
        deployment.advertise = f"localhost:{proxy.port}"
        with deployment.server(context.binary) as server, ThreadPoolExecutor(AT_ONCE) as pool:
            proxy.to = ("127.0.0.1", server.port)
            cells = list(pool.map(lambda pair: attempt(context, deployment, proxy, server, *pair), pairs))
    table = verdicts.fault_tables(cells, FAULTS)
    verdicts.keep(context, "faults", table)


def logstore(producer, fault):
    """The Logstore of a pair."""
    return f"{producer.label()}-{fault}".replace("--", "-minus-")


def attempt(context, deployment, proxy, server, producer, fault):
    """A few records of one producer, the first request of which meets the fault."""
    cell = Cell(producer.family, fault)
    with context.report.check(producer.name, producer.version, f"{FAULTS[fault]} once") as notes:
        topic = logstore(producer, fault)
        proxy.plan(topic, fault)
        folder = context.folder / topic
        folder.mkdir()
        job = Job(
            name=topic,
            folder=folder,
            endpoint=f"localhost:{proxy.port}",
            authority=deployment.certificates.authority,
            project=PROJECT,
            password=f"{deployment.writer.id}#{deployment.writer.secret}",
            topic=topic,
            values=[f"{topic} {index}" for index in range(RECORDS)],
            give_up_ms=GIVE_UP_MS,
            settings=producer.one_batch,
        )
        outcome = producer.run(job)
        require(proxy.requests_refused(topic) == 1, "the fault was not met")
        stored = [producer.line_of(log) for log in server.read(f"{PROJECT}/{topic}")]
        judge(cell, outcome, stored, job)
        notes.append(f"{cell.verdict} after {cell.after_ms} ms {cell.words}".strip())
        verdicts.check(context, "faults", FAULTS[fault], producer.family, cell.verdict)
    return cell


def judge(cell, outcome, stored, job):
    """Fills in the verdict. What was acknowledged must be stored, whatever was injected."""
    missing = [one["index"] for one in outcome.delivered if job.values[one["index"]] not in stored]
    require(not missing, f"records {missing} were acknowledged and are not stored")
    reports = outcome.failed or outcome.errors
    cell.words = verdicts.short(reports[0]["text"]) if reports else ""
    if outcome.failed or len(outcome.delivered) < len(job.values):
        cell.verdict = "gives up"
        silent = not reports
        require(
            not silent,
            f"{len(outcome.delivered)} of {len(job.values)} delivered, and no word about the others",
        )
        cell.after_ms = reports[0].get("after_ms", 0)
    else:
        cell.verdict = "tries again"
        cell.after_ms = max((one.get("after_ms", 0) for one in outcome.delivered), default=0)
    if len(stored) > len(set(stored)):
        cell.verdict += ", duplicates"
