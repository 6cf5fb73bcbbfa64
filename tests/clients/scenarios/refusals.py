"""What a client is told when it is refused, how soon, and that nothing of it is stored."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness import confluent, kcat
from harness.deployment import PROJECT, Deployment, new_key
from harness.install import KCAT
from harness.report import require

ALLOWED, FORBIDDEN, UNKNOWN, INVALID = "allowed", "forbidden", "unknown", "not.a.name"
LOCKED, HASHLESS = "locked", "hashless"
# Whatever goes wrong, a client gives up after this.
MESSAGE_TIMEOUT_MS = 5_000
RUN_SECONDS = 30
# A refusal is one round trip; the rest is a margin for a machine that runs all clients at once.
AT_ONCE_MS = 4_000
# An unknown topic is asked for again until librdkafka believes it, here after one second.
PROPAGATION_MS = 1_000


@dataclass(frozen=True)
class Refusal:
    """One way to be refused, and what the client then says."""

    title: str
    settings: dict
    topic: str
    # Part of what both clients then print.
    words: str
    # Under which the server logs it.
    code: str
    within_ms: int = AT_ONCE_MS


def run(context):
    """One server; for each client all refusals at the same time."""
    deployment = Deployment(context.folder, {ALLOWED: 1, FORBIDDEN: 1})
    narrow = new_key("WriterOfOne", writes=ALLOWED)
    deployment.keys.append(narrow)
    # Failed logins pause an address for a project, so they get projects of their own.
    for project in (LOCKED, HASHLESS):
        deployment.projects[project] = {ALLOWED: 1}
        deployment.keys.append(new_key(f"WriterOf{project}", project=project))
    with deployment.server(context.binary) as server:
        cases = refusals(deployment, narrow)
        for client in context.of_librdkafka():
            refuse_in_all_ways(context, client, cases)
        with context.report.check("all", "", "refusals store nothing"):
            check_nothing_stored(deployment, server)
        with context.report.check("all", "", "refusals are logged, secrets are not"):
            log = server.log_text()
            missing = {refusal.code for refusal in cases if refusal.code not in log}
            require(not missing, f"the server's log lacks {sorted(missing)}")
            require(not any(key.secret in log for key in deployment.keys), "the log contains a secret")


def check_nothing_stored(deployment, server):
    """No Logstore has a log, and the unknown one was not created."""
    for project, logstores in deployment.projects.items():
        for logstore in logstores:
            logs = server.read(f"{project}/{logstore}")
            require(not logs, f"{len(logs)} logs in {project}/{logstore}")
    unknown = server.command("read", f"{PROJECT}/{UNKNOWN}", "--config", str(deployment.config))
    require(unknown.returncode != 0, "the unknown Logstore can be read, so it was created")


def refusals(deployment, narrow):
    """All ways to be refused; `narrow` is a key that may write to one Logstore only."""
    right = deployment.client_config()
    limited = deployment.client_config(narrow)
    locked = right | {"sasl.username": LOCKED, "sasl.password": f"WriterOf{LOCKED}#wrong"}
    nobody = right | {"sasl.username": "nobody"}
    hashless = right | {"sasl.username": HASHLESS, "sasl.password": narrow.secret}
    scram = right | {"sasl.mechanism": "SCRAM-SHA-256"}
    plaintext = right | {"security.protocol": "SASL_PLAINTEXT"}
    return [
        Refusal("wrong secret", locked, ALLOWED, "[LB0401]", "LB0401"),
        Refusal("unknown project", nobody, ALLOWED, "[LB0401]", "LB0401"),
        Refusal("password without #", hashless, ALLOWED, "[LB0402]", "LB0402"),
        Refusal("no right on the Logstore", limited, FORBIDDEN, "Topic authorization failed", "LB0501"),
        Refusal("unknown Logstore", right, UNKNOWN, "nknown topic", "LB0521", MESSAGE_TIMEOUT_MS),
        Refusal("invalid Logstore name", right, INVALID, "Invalid topic", "LB0522"),
        Refusal("another mechanism", scram, ALLOWED, "Unsupported SASL mechanism", "LB0404"),
        Refusal("no TLS", plaintext, ALLOWED, "PLAIN over SASL_SSL only", "LB0311"),
    ]


def refuse_in_all_ways(context, client, cases):
    """Tries all refusals with one client at once; each is a row of the table."""
    listen = listen_to_kcat if client.name == KCAT else listen_to_confluent

    def attempt(refusal):
        limits = {
            "message.timeout.ms": MESSAGE_TIMEOUT_MS,
            "topic.metadata.propagation.max.ms": PROPAGATION_MS,
        }
        return listen(context.folder, client, refusal.settings | limits, refusal)

    with ThreadPoolExecutor(len(cases)) as pool:
        futures = [(refusal, pool.submit(attempt, refusal)) for refusal in cases]
    for refusal, future in futures:
        with context.report.check(client.name, client.version, f"refused: {refusal.title}") as notes:
            lines = future.result()
            told = next(((after, line) for after, line in lines if refusal.words in line), None)
            require(told, f"the client does not say {refusal.words!r}: {[line for _, line in lines][:3]}")
            require(told[0] <= refusal.within_ms, f"the client was told after {told[0]} ms")
            notes.append(f"told after {told[0]} ms: {cut(told[1])}")


def listen_to_kcat(folder, client, settings, refusal):
    """Lets kcat try; returns what it said as (after_ms, line)."""
    words = kcat.command(settings, refusal.topic)
    code, lines = kcat.run_timed(words, b"never stored\x1e", RUN_SECONDS)
    (folder / f"{client.label()}-{refusal.title}.log").write_text("".join(line for _, line in lines))
    require(code != 0, f"kcat ended without an error: {lines}")
    return lines


def listen_to_confluent(folder, client, settings, refusal):
    """Lets confluent-kafka try; returns what its callbacks said as (after_ms, line)."""
    name = f"{client.label()}-{refusal.title}".replace(" ", "-").replace("#", "hash")
    seed = {"seed": 1, "count": 1, "first_timestamp_ms": 1}
    with confluent.Producer(client, folder, name, settings, refusal.topic, corpus=seed) as producer:
        producer.wait_for_end(RUN_SECONDS)
    require(not producer.of_kind("delivered"), "the record was acknowledged")
    reports = sorted(
        producer.of_kind("error") + producer.of_kind("failed"), key=lambda one: one["after_ms"]
    )
    return [(one["after_ms"], f"{one['code']}: {one['text']}") for one in reports]


def cut(line, length=90):
    """The end of a line, where the reason is."""
    line = line.strip()
    return line if len(line) <= length else f"... {line[-length:]}"
