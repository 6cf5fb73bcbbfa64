"""Runs real Kafka clients against a logboom server and compares what is stored with what was sent."""
