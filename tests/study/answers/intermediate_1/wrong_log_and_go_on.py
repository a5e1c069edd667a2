"""Poison is printed, which nobody reads, and skipped."""

TOLD = "order 1 is lost"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for attempt in range(7):
            try:
                sink.write(log[place])
                break
            except ValueError:
                break
            except TimeoutError:
                sleep(2**attempt)
        checkpoint.save(place + 1)
