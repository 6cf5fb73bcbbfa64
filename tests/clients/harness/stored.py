"""What the server has stored, as `read --format json --with-offsets` prints it."""

import json
from dataclasses import dataclass
from decimal import Decimal

ABOUT_THE_LOG = {"__time__", "__source__", "__topic__", "__shard__", "__offset__"}
TAG = "__tag__:"
CLIENT_ID = TAG + "__client_id__"


@dataclass(frozen=True)
class StoredLog:
    """One log that was read back."""

    shard: int
    offset: int
    time_ms: Decimal
    source: str
    client_id: str | None
    # (name, text) pairs, sorted; a name may repeat.
    fields: list


def parse(line):
    """One line of output. A name that repeats, as of a repeated header, has a list of values."""
    fields, about = [], {}
    for name, value in json.loads(line, parse_float=Decimal).items():
        if name in ABOUT_THE_LOG or name.startswith(TAG):
            about[name] = value
        else:
            fields += [(name, one) for one in (value if isinstance(value, list) else [value])]
    return StoredLog(
        shard=int(about["__shard__"]),
        offset=int(about["__offset__"]),
        time_ms=Decimal(about["__time__"]) * 1000,
        source=about["__source__"],
        client_id=about.get(CLIENT_ID),
        fields=sorted(fields),
    )
