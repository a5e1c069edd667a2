"""Apache Flink is the oracle: on the same bounded input both runtimes give the same multiset of results.

All pipelines are one job, on the embedded mini cluster, with watermarks that move with every record: so what is late,
and what fires again, is the same too.
"""

from __future__ import annotations

from typing import Any

import pytest

from recsys_lab.flink import FlinkStreamProcessor, ListSink
from recsys_lab.flink.apache import ApacheFlink
from recsys_lab.flink.runtime import OPERATORS
from tests.flink.apache.pipelines import PIPELINES, SOURCES, by_the_clock
from tests.flink.apache.running import Results, difference, needs_flink, run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), needs_flink]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    folder = tmp_path_factory.mktemp("files")
    ours, result = run("local", folder=folder)
    theirs, there = run(ApacheFlink(every_record=True), folder=folder)
    assert (there.records_in, there.records_out, there.late_records) == (
        result.records_in,
        result.records_out,
        result.late_records,
    )
    return ours, theirs


@pytest.mark.parametrize("name", [*PIPELINES, *SOURCES])
def test_both_runtimes_give_the_same(name: str, both: tuple[Results, Results]) -> None:
    ours, theirs = both
    places = [place for place in ours if place[0] == name]

    assert {place[1]: difference(ours[place], theirs[place]) for place in places} == {place[1]: "" for place in places}
    assert any(ours[place] for place in places)


def test_what_the_machine_s_clock_decides_is_the_same_too() -> None:
    """Timers of processing time fire while the job runs; state with a time to live is gone when that is over."""

    def run_by_the_clock(runtime: Any) -> dict[str, list[Any]]:
        processor = FlinkStreamProcessor(parallelism=2, checkpoint_interval=None, batch_size=1)
        stream = processor.add_source([(user, number, number) for number in range(4) for user in ("ann", "ben")])
        sinks = {name: ListSink() for name in ("timers", "time to live")}
        for name, made in by_the_clock(stream).items():
            made.sink_to(sinks[name])
        processor.execute(runtime=runtime)
        return {name: sorted(sink, key=repr) for name, sink in sinks.items()}

    ours = run_by_the_clock("local")

    assert ours["timers"] == [("ann", "processing", True), ("ben", "processing", True)]
    assert run_by_the_clock(ApacheFlink(every_record=True)) == ours


def test_every_kind_of_operator_has_its_translation() -> None:
    from recsys_lab.flink.apache.translation import TRANSLATORS

    assert TRANSLATORS.keys() == OPERATORS.keys()
