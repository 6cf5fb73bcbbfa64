"""Sends with kafka-python; see worker.py for the job and the report."""

import sys

from kafka import KafkaProducer
from report import Report


def main(path):
    report = Report(path)
    job = report.job
    try:
        producer = KafkaProducer(**configure(job))
    except Exception as refused:  # Whatever it is, the report is the place for it.
        report.fail_rest(refused)
        report.end()
    futures = [send(producer, report, index, value) for index, value in enumerate(job["values"])]
    for index, future in enumerate(futures):
        if future is not None:
            settle(report, index, future)
    report.end()


def send(producer, report, index, value):
    """A future, unless the library refuses at once."""
    try:
        future = producer.send(report.job["topic"], value.encode())
    except Exception as refused:
        report.failed(index, refused)
        return None
    future.add_callback(lambda place: report.delivered(index, place.partition, place.offset))
    future.add_errback(lambda error: report.failed(index, error))
    return future


def settle(report, index, future):
    """Waits for the fate of a value; the time limit of the report ends a wait that is too long."""
    try:
        place = future.get()
        report.delivered(index, place.partition, place.offset)
    except Exception as error:
        report.failed(index, error)


def configure(job):
    """The settings of the job; what it leaves open stays as the library has it."""
    settings = {
        "client_id": job["name"],
        "bootstrap_servers": job["bootstrap"],
        "security_protocol": "SASL_SSL" if job["tls"] else "SASL_PLAINTEXT",
        "ssl_cafile": job["authority"],
        "sasl_mechanism": job["mechanism"],
        "sasl_plain_username": job["user"],
        "sasl_plain_password": job["password"],
    } | patience(job["give_up_ms"])
    if job["codec"]:
        settings |= {"compression_type": None if job["codec"] == "none" else job["codec"], "linger_ms": 50}
    if job["idempotent"]:
        # Idempotence needs acks, and 2.3 does not set them by itself.
        settings |= {"enable_idempotence": True, "acks": "all"}
    elif job["idempotent"] is not None and "enable_idempotence" in KafkaProducer.DEFAULT_CONFIG:
        settings["enable_idempotence"] = False
    return settings | job["settings"]


def patience(give_up_ms):
    """Every time limit that this version of the library has and that would outlast the job's."""
    defaults = KafkaProducer.DEFAULT_CONFIG
    limits = {
        "api_version_auto_timeout_ms": give_up_ms // 2,
        "bootstrap_timeout_ms": give_up_ms,
        "max_block_ms": give_up_ms,
        "delivery_timeout_ms": give_up_ms,
        # 2.0 gives up on a record after this; later versions want it to be shorter than the limit above.
        "request_timeout_ms": give_up_ms // 2 if "delivery_timeout_ms" in defaults else give_up_ms,
    }
    return {name: limit for name, limit in limits.items() if name in defaults and limit < defaults[name]}


if __name__ == "__main__":
    main(sys.argv[1])
