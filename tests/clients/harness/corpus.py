"""Log records as real fleets send them, the same ones for the same seed.

The process that produces and the process that checks both make the records from the seed, so that
nothing needs to be passed between them.
"""

import json
import random
from dataclasses import dataclass

HOSTS = [f"web-{number:02}" for number in range(12)]
PATHS = ["/", "/login", "/api/v1/orders/7781", "/поиск?q=лес", "/製品/42", "/crème-brûlée", "/a%20b"]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
    "curl/8.5.0",
    "Запрос/1.0 🪵",
]
# Documents that are not an object of scalars, or not JSON at all. A log service meets them all.
ODD_DOCUMENTS = [
    b'[{"values":[1901474177],"dstypes":["counter"],"plugin":"cpu","interval":10.000}]',
    b'{"a":1.50,"b":1e9,"c":-0,"d":123456789012345678901234567890}',
    b'{"twice":"first","twice":"second"}',
    b'{ "nested" : { "list" : [ 1 , 2 , { "deep" : null } ] , "text" : "a b" } }',
    b'{"escaped":"tab\\tquote\\" \\u00e9 \\ud83e\\udeb5","@metadata":{"beat":"filebeat"}}',
    b'{"empty":"","null":null,"yes":true,"no":false,"list":[],"object":{}}',
    b"{}",
    b"[]",
    b"42",
    b'"just a string"',
    b"null",
    b'{"truncated": "by the shipper',
    b"{not json}",
    b'{"two":1} {"documents":2}',
    b'{"__time__":"forged","__source__":"forged","level":"info"}',
    None,
]


@dataclass(frozen=True)
class Record:
    """One record as a producer is asked to send it."""

    json_topic: bool
    key: bytes | None
    value: bytes | None
    headers: tuple
    timestamp_ms: int


def records(seed, count, first_timestamp_ms):
    """`count` records, alternately for the raw topic and for the `.json` topic."""
    dice = random.Random(seed)
    return [record(dice, index, first_timestamp_ms + index) for index in range(count)]


def numbered_line(name, index, line_bytes):
    """The line of an endless producer; `parse_numbered_line` is its inverse."""
    return f"{name} {index} ".ljust(line_bytes, "x")


def parse_numbered_line(line, line_bytes):
    """(name, index) of a line, or None if no endless producer made it, byte for byte."""
    words = line.split(" ", 2)
    if len(words) != 3 or not words[1].isdecimal():
        return None
    name, index = words[0], int(words[1])
    return (name, index) if line == numbered_line(name, index, line_bytes) else None


def record(dice, index, timestamp_ms):
    """One record of the corpus."""
    json_topic = index % 2 == 1
    document = json_document if json_topic else plain_line
    return Record(json_topic, key(dice), document(dice, index), headers(dice), timestamp_ms)


def key(dice):
    """Half of the records have no key; some have the key that agents use when they mean none."""
    return dice.choice([None, None, None, None, None, b"", b"content", host(dice), host(dice), host(dice)])


def host(dice):
    """A host name as a record key."""
    return dice.choice(HOSTS).encode()


def headers(dice):
    """None as a rule; sometimes several, some of them with the same name or without bytes."""
    if dice.random() < 0.7:
        return ()
    trace = f"{dice.getrandbits(64):016x}".encode()
    return (("trace", trace), ("hop", b"edge"), ("hop", "ядро".encode()), ("empty", b""), ("null", None))


def plain_line(dice, index):
    """A line for the raw topic: access logs, syslog, stack traces, long ones, empty ones, Latin-1."""
    kind = dice.random()
    if kind < 0.55:
        return access_log(dice, index)
    if kind < 0.85:
        pid = dice.randrange(40000)
        priority = dice.randrange(191)
        return f"<{priority}>Nov 22 02:39:11 {dice.choice(HOSTS)} sshd[{pid}]: session {index}".encode()
    if kind < 0.90:
        return f"Traceback {index}\n\tat Main.java:{dice.randrange(900)}\n\tat Лес.java:7".encode()
    if kind < 0.95:
        return b""
    if kind < 0.98:
        return f"caf\u00e9 {index} in Latin-1".encode("latin-1")
    return long_line(dice, index)


def json_document(dice, index):
    """A value for the `.json` topic: access logs as a rule, odd documents now and then."""
    kind = dice.random()
    if kind < 0.85:
        return access_log(dice, index)
    if kind < 0.88:
        return b""
    return dice.choice(ODD_DOCUMENTS)


def access_log(dice, index):
    """One line of a web server's access log, as JSON, with or without spaces and escapes."""
    entry = {
        "@timestamp": f"2026-11-22T02:39:{index % 60:02}.{dice.randrange(1000):03}Z",
        "host": {"name": dice.choice(HOSTS), "zone": dice.choice("abc")},
        "client_ip": f"203.0.113.{dice.randrange(256)}",
        "method": dice.choice(["GET", "GET", "GET", "POST", "HEAD"]),
        "path": dice.choice(PATHS),
        "status": dice.choice([200, 200, 200, 204, 301, 404, 500]),
        "bytes": dice.randrange(1 << 20),
        "duration_ms": round(dice.expovariate(0.05), 3),
        "user_agent": dice.choice(AGENTS),
        "cached": dice.random() < 0.5,
        "referer": None,
        "tags": ["edge", "日本"],
        "request": index,
    }
    separators = dice.choice([(",", ":"), (", ", ": ")])
    return json.dumps(entry, ensure_ascii=False, separators=separators).encode()


def long_line(dice, index):
    """A line of 20 to 200 KiB that compresses like a log."""
    words = [f"{dice.choice(PATHS)}={dice.randrange(100)}" for _ in range(64)]
    block = " ".join(words)
    length = dice.randrange(20 << 10, 200 << 10)
    return (
        f"long {index} {block * (length // len(block) + 1)}".encode()[:length]
        .decode(errors="ignore")
        .encode()
    )
