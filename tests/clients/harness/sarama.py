"""Starts sarama producers, which report as the Python ones do."""

from harness import confluent


class Producer(confluent.Producer):
    """One running sarama producer."""

    # It may put a new record before older ones that it sends again, in one and the same batch: seen once
    # in some hundred restarts, when a server was away for two seconds.
    keeps_order = False

    def command(self, client):
        return [str(client.package)]

    def variables(self, _client):
        return {}
