"""The Kafka labs: what a control changes is measured anew, on a real broker."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments, widgets
from recsys_lab.kafka import Connection, ExternalKafka
from tests.plots.test_kafka_pictures import flow


@pytest.mark.integration
def test_the_partition_explorer_follows_users_readers_and_key(servers: str) -> None:
    bench = widgets.partition_explorer(experiments.explore_partitions(servers))
    assert bench.sentence.endswith("1 gets 16, 2 gets 8.")

    bench.controls["readers"].value = 4
    assert bench.sentence.endswith("1 gets 8, 2 gets 8, 3 gets 8, 4 gets 0.")
    bench.controls["key"].value = "none"
    assert "12 possible orders" in bench.sentence
    bench.controls["users"].value = 8
    assert "of 8 users can have their events read in another order" in bench.sentence


@pytest.mark.integration
def test_the_guarantee_lab_opens_on_the_doubling_moment_and_forgives_another(servers: str) -> None:
    bench = widgets.guarantee_lab(ExternalKafka(Connection(servers)))
    assert "none lost, 5 doubled" in bench.sentence

    bench.controls["delivery"].value = "exactly-once"
    assert "none lost, none doubled" in bench.sentence


@pytest.mark.integration
def test_the_batching_lab_measures_the_setting_that_is_chosen(servers: str) -> None:
    compared = experiments.batching(servers, [(0, 0, "none")])
    bench = widgets.batching_lab(ExternalKafka(Connection(servers)), compared, linger_ms=20)
    assert "waits 20 ms" in bench.sentence

    bench.controls["batch_kb"].value = 0
    assert bench.sentence.startswith("Each record travels alone")


def test_the_replication_lab_shows_the_producer_that_is_chosen() -> None:
    flows = [flow("0", 1, lost=2, again_at=4), flow("1", 1, lost=2, again_at=4)]
    flows += [flow("all", insync, lost=0, again_at=8.2 if insync == 3 else 4) for insync in (1, 2, 3)]
    bench = widgets.replication_lab(pd.concat(flows, ignore_index=True))
    assert "acks=all loses nothing" in bench.sentence

    bench.controls["insync"].value = 3
    assert "until the broker was back" in bench.sentence
    bench.controls["acks"].value = "1"
    assert "acks=1 loses" in bench.sentence
