"""No batches at all: the machine is too slow for that."""

TOLD = "at 600 a second p99 was"


class Batcher:
    def plan(self, waiting, oldest_ms):
        return 1, 0

    def done(self, size, service_ms, worst_ms):
        pass
