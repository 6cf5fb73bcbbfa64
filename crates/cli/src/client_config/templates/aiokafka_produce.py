#!/usr/bin/env python3
# pip install aiokafka
import asyncio
import logging
@tls import ssl

from aiokafka import AIOKafkaProducer


async def main():
    # Why a connection fails stands in the log of the library.
    logging.basicConfig(level=logging.WARNING)
    producer = AIOKafkaProducer(
        bootstrap_servers="{{endpoint}}",
        security_protocol="{{PROTOCOL}}",
@ca         ssl_context=ssl.create_default_context(cafile="{{ca}}"),
@roots         ssl_context=ssl.create_default_context(),
        sasl_mechanism="PLAIN",
        sasl_plain_username="{{project}}",
        # In a program of your own, keep the password out of the source.
        sasl_plain_password="{{password}}",
    )
    await producer.start()
    try:
        content = "{\"msg\": \"Hello World\"}"
        place = await producer.send_and_wait(
            "{{topic}}",
            # timestamp_ms=int(time.time() * 1000),  # the time of the record, if not now
            value=content.encode("utf-8"))
        print("Message delivered to {} [{}] at offset {}".format(
            place.topic, place.partition, place.offset))
    finally:
        await producer.stop()


if __name__ == "__main__":
    asyncio.run(main())
