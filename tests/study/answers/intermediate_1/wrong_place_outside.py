"""The place is kept in a variable of the module; the checkpoint is only written."""

TOLD = "it keeps something outside of the checkpoint"

place = 0


def run(log, sink, dead_letters, checkpoint, sleep):
    global place
    while place < len(log):
        for wait in (1, 2, 4, 8, 16, 32, None):
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
        place += 1
        checkpoint.save(place)
