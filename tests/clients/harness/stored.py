"""What the server has stored, as `read --format json --with-offsets` prints it."""

import json
from dataclasses import dataclass
from decimal import Decimal

CLIENT_ID = "__tag__:__client_id__"


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
    """One line of output. A repeated name, as of a repeated header, stays repeated."""
    fields, about = [], {}
    for name, value in json.loads(line, object_pairs_hook=list, parse_float=Decimal):
        special = name in ("__shard__", "__offset__", "__time__", "__source__", "__topic__")
        if special or name.startswith("__tag__:"):
            about[name] = value
        else:
            fields.append((name, value))
    return StoredLog(
        shard=int(about["__shard__"]),
        offset=int(about["__offset__"]),
        time_ms=Decimal(about["__time__"]) * 1000,
        source=about["__source__"],
        client_id=about.get(CLIENT_ID),
        fields=sorted(fields),
    )
