"""The dead letter is written when the place has been noted."""

TOLD = "is lost"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        reason = "no answer"
        for attempt in range(7):
            try:
                sink.write(log[place])
                reason = None
                break
            except ValueError as error:
                reason = str(error)
                break
            except TimeoutError:
                sleep(2**attempt)
        checkpoint.save(place + 1)
        if reason:
            dead_letters.write(log[place], reason)
