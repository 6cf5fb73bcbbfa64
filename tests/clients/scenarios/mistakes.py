"""What each client family says when it is configured wrongly; the server's log must name the mistake too."""

import random
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from harness import verdicts
from harness.deployment import Deployment, new_key
from harness.report import require
from producers import families
from producers.model import Job

ALLOWED, FORBIDDEN = "allowed", "forbidden"
GIVE_UP_MS = 4_000
AT_ONCE = 4
# Of all cells, at least this share must have words that tell the mistake.
SHARE_MIN = 0.8


# kafka-python 3.0 drops an answer if the end of the connection arrives in the same read, which is chance.
BY_CHANCE = {
    ("kafka-python", title) for title in ["mechanism SCRAM-SHA-256", "password without #", "wrong secret"]
}


@dataclass(frozen=True)
class Mistake:
    """A wrong setting."""

    title: str
    # Short, for the name of a project.
    slug: str
    # Fields of the job that differ from what would be right.
    changes: dict
    # What a client must print so that its user knows what is wrong.
    words: str
    # Under which the server logs it.
    code: str
    plaintext_port: bool = False


@dataclass
class Cell:
    """What one family said."""

    family: str
    mistake: Mistake
    told: bool = False
    by_chance: bool = False
    after_ms: int | None = None
    words: str = ""

    def verdict(self):
        """The cell of the table."""
        return "by chance" if self.by_chance else "yes" if self.told else "no"


def noise(count):
    """Text that no codec makes smaller than 64 KiB: some clients compress by default."""
    return "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=count))


MISTAKES = [
    Mistake("no TLS on a TLS port", "notls", {"tls": False}, r"SASL_SSL", "LB0311"),
    Mistake(
        "TLS on a plaintext port", "tls", {}, r"(?i)\bssl|\btls|wrong.version", "LB0312", plaintext_port=True
    ),
    Mistake(
        "mechanism SCRAM-SHA-256",
        "scram",
        {"mechanism": "SCRAM-SHA-256"},
        r"\bPLAIN\b|(?i:mechanism)",
        "LB0404",
    ),
    Mistake("password without #", "nohash", {"password": "NoNumberSignInIt"}, r"LB0402", "LB0402"),
    Mistake("wrong secret", "secret", {"password": "Key#wrong"}, r"LB0401", "LB0401"),
    Mistake("no right to write", "right", {"topic": FORBIDDEN}, r"(?i)authoriz", "LB0501"),
    Mistake(
        "unknown Logstore",
        "unknown",
        {"topic": "alowed"},
        r"(?i)unknown.?topic|not.exist|not present|not found in cluster",
        "LB0521",
    ),
    Mistake(
        "impossible Logstore name",
        "name",
        {"topic": "not.a.name"},
        r"(?i)invalid.?topic|topic.+invalid|not a valid topic",
        "LB0522",
    ),
    Mistake(
        "record of 100 KB, 64 KiB allowed",
        "large",
        {"values": [noise(100_000)]},
        r"(?i)too.?large|size",
        "LB0533",
    ),
]


def run(context):
    """Two servers, one of them without TLS; a project for each pair, as failed logins pause a project."""
    producers = families.representatives(context)
    pairs = [(one, mistake) for one in producers for mistake in MISTAKES]
    with_tls = deploy(context.folder / "tls", pairs)
    plain = deploy(context.folder / "plain", pairs)
    plain.tls = False
    with with_tls.server(context.binary) as server, plain.server(context.binary) as plain_server:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            cells = list(pool.map(lambda pair: attempt(context, with_tls, plain, *pair), pairs))
        check_servers(
            context, pairs, server.log_text() + plain_server.log_text(), [*with_tls.keys, *plain.keys]
        )
    verdicts.keep(context, "mistakes", verdicts.mistake_tables(cells, MISTAKES))
    with context.report.check("all", "", "mistakes that a client names") as notes:
        told = sum(cell.told for cell in cells)
        require(told >= SHARE_MIN * len(cells), f"{told} of {len(cells)} cells have words")
        notes.append(f"{told} of {len(cells)}")


def deploy(folder, pairs):
    """A server with a key for each pair."""
    folder.mkdir()
    deployment = Deployment(folder, {ALLOWED: 1})
    deployment.limits = {"batch_bytes_max": "64 KiB"}
    for number, (producer, mistake) in enumerate(pairs):
        project = project_of(producer, mistake)
        deployment.projects[project] = {ALLOWED: 1, FORBIDDEN: 1}
        # With a right to all, an unknown name is unknown and not forbidden.
        writes = ALLOWED if mistake.changes.get("topic") == FORBIDDEN else "*"
        deployment.keys.append(new_key(f"Key{number}", project=project, writes=writes))
    return deployment


def project_of(producer, mistake):
    """The project of a pair."""
    return f"{producer.label()}-{mistake.slug}"


def attempt(context, with_tls, plain, producer, mistake):
    """One producer makes one mistake; the cell holds what it said."""
    cell = Cell(producer.family, mistake)
    with context.report.check(producer.name, producer.version, mistake.title) as notes:
        folder = context.folder / project_of(producer, mistake)
        folder.mkdir()
        job = wrong_job(plain if mistake.plaintext_port else with_tls, producer, mistake, folder)
        outcome = producer.run(job)
        require(not outcome.delivered, "the client believes that it was delivered")
        reports = [*outcome.errors, *outcome.failed]
        log = folder / "client.log"
        texts = [f"{one['code']}: {one['text']}" for one in reports]
        texts += log.read_text(errors="replace").splitlines() if log.exists() else []
        telling = [text for text in texts if verdicts.tells(text, mistake.words)]
        cell.by_chance = (producer.family, mistake.title) in BY_CHANCE
        cell.told = bool(telling) and not cell.by_chance
        cell.words = verdicts.short((telling or texts or ["nothing"])[0])
        cell.after_ms = min((one["after_ms"] for one in reports if one.get("after_ms")), default=None)
        notes.append(f"told: {cell.verdict()}, after {cell.after_ms} ms: {cell.words}")
        verdicts.check(context, "mistakes", mistake.title, producer.family, cell.verdict())
    return cell


def wrong_job(deployment, producer, mistake, folder):
    """A right job with one thing wrong."""
    key = next(key for key in deployment.keys if key.project == project_of(producer, mistake))
    right = Job(
        name=producer.label(),
        folder=folder,
        endpoint=f"localhost:{deployment.port}",
        authority=deployment.certificates.authority,
        project=key.project,
        password=f"{key.id}#{key.secret}",
        topic=ALLOWED,
        values=["never stored"],
        give_up_ms=GIVE_UP_MS,
    )
    return replace(right, **mistake.changes)


def check_servers(context, pairs, log, keys):
    """Each mistake is in a server's log, and no secret."""
    with context.report.check("all", "", "mistakes are logged, secrets are not"):
        missing = {mistake.code for _, mistake in pairs if mistake.code not in log}
        require(not missing, f"the servers' logs lack {sorted(missing)}")
        require(not any(key.secret in log for key in keys), "a log contains a secret")
        require("NoNumberSignInIt" not in log, "a log contains a password without #")
