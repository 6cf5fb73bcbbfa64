"""Starts sarama producers, which report as the Python ones do."""

from harness import confluent


class Producer(confluent.Producer):
    """One running sarama producer."""

    def command(self, client):
        return [str(client.package)]

    def variables(self, _client):
        return {}
