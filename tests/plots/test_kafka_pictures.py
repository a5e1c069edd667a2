"""Pictures of Kafka: the title says what this table shows, also when it shows something else than usual."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import plots
from recsys_lab.study import course


def visits(keyed_by: str, places: dict[str, list[int]], owners: tuple[int, ...], readers: int) -> pd.DataFrame:
    """Two steps of each user. places: user → the partition of each step."""
    offsets = [0, 0, 0]
    rows = []
    for step in range(2):
        for user, partitions in places.items():
            partition = partitions[step]
            orders = 1 if len(set(partitions)) == 1 else 2
            rows.append((user, step + 1, partition, offsets[partition], owners[partition], orders))
            offsets[partition] += 1
    table = pd.DataFrame(rows, columns=["user", "step", "partition", "offset", "reader", "orders"])
    return table.assign(keyed_by=keyed_by, readers=readers, owners=pd.Series([owners] * len(rows), dtype=object))


@pytest.mark.parametrize(
    ("keyed_by", "places", "finding"),
    [
        ("user", {"ann": [0, 0], "bob": [1, 1]}, "Under one key for each user, every user's events keep their order"),
        ("none", {"ann": [0, 1], "bob": [1, 1]}, "Without a key, 1 of 2 users can have their events read in another"),
        ("one for all", {"ann": [2, 2], "bob": [2, 2]}, "Under one key for all, all events keep their order, and lie"),
    ],
)
def test_the_partitions_picture_tells_what_becomes_of_the_order(
    keyed_by: str, places: dict[str, list[int]], finding: str
) -> None:
    table = visits(keyed_by, places, (1, 1, 2), readers=2)

    assert plots.partitions(table).finding.startswith(finding)


def test_the_partitions_sentence_counts_orders_and_names_who_gets_nothing() -> None:
    table = visits("none", {"ann": [0, 1], "bob": [1, 1]}, (1, 2, 3), readers=4)

    sentence = plots.partitions_sentence(table)
    assert "Ann's 2 events have 2 possible orders" in sentence
    assert sentence.endswith("1 gets 1, 2 gets 3, 3 gets 0, 4 gets 0.")
    plots.partitions(table).to_png()


def lag(alone: int, together: int, last_owner: str) -> pd.DataFrame:
    moments = [(0.0, 0, "A"), (1.0, alone, "A"), (2.0, alone, "B"), (3.0, together, "B"), (4.0, together, last_owner)]
    rows = [(second, partition, owner, behind) for second, behind, owner in moments for partition in range(2)]
    return pd.DataFrame(rows, columns=["second", "partition", "owner", "lag"])


CHANGES = {1.5: "B joins", 3.5: "B leaves"}


def test_the_group_picture_says_so_when_two_did_not_catch_up() -> None:
    assert plots.rebalance(lag(9, 1, "A"), CHANGES).finding.startswith("One member falls behind; two catch up")
    assert "too busy" in plots.rebalance(lag(9, 12, "A"), CHANGES).finding
    assert "too busy" in plots.rebalance_finding(lag(9, 1, ""), CHANGES)


def crashed(delivery: str, crash: str, *, lost: int = 0, doubled: int = 0, again: int = 0) -> pd.DataFrame:
    copies = [0] * lost + [2] * doubled
    rows = {
        "event": range(1, 21),
        "copies": copies + [1] * (20 - len(copies)),
        "worked": [2] * again + [1] * (20 - again),
    }
    return pd.DataFrame(rows).assign(delivery=delivery, crash=crash)


def test_the_crash_picture_counts_one_case_or_compares_several() -> None:
    most, least = crashed("at-most-once", "record", lost=5), crashed("at-least-once", "sent", doubled=5, again=5)
    exactly = crashed("exactly-once", "sent", again=5)

    assert plots.crashes(least).finding == (
        "At least once, killed when the results were sent: none lost, 5 doubled"
    )  # fmt: skip
    assert plots.crashes(pd.concat([most, least, exactly])).finding == (
        "kill -9: at most once loses 5, at least once doubles 5, exactly once does neither"
    )
    assert "5 events were worked on twice" in plots.crashes_sentence(exactly)
    assert plots.crashes_sentence(most).endswith("No event was worked on twice.")


def measured(alone: float, batches: float, p50_at_once: float, p50_patient: float) -> pd.DataFrame:
    rows = [
        ("each alone", 0, 0, alone, 1.0, 2.0, 1.0),
        ("16 KiB, 0 ms", 0, 16, batches, p50_at_once, 9.0, 60.0),
        ("16 KiB, 100 ms", 100, 16, batches, p50_patient, 110.0, 60.0),
    ]
    columns = ["setting", "linger_ms", "batch_kb", "per_second", "p50_ms", "p99_ms", "in_a_request"]
    return pd.DataFrame(rows, columns=columns).assign(compression="none")


def test_the_batching_picture_claims_only_what_was_measured() -> None:
    assert plots.batching(measured(500, 9_000, 1, 50)).finding == (
        "Batches carry many times more, and every record pays for the wait"
    )
    assert plots.batching_finding(measured(500, 600, 1, 50)).startswith("Here batches carry little more")
    assert plots.batching_finding(measured(500, 9_000, 80, 0.5)).endswith("the wait is lost in the noise")


@pytest.mark.parametrize(("row", "told"), [(0, "Each record travels alone"), (1, "nobody waits"), (2, "waits 100 ms")])
def test_the_batching_sentence_is_about_the_setting_in_focus(row: int, told: str) -> None:
    table = measured(500, 9_000, 1, 50)

    assert told in plots.batching_sentence(table.assign(now=table.index == row))


def flow(acks: str, insync: int, *, lost: int, again_at: float) -> pd.DataFrame:
    """Ten records, the first five before the kill."""
    acknowledged = [-0.9, -0.5, -0.4, -0.3, -0.2, *(again_at + 0.1 * number for number in range(5))]
    return pd.DataFrame(
        {
            "acks": acks,
            "insync": insync,
            "number": range(10),
            "sent": [-1 + 0.2 * number for number in range(10)],
            "acknowledged": acknowledged,
            "readable": [not 5 - lost <= number < 5 for number in range(10)],
            "restarted": 8.0,
        }
    )


def test_the_replication_picture_says_who_lost_what_was_acknowledged() -> None:
    run = pd.concat(
        [flow("0", 1, lost=3, again_at=4), flow("1", 1, lost=2, again_at=4), flow("all", 2, lost=0, again_at=4)]
    )

    assert plots.replication(run).finding == (
        "The leader dies: acks=0 and acks=1 lose acknowledged records, acks=all loses none"
    )
    assert plots.replication(run[run["acks"] == "all"]).finding.endswith("acks=all loses nothing that was acknowledged")
    assert plots.acknowledged(run[run["acks"] == "1"]).finding.endswith("acks=1 loses acknowledged records")


def test_the_replication_sentence_says_what_was_waited_for() -> None:
    assert "until the broker was back" in plots.replication_sentence(flow("all", 3, lost=0, again_at=8.2))
    assert "by the new leader" in plots.replication_sentence(flow("all", 2, lost=0, again_at=4))
    assert "Nobody confirmed" in plots.replication_sentence(flow("0", 1, lost=2, again_at=4))


def test_the_map_of_topics_leads_from_what_users_do_to_what_they_are_shown() -> None:
    parts = course.kafka_parts()

    assert {target for feeds in parts["feeds"] for target in feeds} <= set(parts["part"])
    assert "one log" in plots.topics_map(parts).finding
