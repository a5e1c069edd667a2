"""Experiments on a running Kafka. Each takes the brokers' addresses, and topics of its own that nobody used before."""
