"""With patience every order gets through, it thinks."""

TOLD = "was tried more than 8 times"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        wait = 1
        while True:
            try:
                sink.write(log[place])
                break
            except ValueError as error:
                dead_letters.write(log[place], str(error))
                break
            except TimeoutError:
                sleep(wait)
                wait = min(30, wait * 2)
        checkpoint.save(place + 1)
