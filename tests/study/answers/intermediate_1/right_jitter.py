"""Waits with seeded jitter, so that many clients do not come back at the same moment; a class holds the parts."""

from random import Random


class Pipeline:
    def __init__(self, sink, dead_letters, checkpoint, sleep):
        self.sink, self.dead_letters, self.checkpoint, self.sleep = sink, dead_letters, checkpoint, sleep
        self.random = Random(7)

    def settle(self, record, attempt=1):
        try:
            self.sink.write(record)
        except ValueError as refusal:
            self.dead_letters.write(record, f"refused ({refusal})")
        except TimeoutError as silence:
            if attempt == 8:
                self.dead_letters.write(record, f"silent ({silence})")
            else:
                self.sleep(2 ** (attempt - 1) * self.random.uniform(0.6, 1.4))
                self.settle(record, attempt + 1)


def run(log, sink, dead_letters, checkpoint, sleep):
    pipeline = Pipeline(sink, dead_letters, checkpoint, sleep)
    done = set(checkpoint.load() or [])
    for record in log:
        if record not in done:
            pipeline.settle(record)
            done.add(record)
            checkpoint.save(sorted(done))
