"""A proportional controller: the further from the aim, the larger the step."""


class Batcher:
    aim = 165

    def __init__(self):
        self.wait = 50.0

    def plan(self, waiting, oldest_ms):
        return 500, self.wait

    def done(self, size, service_ms, worst_ms):
        self.wait = min(190.0, max(0.0, self.wait + 0.25 * (self.aim - worst_ms)))
