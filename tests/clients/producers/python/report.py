"""What the Python workers share: the job, the report, and an end whatever the library does."""

import json
import logging
import os
import threading
import time

# The contract allows 5 s after `give_up_ms`.
GRACE_SECONDS = 4


class Report:
    """The report of one job. When its time is over, values without a fate have failed and the program ends."""

    def __init__(self, path):
        self.began = time.monotonic()
        with open(path) as file:
            self.job = json.load(file)
        self.open = set(range(len(self.job["values"])))
        self.lock = threading.Lock()
        self.file = open(self.job["report"], "w", buffering=1)
        self.show_log()
        self.timer = threading.Timer(self.job["give_up_ms"] / 1000 + GRACE_SECONDS, self.time_is_over)
        self.timer.daemon = True
        self.timer.start()

    def show_log(self):
        """As with `logging.basicConfig(level=logging.INFO)`; warnings are reported as well."""
        logging.basicConfig(level=logging.INFO)
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self.line("error", code=record.levelname, text=record.getMessage())
        logging.getLogger().addHandler(handler)

    def line(self, kind, **what):
        """Writes one line."""
        after_ms = round((time.monotonic() - self.began) * 1000)
        self.file.write(json.dumps({"kind": kind, **what, "after_ms": after_ms}) + "\n")

    def delivered(self, index, shard, offset):
        """The server has acknowledged a value."""
        if self.close(index):
            self.line("delivered", index=index, shard=shard, offset=offset)

    def failed(self, index, error):
        """The library has given up on a value."""
        if self.close(index):
            self.line("failed", index=index, code=type(error).__name__, text=str(error))

    def close(self, index):
        """Whether this value had no fate yet."""
        with self.lock:
            ours = index in self.open
            self.open.discard(index)
            return ours

    def fail_rest(self, error):
        """Nothing can be sent any more."""
        for index in sorted(self.open):
            self.failed(index, error)

    def time_is_over(self):
        """The library is still busy."""
        self.fail_rest(TimeoutError("the library has not said anything when the time of the run was over"))
        self.end()

    def end(self):
        """At once: closing a producer that cannot connect may take longer than is allowed."""
        self.line("end")
        self.file.close()
        os._exit(0)
