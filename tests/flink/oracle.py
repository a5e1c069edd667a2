"""Brute force: what Apache Flink's documentation says a window, a session or a join gives, written down plainly.

Nothing here is shared with the engine. Events are (key, time, value); the watermark is the highest time so far,
less the bound, less one, and moves after every event; at the end it is infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

Event = tuple[str, int, Any]
Window = tuple[int, int]
Fired = tuple[str, int, int, tuple[Any, ...]]


def watermarks(stream: Sequence[Event], bound: int) -> list[float]:
    """Before each event."""
    known: list[float] = []
    highest = -inf
    for _, time, _ in stream:
        known.append(highest - bound - 1)
        highest = max(highest, time)
    return known


def grid(size: int, slide: int, offset: int = 0) -> Callable[[int], list[Window]]:
    """All windows [start, start + size) with start = offset + n × slide that hold a time."""

    def windows_of(time: int) -> list[Window]:
        candidates = range(-3 * size - 200 * slide + offset, time + 1)
        return [(s, s + size) for s in candidates if (s - offset) % slide == 0 and s <= time < s + size]

    return windows_of


def windows(
    stream: Sequence[Event], bound: int, windows_of: Callable[[int], Iterable[Window]], lateness: int = 0
) -> tuple[list[Fired], list[Event]]:
    """(firings of each key in order: key, start, end, values; late events)."""
    held: dict[tuple[str, Window], list[Any]] = {}
    fired: list[Fired] = []
    late: list[Event] = []
    highest = -inf
    for key, time, value in [*stream, ("", inf, None)]:
        watermark = highest - bound - 1
        if value is not None:
            taken = False
            assigned = list(windows_of(time))
            for window in assigned:
                if window[1] - 1 + lateness <= watermark:
                    continue
                taken = True
                held.setdefault((key, window), []).append(value)
                if window[1] - 1 <= watermark:
                    fired.append((key, *window, tuple(held[key, window])))
            if not taken and time + lateness <= watermark:
                late.append((key, time, value))
        highest = max(highest, time)
        after = highest - bound - 1
        passed = [(w[1], k, w) for k, w in held if watermark < w[1] - 1 <= after]
        for _, k, w in sorted(passed):
            fired.append((k, *w, tuple(held[k, w])))
    return fired, late


def sessions(stream: Sequence[Event], bound: int, gap: int, lateness: int = 0) -> tuple[list[Fired], list[Event]]:
    """The same for sessions: an element's window is [time, time + gap); windows of a key that touch are one."""
    held: dict[str, list[tuple[int, int, list[Any]]]] = {}
    fired: list[Fired] = []
    late: list[Event] = []
    highest = -inf
    for key, time, value in [*stream, ("", inf, None)]:
        watermark = highest - bound - 1
        for k in held:
            held[k] = [s for s in held[k] if s[1] - 1 + lateness > watermark]
        if value is not None:
            mine = held.setdefault(key, [])
            touched = sorted(s for s in mine if s[0] <= time + gap and time <= s[1])
            start = min([time, *(s[0] for s in touched)])
            end = max([time + gap, *(s[1] for s in touched)])
            if end - 1 + lateness <= watermark:
                late.append((key, time, value))
            else:
                values = [v for s in touched for v in s[2]] + [value]
                held[key] = [s for s in mine if s not in touched] + [(start, end, values)]
                if end - 1 <= watermark:
                    fired.append((key, start, end, tuple(values)))
        highest = max(highest, time)
        after = highest - bound - 1
        passed = [(s[1], k, s) for k in held for s in held[k] if watermark < s[1] - 1 <= after]
        for _, k, s in sorted(passed):
            fired.append((k, s[0], s[1], tuple(s[2])))
    return fired, late


def interval_join(
    left: Sequence[Event], right: Sequence[Event], bound: int, lower: int, upper: int
) -> list[tuple[str, Any, Any, int]]:
    """Pairs of one key with lower <= right's time - left's <= upper, of elements that aren't late.

    The streams take turns, an element each, left first; an element is late when its time is below the watermark,
    the lower of both streams'. An ended stream has no say. An element waits until the watermark moves on to the last
    time at which a partner could come (its own, if partners come before it), or past it.
    """
    turns: list[tuple[int, Event]] = []
    for i in range(max(len(left), len(right)) + 1):
        for side, stream in ((0, left), (1, right)):
            if i < len(stream):
                turns.append((side, stream[i]))
            elif i == len(stream):
                turns.append((side, ("", -1, None)))  # here it is found to have ended
    marks = [-inf, -inf]
    arrived: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]] = ([], [])
    pairs = []
    for side, (key, time, value) in turns:
        watermark = min(marks)
        if value is None:
            marks[side] = inf
            continue
        if time >= watermark:
            for k, t, v, watermark_then in arrived[1 - side]:
                distance = t - time if side == 0 else time - t
                reach = t + max(upper if side == 1 else -lower, 0)
                waits = reach > watermark or watermark == watermark_then
                if k == key and lower <= distance <= upper and waits:
                    pairs.append((key, *((value, v) if side == 0 else (v, value)), max(time, t)))
            arrived[side].append((key, time, value, watermark))
        marks[side] = max(marks[side], time - bound - 1)
    return pairs
