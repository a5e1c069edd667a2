"""It saves the place of the next record, and starts behind that one."""

TOLD = "is lost"


def run(log, sink, dead_letters, checkpoint, sleep):
    saved = checkpoint.load()
    for place in range(0 if saved is None else saved + 1, len(log)):
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
        checkpoint.save(place + 1)
