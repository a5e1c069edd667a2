"""A longer wait by a fixed step each time, and the place as text."""


def run(log, sink, dead_letters, checkpoint, sleep):
    place = int(checkpoint.load() or "0")
    failed = 0
    while place < len(log):
        try:
            sink.write(log[place])
        except ValueError as refusal:
            dead_letters.write(log[place], "refused: " + str(refusal))
        except TimeoutError:
            failed += 1
            if failed < 8:
                sleep(1 + 3 * (failed - 1))
                continue
            dead_letters.write(log[place], "eight attempts without an answer")
        place, failed = place + 1, 0
        checkpoint.save(str(place))
