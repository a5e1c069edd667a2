"""The flaky sink does what it says to each kind of order; a power cut leaves what took effect, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from recsys_lab import experiments
from recsys_lab.experiments.flaky_sink import BLIP, GOOD, OUTAGE, OUTAGE_SECONDS, REFUSED, STUCK, Cut, World


def outcomes(kind: str, waits: list[float]) -> list[str]:
    """What comes of an order of that kind, tried after each of the waits."""
    world = World([kind])

    def run(log: Any, sink: Any, dead_letters: Any, checkpoint: Any, sleep: Any) -> None:
        for wait in waits:
            sleep(wait)
            try:
                sink.write(log[0])
            except (TimeoutError, ValueError):
                pass
            else:
                return

    world.run(run)
    return [call.outcome for call in world.calls if call.what == "sink.write"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (GOOD, ["delivered"]),
        (BLIP, ["timed out", "delivered"]),
        (REFUSED, ["refused"] * 4),
        (STUCK, ["timed out"] * 4),
        (OUTAGE, ["timed out", "timed out", "timed out", "delivered"]),
    ],
)
def test_each_kind_of_order_has_its_fate(kind: str, expected: list[str]) -> None:
    assert outcomes(kind, [0, 1, OUTAGE_SECONDS - 3, 3]) == expected


def test_an_outage_is_one_for_all_orders_and_comes_once() -> None:
    world = World([OUTAGE, GOOD])
    seen = []

    def run(log: Any, sink: Any, dead_letters: Any, checkpoint: Any, sleep: Any) -> None:
        for order in (*log, *log):
            try:
                sink.write(order)
                seen.append(order)
            except TimeoutError:
                sleep(OUTAGE_SECONDS / 2)

    world.run(run)
    assert seen == ["order 1", "order 2"]


def delivers_and_notes(log: Any, sink: Any, dead_letters: Any, checkpoint: Any, sleep: Any) -> None:
    for place in range(checkpoint.load() or 0, len(log)):
        sink.write(log[place])
        checkpoint.save(place + 1)


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_ends_the_life_and_what_took_effect_survives(call: int, after: bool) -> None:
    world = World([GOOD] * 3, [Cut(call, after)])
    world.run(delivers_and_notes)

    delivered = [each.order for each in world.calls if each.outcome == "delivered"]
    twice = 2 if (call % 2 and after) or (call % 2 == 0 and not after) else 1
    place = (call - 1) // 2
    assert world.life == 2
    assert [delivered.count(number) for number in (1, 2, 3)] == [twice if each == place else 1 for each in range(3)]


def test_who_catches_a_power_cut_finds_everything_dead() -> None:
    world = World([GOOD] * 2, [Cut(1, after=False)])

    def run(log: Any, sink: Any, dead_letters: Any, checkpoint: Any, sleep: Any) -> None:
        for order in log:
            try:
                sink.write(order)
            except BaseException:
                continue

    world.run(run)
    assert [call.outcome for call in world.calls] == ["power cut before"]


def test_a_checkpoint_is_what_it_was_when_it_was_saved() -> None:
    world = World([GOOD])

    def run(log: Any, sink: Any, dead_letters: Any, checkpoint: Any, sleep: Any) -> Any:
        state = {"done": [1]}
        checkpoint.save(state)
        state["done"].append(2)
        return checkpoint.load()

    assert world.run(run) == {"done": [1]}


def test_waits_that_double_call_a_sink_in_trouble_seven_times_instead_of_hundreds() -> None:
    calls = experiments.outage().groupby("waits").size()
    assert calls["at once"] == round(OUTAGE_SECONDS / 0.1) + 1
    assert calls["after waits that double"] == 7
