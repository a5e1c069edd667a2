"""Starts lives quickly: imports once, then forks a process for each life. Run as a program by `lives.py`.

Reads an order a line from standard input, forks, and writes how the life ended. It has no threads of its own, so that
a fork is safe; whoever is forked may start some, and may be killed at any time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from recsys_lab.clock import SimulatedClock
from recsys_lab.events import StreamEvent
from recsys_lab.kafka import Connection, KafkaRecommendationSystem, KafkaStreamProcessor
from recsys_lab.kafka.connection import admin
from tests.builders import clock_time

LONGEST = 60.0
LOOK_SECONDS = 0.25


class Steps:
    """Counts steps, and dies at the one that was chosen: ["sent", 2] is the second time that it is reached."""

    def __init__(self, crash: list[Any] | None) -> None:
        self.crash, self.seen, self.moved = crash, Counter[str](), threading.Event()
        self._lock = threading.Lock()

    def __call__(self, step: str) -> None:
        with self._lock:
            self.seen[step] += 1
            if self.crash == [step, self.seen[step]]:
                os.kill(os.getpid(), signal.SIGKILL)
        self.moved.set()


def copy(order: dict[str, Any]) -> None:
    """Copy a topic to another, until the group has committed all of it."""
    steps = Steps(order["crash"])

    async def mark(event: StreamEvent) -> StreamEvent:
        return msgspec.structs.replace(event, session_id=order["name"])

    processor = KafkaStreamProcessor(
        order["servers"], delivery=order["delivery"], max_poll_records=order["batch"], instance_id=order["name"],
        observe=steps,
    )  # fmt: skip
    for _ in range(order["consumers"]):
        processor.setup_consumer(order["topic"], order["name"], mark, output_topic=order["output"])
    processor.start_consumers()
    with admin(Connection(order["servers"])) as client:
        waiting = threading.Event()
        for _ in range(int(LONGEST / LOOK_SECONDS)):
            found = client.list_group_offsets([order["name"]])[order["name"]]
            committed = {str(where.partition): place.offset for where, place in found.items()}
            if committed == order["ends"] and steps.seen["sent"] == steps.seen["polled"]:
                break
            steps.moved.wait(LOOK_SECONDS)
            steps.moved.clear()
        else:
            raise TimeoutError(f"{committed} is committed, {steps.seen} were seen")
        waiting.clear()
    processor.stop()


def recommend(order: dict[str, Any]) -> None:
    """Take part in the recommendation system until standard input says so, or until the crash."""
    steps = Steps(order["crash"])

    async def work() -> None:
        system = KafkaRecommendationSystem(
            order["servers"], clock=SimulatedClock(), delivery=order["delivery"], instance_id="one",
            processor_options={"observe": steps, "max_poll_records": order["batch"]},
        )  # fmt: skip
        async with system:
            for user, item, kind in order["interactions"]:
                await system.send_user_interaction(user, item, kind)
            request = await system.request_recommendations("user-0")
            await system.await_response(request, timedelta(seconds=LONGEST))

    asyncio.run(work())


def answer(order: dict[str, Any]) -> None:
    """Answer all users and write that down; then send interactions, noting each acknowledged one, and be killed."""
    steps = Steps(order["crash"] if order["early"] else None)

    async def work() -> None:
        system = KafkaRecommendationSystem(
            order["servers"], clock=SimulatedClock(clock_time("10:00")), delivery=order["delivery"],
            instance_id="one", processor_options={"observe": steps, "max_poll_records": order["batch"]},
        )  # fmt: skip
        async with system:
            answers = {}
            for user in order["users"]:
                request = await system.request_recommendations(user, request_context={"life": order["name"]})
                answers[user] = (await system.await_response(request, timedelta(seconds=LONGEST))).recommendations
            known = {user: profile.to_dict() for user, profile in system.user_profiles.items()}
            told = {"name": order["name"], "answers": answers, "profiles": known, "folded": system.metrics()["folded"]}
            whole = Path(f"{order['answers']}.new")
            whole.write_text(json.dumps(told))
            whole.replace(order["answers"])
            steps.seen.clear()
            steps.crash = order["crash"]
            with open(order["acknowledged"], "a", buffering=1) as acknowledged:
                for user, item, kind in order["interactions"]:
                    event = await system.send_user_interaction(user, item, kind)
                    acknowledged.write(f"{event.event_id}\n")
            if order["crash"] is not None:
                await asyncio.sleep(0.5)  # it is working on what was sent; wherever it has come to, this is the end
                os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(work())


LIVES = {"copy": copy, "recommend": recommend, "answer": answer}


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                LIVES[order["life"]](order)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
