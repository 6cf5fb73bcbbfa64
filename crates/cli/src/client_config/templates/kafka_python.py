#!/usr/bin/env python3
# pip install kafka-python
import logging

from kafka import KafkaProducer


def main():
    # Why a connection fails stands only in the log of the library.
    logging.basicConfig(level=logging.WARNING)
    producer = KafkaProducer(
        bootstrap_servers="{{endpoint}}",
        security_protocol="{{PROTOCOL}}",
@ca         ssl_cafile="{{ca}}",
        sasl_mechanism="PLAIN",
        sasl_plain_username="{{project}}",
        # In a program of your own, keep the password out of the source.
        sasl_plain_password="{{password}}",
        # Version 2.0 does not try again by default, so a restart of the server would lose messages.
        acks="all",
        retries=1000,
    )
    content = "{\"msg\": \"Hello World\"}"
    future = producer.send("{{topic}}",
                           # timestamp_ms=int(time.time() * 1000),  # the time of the record, if not now
                           value=content.encode("utf-8"))
    # To send many messages, use future.add_callback and future.add_errback, and wait once, at the end.
    place = future.get(timeout=60)
    print("Message delivered to {} [{}] at offset {}".format(
        place.topic, place.partition, place.offset))
    producer.close()


if __name__ == "__main__":
    main()
