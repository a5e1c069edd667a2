"""Apache Flink is the oracle: on the same bounded input both runtimes give the same multiset of results.

All pipelines are one job, on the embedded mini cluster, with watermarks that move with every record: so what is late,
and what fires again, is the same too.
"""

from __future__ import annotations

import pytest

from recsys_lab.flink.apache import ApacheFlink
from tests.flink.apache.pipelines import PIPELINES
from tests.flink.apache.running import Results, difference, needs_flink, run

pytestmark = [pytest.mark.cluster, pytest.mark.integration, pytest.mark.timeout(600), needs_flink]


@pytest.fixture(scope="module")
def both() -> tuple[Results, Results]:
    ours, result = run("local")
    theirs, there = run(ApacheFlink(every_record=True))
    assert (there.records_in, there.records_out, there.late_records) == (
        result.records_in,
        result.records_out,
        result.late_records,
    )
    return ours, theirs


@pytest.mark.parametrize("name", PIPELINES)
def test_both_runtimes_give_the_same(name: str, both: tuple[Results, Results]) -> None:
    ours, theirs = both
    places = [place for place in ours if place[0] == name]

    assert {place[1]: difference(ours[place], theirs[place]) for place in places} == {place[1]: "" for place in places}
    assert any(ours[place] for place in places)
