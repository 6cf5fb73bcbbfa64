#!/usr/bin/env python3
# pip install confluent-kafka
from confluent_kafka import Producer


def delivery_report(err, msg):
    """Called once for each message, from poll() or flush()."""
    if err is not None:
        print('Message delivery failed: {}'.format(err))
    else:
        print('Message delivered to {} [{}] at offset {}'.format(
            msg.topic(), msg.partition(), msg.offset()))


def main():
    conf = {
        'bootstrap.servers': "{{endpoint}}",
        'security.protocol': '{{protocol}}',
@ca         'ssl.ca.location': "{{ca}}",
        'sasl.mechanisms': 'PLAIN',
        'sasl.username': "{{project}}",
        # In a program of your own, keep the password out of the source.
        'sasl.password': "{{password}}",
        'enable.idempotence': False,
    }
    producer = Producer(conf)

    content = "{\"msg\": \"Hello World\"}"
    producer.produce(topic="{{topic}}",
                     value=content.encode('utf-8'),
                     # timestamp=int(time.time() * 1000),  # the time of the record, if not now
                     callback=delivery_report)
    producer.flush()


if __name__ == '__main__':
    main()
