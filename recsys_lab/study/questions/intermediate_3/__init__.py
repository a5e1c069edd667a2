"""Latency against throughput: a batcher that adapts to the load."""
