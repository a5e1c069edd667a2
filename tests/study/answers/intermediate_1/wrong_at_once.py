"""Five attempts, one right after the other."""

TOLD = "was tried again after 0 seconds"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for _ in range(5):
            try:
                sink.write(log[place])
                break
            except Exception as error:
                reason = repr(error)
        else:
            dead_letters.write(log[place], reason)
        checkpoint.save(place + 1)
