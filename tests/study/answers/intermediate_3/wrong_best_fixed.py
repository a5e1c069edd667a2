"""The best fixed setting, found by trying them all."""

TOLD = "but so does one fixed setting"


class Batcher:
    def plan(self, waiting, oldest_ms):
        return 200, 90

    def done(self, size, service_ms, worst_ms):
        pass
