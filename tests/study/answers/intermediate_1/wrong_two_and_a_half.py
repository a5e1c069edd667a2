"""The first retry comes after two and a half seconds, a little too late."""

TOLD = "the first retry came only after 2.5 seconds, not within 2"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for wait in (2.5, 5, 10, 15, 15, 15, None):
            try:
                sink.write(log[place])
                break
            except ValueError as refusal:
                dead_letters.write(log[place], str(refusal))
                break
            except TimeoutError as failure:
                if wait is None:
                    dead_letters.write(log[place], str(failure))
                else:
                    sleep(wait)
        checkpoint.save(place + 1)
