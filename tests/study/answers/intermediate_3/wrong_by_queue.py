"""A table by the number that waits, made on a day when the machine was quick."""

TOLD = "at 100 a second on a machine 4 × slower p99 was"


class Batcher:
    def plan(self, waiting, oldest_ms):
        return 1000, 160 if waiting < 20 else 90

    def done(self, size, service_ms, worst_ms):
        pass
