"""The experiments of notebook 05, on a real cluster and a real Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys_lab import datasets, experiments, plots, widgets
from recsys_lab.errors import JobError
from recsys_lab.flink import ApacheFlink, LocalFlink
from recsys_lab.kafka import LocalKafka
from tests.flink.apache.running import needs_flink
from tests.shops import small_shop

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), needs_flink]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalFlink]:
    with LocalFlink(task_slots=4) as started:
        yield started


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    with LocalKafka() as kafka:
        yield kafka.bootstrap_servers


def test_the_shop_between_topics_is_the_same_on_both_runtimes_and_its_page_tells_of_it(
    cluster: LocalFlink, servers: str
) -> None:
    topic = experiments.purchases_topic(servers, small_shop().head(600))
    ours, by_local = experiments.shop_between_topics(servers, topic)
    theirs, by_flink = experiments.shop_between_topics(servers, topic)
    here = ours.execute("shop")
    there = theirs.execute("shop", runtime=ApacheFlink(cluster.address))

    assert (there.records_in, there.records_out) == (here.records_in, here.records_out)
    assert experiments.committed(servers, by_flink) == experiments.committed(servers, by_local)
    assert sum(experiments.committed(servers, by_flink).values()) == there.records_out

    page = experiments.web_page(cluster.address, theirs.stream_processor, "shop")
    assert list(page["operators"]) == [["source-0", "timestamps-1", "map-2"], ["window-4"], ["process-6", "sink-7"]]
    assert list(page["records_in"]) == [600, 600, there.records_out]
    assert list(page["upstream"]) == [[], [0], [1]]
    assert set(page["job_state"]) == {"FINISHED"}
    assert plots.web_page(page).finding == "6 operators, 3 tasks of 1 to 2 subtasks each: the job takes 2 slots"
    assert experiments.jobs_on(cluster.address)["state"].tail(1).to_dict() == {"shop": "FINISHED"}
    assert experiments.cluster_facts(cluster.address)["slots-total"] == 4


def test_a_killed_task_manager_is_seen_by_the_hasty_reader_only(cluster: LocalFlink, servers: str) -> None:
    purchases = datasets.load("online-retail")
    enough = purchases[purchases["timestamp"] >= "2011-12-07"].head(3_000)  # that there is a middle to be killed in
    topic = experiments.purchases_topic(servers, enough)
    ours, by_local = experiments.shop_between_topics(servers, topic)
    ours.execute("shop")
    right = experiments.committed(servers, by_local)

    killed = experiments.kill_task_manager(cluster, servers, topic)

    assert list(killed.moments["what"]) == ["killed", "a new TaskManager"]
    assert killed.result.restarts >= 1
    assert experiments.committed(servers, killed.topic) == right
    got = {reader: rows["value"] for reader, rows in killed.seen.groupby("reader")}
    assert sorted(got["committed"]) == sorted(right.elements())
    assert set(got["all"]) == set(right)
    end = experiments.readers_at(killed, "end")
    assert plots.two_readers_finding(end).startswith("A TaskManager is killed: read_committed has all once")


def test_small_jobs_give_the_same_on_both_runtimes(cluster: LocalFlink) -> None:
    bench = widgets.runtime_lab(cluster, parallelism=4)
    assert bench.sentence == "7 results on both runtimes: the same, each as often. Late: 2 locally, 2 on Apache Flink."

    bench.controls["job"].value = "join"
    assert bench.sentence.startswith("4 results on both runtimes: the same, each as often.")


def test_costs_are_measured_in_order_and_a_job_that_fails_is_not_waited_for(servers: str) -> None:
    (row,) = experiments.runtime_costs(servers, {"local": "local"}).itertuples()
    assert 0 < row.first_s <= row.all_s
    assert 0 < row.p50_s <= row.p95_s

    with pytest.raises(JobError, match="runtime is 'nonsense'"):
        experiments.runtime_costs(servers, {"nonsense": "nonsense"})


def test_a_job_that_the_lab_does_not_have_is_named(cluster: LocalFlink) -> None:
    with pytest.raises(JobError, match="'nonsense'"):
        experiments.both_runtimes(cluster.address, "nonsense")
