"""The place is noted before the work is done, so that nothing comes twice."""

TOLD = "is lost"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        checkpoint.save(place + 1)
        for attempt in range(7):
            try:
                sink.write(log[place])
                break
            except ValueError as error:
                dead_letters.write(log[place], str(error))
                break
            except TimeoutError:
                sleep(2**attempt)
        else:
            dead_letters.write(log[place], "no answer")
