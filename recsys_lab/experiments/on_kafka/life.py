"""The life of a consumer: a program of its own that may kill itself with SIGKILL at a chosen step.

    python life.py '{"servers": ..., "delivery": "at-least-once", "crash": ["sent", 2], ...}'

It copies events from one topic to another, in batches, as a member of a group; each event that it works on is noted in
a diary, a plain file that no guarantee covers. `kill -9` cannot be caught: no cleaning up, no last commit. Nothing
imports this program; the experiment starts it as often as there are lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from typing import Any

from recsys_lab.events import StreamEvent
from recsys_lab.kafka.processor import KafkaStreamProcessor

LONGEST_SECONDS = 60.0


def live(order: dict[str, Any]) -> bool:
    """Work until the last event is done, or until the crash; whether the last event was done."""
    seen: Counter[str] = Counter()
    worked_on_the_last, done = threading.Event(), threading.Event()
    at_the_end = "sent" if order["delivery"] == "at-most-once" else "committed"
    diary = os.open(order["diary"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def observe(step: str) -> None:
        seen[step] += 1
        if [step, seen[step]] == order["crash"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == at_the_end and worked_on_the_last.is_set():
            done.set()

    async def copy(event: StreamEvent) -> StreamEvent:
        os.write(diary, f"{event.event_id}\n".encode())
        if event.event_id == order["last"]:
            worked_on_the_last.set()
        return event

    processor = KafkaStreamProcessor(
        order["servers"], delivery=order["delivery"], max_poll_records=order["batch"], instance_id=order["instance"],
        observe=observe,
    )  # fmt: skip
    processor.setup_consumer(order["topic"], order["group"], copy, output_topic=order["output"])
    processor.start_consumers()
    finished = done.wait(LONGEST_SECONDS)
    processor.stop()
    return finished


if __name__ == "__main__":
    raise SystemExit(0 if live(json.loads(sys.argv[1])) else 1)
