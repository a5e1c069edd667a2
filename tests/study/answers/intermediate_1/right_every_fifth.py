"""A checkpoint at every fifth record and at the end; waits from a list, and a refusal is tried twice."""

WAITS = [0.5, 1.5, 4, 9, 18, 36]


def deliver(record, sink, sleep):
    failure = None
    for wait in [None, *WAITS]:
        if wait is not None:
            sleep(wait)
        try:
            sink.write(record)
            return
        except (TimeoutError, ValueError) as error:
            failure = error
            if isinstance(error, ValueError) and wait is not None:
                break
    raise LookupError(f"given up: {failure!r}")


def run(log, sink, dead_letters, checkpoint, sleep):
    state = checkpoint.load() or {"next": 0}
    for number, record in enumerate(log[state["next"] :], start=state["next"] + 1):
        try:
            deliver(record, sink, sleep)
        except LookupError as gone:
            dead_letters.write(record, str(gone))
        if number % 5 == 0 or number == len(log):
            checkpoint.save({"next": number})
