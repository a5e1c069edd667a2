"""A second between attempts, always: an outage lasts longer than all attempts together."""

TOLD = "lies in the dead letters, and the sink would have taken it when its outage was over"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for _ in range(8):
            try:
                sink.write(log[place])
                break
            except (TimeoutError, ValueError) as error:
                reason = repr(error)
                sleep(1)
        else:
            dead_letters.write(log[place], reason)
        checkpoint.save(place + 1)
