"""It sends what is there as soon as the machine is free."""

TOLD = "At 20 a second your p99 was 22 ms of 200: there is room"


class Batcher:
    def plan(self, waiting, oldest_ms):
        return waiting, 0

    def done(self, size, service_ms, worst_ms):
        pass
