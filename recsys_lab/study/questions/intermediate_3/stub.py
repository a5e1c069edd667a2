class Batcher:
    def plan(self, waiting, oldest_ms):
        return ...  # the most requests in the next batch, and the age in ms at which its oldest may wait no more

    def done(self, size, service_ms, worst_ms):
        pass
