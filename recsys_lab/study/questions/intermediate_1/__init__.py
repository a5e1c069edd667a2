"""A fault-tolerant pipeline: retries, dead letters and checkpoints for a flaky sink."""
