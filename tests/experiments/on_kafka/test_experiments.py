"""Experiments on a real broker: what they count follows from Kafka, and is the same on every run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import BrokerError, InvalidEvent, LabError
from recsys_lab.experiments.on_kafka.guarantees import CRASH_POINTS
from recsys_lab.experiments.on_kafka.partitions import KEYS, USERS, Explored
from recsys_lab.experiments.on_kafka.visits import send_visits
from recsys_lab.kafka import ExternalKafka, KafkaRecommendationSystem, LocalKafka
from recsys_lab.kafka.connection import Connection
from tests.shops import small_shop

CHECKOUT = Path(__file__).resolve().parents[3]
NOWHERE = "127.0.0.1:1"


def test_importing_the_experiments_imports_no_kafka_client() -> None:
    code = "import recsys_lab.experiments, recsys_lab.widgets, sys; print('kafka' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_a_name_that_no_experiment_has_is_refused_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'teleport'"):
        experiments.teleport  # noqa: B018
    assert {"crashes", "shelf"} <= set(dir(experiments))


@pytest.mark.parametrize(
    "call",
    [
        lambda: experiments.crashes(NOWHERE, [("perhaps", "sent")]),
        lambda: experiments.crashes(NOWHERE, [("at-least-once", "later")]),
    ],
)
def test_what_is_no_choice_is_refused_before_anything_is_sent(call: object) -> None:
    with pytest.raises(InvalidEvent):
        call()  # type: ignore[operator]


def test_what_does_not_come_in_time_is_an_error() -> None:
    with pytest.raises(BrokerError, match=r"within 0\.05 s"):
        asyncio.run(experiments.until(lambda: False, seconds=0.05))


def test_a_cluster_that_is_not_ours_is_never_cleaned() -> None:
    asyncio.run(experiments.forget_shop(ExternalKafka(Connection(NOWHERE))))


# -- on a broker --


@pytest.mark.integration
def test_a_topic_is_read_from_its_first_record_to_its_last(servers: str) -> None:
    topic = experiments.fresh_topic(servers, "visits", partitions=2)
    send_visits(servers, topic, [experiments.visit(number, user) for number, user in enumerate(["ann", "dee"] * 3)])

    table = experiments.read_topic(servers, topic)

    assert len(table) == 6
    assert table.groupby("key")["partition"].nunique().eq(1).all()
    for _, rows in table.groupby("partition"):
        assert list(rows["offset"]) == list(range(len(rows)))
    assert json.loads(table["value"].iloc[0])["event_id"].startswith("visit-")


@pytest.fixture(scope="module")
def explored(servers: str) -> Explored:
    found: Explored = experiments.explore_partitions(servers)
    return found


@pytest.mark.integration
@pytest.mark.parametrize(
    ("key", "one_order"), [("user", True), ("one for all", True), ("item", False), ("none", False)]
)
def test_a_users_events_keep_their_order_when_they_share_a_key(explored: Explored, key: str, one_order: bool) -> None:
    for users in (2, 4, 6, 8):
        table = experiments.partitions(explored, key=key, users=users)

        assert len(table) == 4 * users
        assert (table["orders"] == 1).all() == one_order
        for _, rows in table.groupby(["user", "partition"]):
            assert rows["offset"].is_monotonic_increasing
        assert list(dict.fromkeys(table["user"])) == list(USERS[:users])


@pytest.mark.integration
@pytest.mark.parametrize("readers", [1, 2, 3, 4])
def test_each_partition_has_one_reader_and_a_fourth_has_none(explored: Explored, readers: int) -> None:
    table = experiments.partitions(explored, readers=readers)

    owners = table["owners"].iloc[0]
    assert set(owners) == set(range(1, min(readers, 3) + 1))
    assert (table["reader"] == table["partition"].map(dict(enumerate(owners)))).all()


@pytest.mark.integration
def test_the_same_is_found_on_every_run(servers: str, explored: Explored) -> None:
    again = experiments.explore_partitions(servers)

    assert again.owners == explored.owners
    for key in KEYS:
        pd.testing.assert_frame_equal(experiments.partitions(again, key=key), experiments.partitions(explored, key=key))


@pytest.mark.integration
@pytest.mark.parametrize("choice", [{"key": "colour"}, {"users": 3}, {"readers": 5}])
def test_what_was_not_explored_is_refused(explored: Explored, choice: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=f"{next(iter(choice))} is"):
        experiments.partitions(explored, **choice)


@pytest.mark.integration
def test_a_group_falls_behind_catches_up_and_keeps_the_order_of_each_user(servers: str) -> None:
    seen = experiments.rebalance(servers, seconds=1.0, behind=15)

    assert list(seen.changes.values()) == ["B joins", "B leaves"]
    total = seen.lag.groupby("second")["lag"].sum()
    joins, leaves = seen.changes
    assert total[total.index < joins].iloc[-1] >= 15 > total[total.index < leaves].iloc[-1]
    assert set(seen.handled["member"]) == {"A", "B"}
    for _, numbers in seen.handled.groupby("user")["number"]:
        assert numbers.is_monotonic_increasing


LOST = {("at-most-once", point): 5 for point in ("record", "processed", "committed")}
DOUBLED = {("at-least-once", "sent"): 5}


@pytest.mark.integration
@pytest.mark.parametrize("point", CRASH_POINTS)
@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once", "exactly-once"])
def test_a_crash_does_what_the_guarantee_allows_and_no_more(servers: str, delivery: str, point: str) -> None:
    table = experiments.crashes(servers, [(delivery, point)])

    assert (table["copies"] == 0).sum() == LOST.get((delivery, point), 0)
    assert (table["copies"] == 2).sum() == DOUBLED.get((delivery, point), 0)
    assert table["copies"].max() <= 2
    harmed = table.loc[(table["copies"] != 1) | (table["worked"] != 1), "event"]
    assert set(harmed) <= set(range(6, 11)), "the crash was in the second batch"


@pytest.mark.integration
def test_batches_carry_more_than_records_alone(servers: str) -> None:
    table = experiments.batching(servers, [(0, 0, "none"), (20, 16, "gzip")])

    alone, batches = table.to_dict("records")
    assert alone["in_a_request"] == 1 < batches["in_a_request"]
    assert batches["per_second"] > 2 * alone["per_second"]
    assert (table["p50_ms"] <= table["p99_ms"]).all()
    assert list(table["setting"]) == ["each alone", "16 KiB, 20 ms, gzip"]


@pytest.mark.integration
def test_the_shop_reads_its_writes_and_answers_after_a_restart_and_in_two_instances_as_before() -> None:
    async def story(kafka: LocalKafka) -> None:
        lists = []
        for _ in range(2):  # the second time on the same broker, as when a section is run again
            await experiments.forget_shop(kafka)
            clock = SimulatedClock(datetime(2026, 1, 1, tzinfo=timezone.utc))
            east = experiments.kafka_shop(kafka, clock, "east")
            await east.start()
            assert await experiments.sell(east, clock, small_shop().head(300)) == 300
            first = await experiments.ask(east, "you", 5)
            await east.send_user_interaction("you", first[0].item_id, "view")
            after = await experiments.ask(east, "you", 5)
            assert first[0].item_id not in {item.item_id for item in after}
            alone = await experiments.fold_changelog(kafka.bootstrap_servers, clock)
            assert await alone.get_recommendations("you", 5) == after
            await east.stop()
            east = experiments.kafka_shop(kafka, clock, "east")
            await east.start()
            assert await experiments.ask(east, "you", 5) == after
            await _two_agree(kafka, clock, east)
            lists.append(after)
        assert lists[0] == lists[1]

    async def _two_agree(kafka: LocalKafka, clock: SimulatedClock, east: KafkaRecommendationSystem) -> None:
        users = sorted(small_shop()["user_id"].head(300).unique())[:30]
        one = await experiments.answers(east, users)
        west = experiments.kafka_shop(kafka, clock, "west")
        await west.start()
        two = await experiments.answers(west, users)
        await asyncio.gather(east.stop(), west.stop())
        assert (two["answers"] == 1).all()
        assert one["items"].equals(two["items"])
        assert set(one["instance"]) == {"east"}
        assert set(two["instance"]) == {"east", "west"}

    with LocalKafka() as kafka, experiments.quiet_client():
        asyncio.run(story(kafka))


@pytest.mark.integration
def test_what_all_copies_acknowledged_survives_the_leader_and_what_one_acknowledged_need_not() -> None:
    with LocalKafka(brokers=3) as kafka:
        table = experiments.kill_the_leader(kafka)
        assert len(kafka.pids) == 3

    gone = table["acknowledged"].notna() & ~table["readable"]
    lost = gone.groupby([table["acks"], table["insync"]]).sum()
    assert lost["all"].eq(0).all()
    assert lost["1", 1] > 10
    assert lost["0", 1] > 10
    back = table.loc[table["acknowledged"] > 0.05].groupby(["acks", "insync"])["acknowledged"].min()
    assert back["all", 3] > back["all", 2]


def test_a_leader_is_killed_only_where_two_others_are() -> None:
    with pytest.raises(LabError, match="three running brokers are needed"):
        experiments.kill_the_leader(LocalKafka(brokers=3))
