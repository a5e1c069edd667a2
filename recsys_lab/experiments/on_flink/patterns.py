"""Where a pattern fits into a stream, and where it ran out of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from recsys_lab.experiments.on_flink.morning import Visit, timed, user_of, visit
from recsys_lab.flink import FlinkStreamProcessor, ListSink, OutputTag
from recsys_lab.flink.cep import CEP, Match, Pattern


def hesitation() -> list[Visit]:
    """Eleven visits: ann looks three times and buys, bob looks three times and leaves, cas looks four times."""
    return [
        visit("ann", "10:00", item="lamp"),
        visit("bob", "10:01", item="mug"),
        visit("cas", "10:02", item="rug"),
        visit("ann", "10:03", item="mug"),
        visit("bob", "10:05", item="rug"),
        visit("cas", "10:06", item="bag"),
        visit("ann", "10:08", item="lamp"),
        visit("cas", "10:09", item="rug"),
        visit("bob", "10:11", item="mug"),
        visit("ann", "10:12", "purchase", item="lamp"),
        visit("cas", "10:14", item="toy"),
    ]


def two_and_two() -> list[Visit]:
    """Two views and then two purchases, of one user."""
    return [
        visit("ann", "10:00", item="lamp"),
        visit("ann", "10:02", item="mug"),
        visit("ann", "10:05", "purchase", item="lamp"),
        visit("ann", "10:07", "purchase", item="mug"),
    ]


def matches(
    patterns: Pattern | dict[str, Pattern], records: Sequence[Visit], *, timeouts: bool = False
) -> pd.DataFrame:
    """Every match of some patterns, in a stream of visits, keyed by user.

    patterns: one, or several by name. records: in order of arrival. timeouts: also give what ran out of time.
    Columns: pattern (its name), fate (matched, timed out; for events in no match, late or none), match (from 1 within
    the pattern), until (epoch ms; when the time of a timed-out one was over), stage, user, item, type, time (epoch
    ms).
    """
    named = patterns if isinstance(patterns, dict) else {"": patterns}
    rows: list[tuple[Any, ...]] = []
    for name, pattern in named.items():
        found, timed_out, late = ListSink(), ListSink(), ListSink()
        tag, late_tag = OutputTag("timed out"), OutputTag("late")
        processor = FlinkStreamProcessor(checkpoint_interval=None)
        stream = timed(processor, list(records), timedelta(minutes=1)).key_by(user_of)
        timeout: dict[str, Any] = {"timeout_tag": tag, "timeout_function": _over} if timeouts else {}
        selected = (
            CEP.pattern(stream, pattern).side_output_late_data(late_tag).select(lambda match: (match, None), **timeout)
        )
        selected.sink_to(found)
        selected.get_side_output(late_tag).sink_to(late)
        if timeout:
            selected.get_side_output(tag).sink_to(timed_out)
        processor.execute("patterns")
        number, used = 0, set()
        for fate, sink in (("matched", found), ("timed out", timed_out)):
            for match, until in sink:
                number += 1
                for stage, events in match.items():
                    for event in events:
                        used.add((event["user"], event["time"]))
                        rows.append((name, fate, number, until, stage, *_what(event)))
        dropped = {(event["user"], event["time"]) for event in late}
        for event in records:
            if (event["user"], event["time"]) not in used:
                fate = "late" if (event["user"], event["time"]) in dropped else "none"
                rows.append((name, fate, 0, None, "", *_what(event)))
    columns = ["pattern", "fate", "match", "until", "stage", "user", "item", "type", "time"]
    return pd.DataFrame(rows, columns=columns).astype({"until": "Int64"})


def _over(match: Match, time: int) -> tuple[Match, int]:
    return match, time


def _what(event: Visit) -> tuple[str, str, str, int]:
    return event["user"], event["item"], event["type"], event["time"]
