"""Ten orders at a time; when one of them can't be delivered, all ten are dead letters."""

TOLD = "dead letters"


def run(log, sink, dead_letters, checkpoint, sleep):
    place = checkpoint.load() or 0
    while place < len(log):
        batch = log[place : place + 10]
        done = 0
        for attempt in range(7):
            try:
                while done < len(batch):
                    sink.write(batch[done])
                    done += 1
                break
            except TimeoutError:
                sleep(2**attempt)
            except ValueError:
                break
        if done < len(batch):
            for record in batch:
                dead_letters.write(record, "its batch failed")
        place += len(batch)
        checkpoint.save(place)
