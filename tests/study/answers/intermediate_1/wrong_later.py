"""What fails is kept for the end, in memory, so that the others need not wait."""

TOLD = "reached the sink only after"


def run(log, sink, dead_letters, checkpoint, sleep):
    later = []
    for place in range(checkpoint.load() or 0, len(log)):
        try:
            sink.write(log[place])
        except ValueError as error:
            dead_letters.write(log[place], str(error))
        except TimeoutError:
            later.append(log[place])
        checkpoint.save(place + 1)
    for record in later:
        for attempt in range(7):
            sleep(2**attempt)
            try:
                sink.write(record)
                break
            except TimeoutError:
                pass
        else:
            dead_letters.write(record, "no answer")
