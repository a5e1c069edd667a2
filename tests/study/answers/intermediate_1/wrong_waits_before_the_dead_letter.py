"""Patient with the sink, and then once more before the record is given up: all others wait for that too."""

TOLD = "keeps all others waiting for more than 5 minutes"


def run(log, sink, dead_letters, checkpoint, sleep):
    for place in range(checkpoint.load() or 0, len(log)):
        for attempt in range(7):
            try:
                sink.write(log[place])
                break
            except ValueError as error:
                dead_letters.write(log[place], f"refused: {error}")
                break
            except TimeoutError:
                sleep(2**attempt)
        else:
            sleep(600)
            dead_letters.write(log[place], "no answer")
        checkpoint.save(place + 1)
