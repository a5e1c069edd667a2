"""The attempts are counted for all orders together, and never forgotten."""

TOLD = "lies in the dead letters, and the sink would have taken it"


def run(log, sink, dead_letters, checkpoint, sleep):
    failures = 0
    for place in range(checkpoint.load() or 0, len(log)):
        while True:
            try:
                sink.write(log[place])
                break
            except ValueError as error:
                dead_letters.write(log[place], str(error))
                break
            except TimeoutError as error:
                failures += 1
                if failures >= 7:
                    dead_letters.write(log[place], str(error))
                    break
                sleep(2 ** (failures - 1))
        checkpoint.save(place + 1)
