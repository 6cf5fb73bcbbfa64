"""What a record must look like as a log: docs/protocol.md said a second time, independently."""

import json

# Members that could pass for the server's own word are printed under another name.
RESERVED = {"__time__", "__source__"}


class NumberText(str):
    """A JSON number, with its digits as they came."""


def fields(record):
    """The (name, text) pairs that the record becomes, sorted."""
    pairs = [] if record.value is None else value_fields(record)
    if record.key not in (None, b"", b"content"):
        pairs.append(("__key__", text(record.key)))
    pairs += [(f"__header__:{name}", text(value)) for name, value in record.headers]
    return sorted(pairs)


def value_fields(record):
    """In a `.json` topic one field per first-level key of an object; all else stays whole in `content`."""
    document = parse(record.value) if record.json_topic else None
    if not isinstance(document, dict):
        return [("content", text(record.value))]
    return [(shown_name(name), scalar_or_compact(member)) for name, member in document.items()]


def shown_name(name):
    """The name of a field in the output."""
    return f"__field__:{name}" if name in RESERVED else name


def parse(value):
    """The JSON document, with numbers as text; None if it is none."""
    try:
        return json.loads(value.decode(), parse_int=NumberText, parse_float=NumberText, parse_constant=refuse)
    except ValueError:
        return None


def refuse(constant):
    """Python reads NaN and Infinity as JSON; nobody else does."""
    raise ValueError(constant)


def scalar_or_compact(value):
    """Strings lose their quotes; everything else is JSON text without spaces."""
    return str(value) if isinstance(value, str) else compact(value)


def compact(value):
    """The JSON text of a value, without spaces and with numbers as they came."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(name)}:{compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(member) for member in value) + "]"
    return quoted(value)


def quoted(value):
    """A JSON string or constant."""
    return json.dumps(value, ensure_ascii=False)


def text(value):
    """Bytes as the text output shows them: none are empty, invalid UTF-8 is replaced."""
    return (value or b"").decode(errors="replace")
