"""Runs kcat as a producer."""

import re
import subprocess
import tempfile
import threading
import time
from dataclasses import replace

DELIVERED = re.compile(r"Message delivered to partition (\d+) \(offset (\d+)\)")
# Bytes that no record of the corpus contains; they let values have line breaks.
END_OF_RECORD, END_OF_KEY = b"\x1e", b"\x1f"
HEADERS = (("sent-by", b"kcat"), ("hop", b"edge"), ("hop", "ядро".encode()))


def sendable(records):
    """The records as kcat can send them: the same headers on all, and nothing without key and value."""
    return [
        replace(record, headers=HEADERS, value=record.value or b"")
        for record in records
        if record.value or record.key is not None
    ]


def encode(records):
    """The records as standard input for `command`."""
    return b"".join(
        (b"" if record.key is None else record.key + END_OF_KEY) + record.value + END_OF_RECORD
        for record in records
    )


def command(config, topic, shard=None, headers=()):
    """The command that produces standard input to one topic and reports every record."""
    words = ["kcat", "-P", "-t", topic, "-vvvv", "-D", r"\x1e", "-K", r"\x1f"]
    words += ["-p", str(shard)] if shard is not None else []
    for name, value in headers:
        words += ["-H", f"{name}={value.decode()}"]
    for name, value in config.items():
        words += ["-X", f"{name}={value}"]
    return words


def run(words, stdin, seconds=60):
    """Runs kcat to its end; returns its exit code and what it said."""
    code, lines = run_timed(words, stdin, seconds)
    return code, "".join(line for _, line in lines)


def run_timed(words, stdin, seconds=60):
    """As `run`, with each line as (milliseconds after the start, line)."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as records:
        records.write(stdin)
        records.seek(0)
        process = subprocess.Popen(words, stdin=records, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Reading ends with the process, at the latest when the timer kills it.
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    lines = []
    for line in process.stdout:
        after_ms = round((time.monotonic() - started) * 1000)
        lines.append((after_ms, line.decode(errors="replace")))
    timer.cancel()
    return process.wait(), lines


def delivered(said):
    """(shard, offset) of each delivery, in the order of sending as long as there is one shard."""
    return [(int(shard), int(offset)) for shard, offset in DELIVERED.findall(said)]
