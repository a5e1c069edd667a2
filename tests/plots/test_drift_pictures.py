"""The pictures of drift: a title that is computed from the table it shows."""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots


def watched(kind: str, alarms: list[int]) -> pd.DataFrame:
    table = pd.DataFrame({"offset": range(0, 1_000, 10), "level": 0.3})
    begins = 1_000 if kind == "none" else 500
    table.attrs = {"kind": kind, "begins": begins, "ends": begins, "events": 1_000, "alarms": alarms}
    return table


TRADE = pd.DataFrame(
    {
        "calm": [1, 2],
        "false": [4.0, 0.5],
        "delay": [100.0, 250.0],
        "missed": [0, 0],
        "runs": [2, 2],
        "now": [False, True],
    }
)


def test_the_drift_lab_tells_false_alarms_from_the_one_that_was_right() -> None:
    assert plots.drift_lab(watched("abrupt", [100, 620, 900]), TRADE).finding == (
        "All tastes change at once: heard of after 120 events, 1 false alarm"
    )
    assert plots.drift_lab_finding(watched("new items", [])) == "New items appear: not heard of, no false alarm"
    assert plots.drift_lab_finding(watched("none", [5, 6])) == "Nothing changes: 2 false alarms in 1,000 events"


def test_the_sentence_of_the_drift_lab_says_what_the_setting_costs() -> None:
    sentence = plots.drift_lab_sentence(watched("abrupt", [620]), TRADE)
    assert "rings 0.5 times for nothing" in sentence
    assert "after 250 events" in sentence


def test_where_nothing_is_found_the_lab_has_a_picture_as_well() -> None:
    nothing = TRADE.assign(delay=float("nan"), missed=2)
    assert plots.drift_lab(watched("none", []), nothing).to_png()
    assert "misses 2 of 2" in plots.drift_lab_sentence(watched("new items", []), nothing)


def test_the_picture_of_the_detectors_speaks_of_the_first() -> None:
    rows = [
        (name, kind, seed, 1_000, 0, delay + seed, 1)
        for name, delay in (("calm", 300), ("loud", 100))
        for kind in ("none", "abrupt", "gradual")
        for seed in range(3)
    ]
    table = pd.DataFrame(rows, columns=["detector", "kind", "seed", "events", "false_alarms", "delay", "alarms"])
    assert (
        plots.detection(table).finding
        == "calm: abrupt drift found in 3 of 3 runs, median delay 301 events (black: medians)"
    )


def test_the_picture_of_the_reactions_names_both_recommenders() -> None:
    names = ("do nothing", "start anew", "ItemNeighbours, do nothing", "ItemNeighbours, start anew")
    table = pd.DataFrame(
        [(name, 0, since, 100, 10, 200.0) for name in names for since in (-2_000, 0)],
        columns=["policy", "seed", "since", "questions", "hits", "alarm"],
    )
    rates = pd.DataFrame({"before": 0.1, "after": [0.1, 0.2, 0.3, 0.25]}, index=list(names))
    assert plots.reactions(table, rates).finding == (
        "Starting anew helps the model of tastes (hit rate 0.200 instead of 0.100) and "
        "harms ItemNeighbours (0.250 instead of 0.300)"
    )
