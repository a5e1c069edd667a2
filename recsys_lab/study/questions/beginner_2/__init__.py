"""How Kafka delivers and orders: keys, acks and commit points chosen for a purpose, and tried on real brokers."""
