"""Whatever fails goes to the dead letters at once."""

TOLD = "order 1 lies in the dead letters, and the sink would have taken it at the next attempt"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        try:
            sink.write(log[place])
        except (TimeoutError, ValueError) as error:
            dead_letters.write(log[place], repr(error))
        checkpoint.save(place + 1)
