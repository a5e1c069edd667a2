"""The place is noted once, when all is done: every crash starts at the beginning."""

TOLD = "more than 10 orders again"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
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
    checkpoint.save(len(log))
