"""It survives an outage with ten seconds between attempts, and pays them for every blip."""

TOLD = "the first retry came only after 10 seconds"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for _ in range(8):
            try:
                sink.write(log[place])
                break
            except (TimeoutError, ValueError) as error:
                reason = repr(error)
                sleep(10)
        else:
            dead_letters.write(log[place], reason)
        checkpoint.save(place + 1)
