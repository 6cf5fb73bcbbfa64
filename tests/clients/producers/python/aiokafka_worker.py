"""Sends with aiokafka; see worker.py for the job and the report."""

import asyncio
import ssl
import sys

from aiokafka import AIOKafkaProducer
from report import Report


async def produce(report):
    job = report.job
    try:
        producer = AIOKafkaProducer(**configure(job))
        await producer.start()
    except Exception as refused:  # Whatever it is, the report is the place for it.
        report.fail_rest(refused)
        return
    fates = []
    for index, value in enumerate(job["values"]):
        try:
            fate = await producer.send(job["topic"], value.encode())
            fates.append(settle(report, index, fate))
        except Exception as refused:
            report.failed(index, refused)
    await asyncio.gather(*fates)


async def settle(report, index, fate):
    """Waits for the fate of a value; the time limit of the report ends a wait that is too long."""
    try:
        place = await fate
        report.delivered(index, place.partition, place.offset)
    except Exception as error:
        report.failed(index, error)


def configure(job):
    """The settings of the job; what it leaves open stays as the library has it."""
    settings = {
        "client_id": job["name"],
        "bootstrap_servers": job["bootstrap"],
        "security_protocol": "SASL_SSL" if job["tls"] else "SASL_PLAINTEXT",
        "sasl_mechanism": job["mechanism"],
        "sasl_plain_username": job["user"],
        "sasl_plain_password": job["password"],
        # Also how long a record is tried.
        "request_timeout_ms": job["give_up_ms"],
    }
    if job["tls"]:
        settings["ssl_context"] = ssl.create_default_context(cafile=job["authority"])
    if job["codec"]:
        settings |= {"compression_type": None if job["codec"] == "none" else job["codec"], "linger_ms": 50}
    if job["idempotent"] is not None:
        settings["enable_idempotence"] = job["idempotent"]
    return settings | job["settings"]


if __name__ == "__main__":
    main_report = Report(sys.argv[1])
    asyncio.run(produce(main_report))
    main_report.end()
