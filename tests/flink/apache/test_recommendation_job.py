"""The recommendation job, unchanged, on both runtimes: the same recommendations for everybody."""

from __future__ import annotations

import pytest

from recsys_lab.flink import ApacheFlink, FlinkStreamProcessor
from recsys_lab.flink.recommendation_job import FlinkRecommendationJob
from tests.flink.apache.running import difference, needs_flink

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), needs_flink]


def test_the_job_recommends_the_same_on_both_runtimes() -> None:
    ours, theirs = (
        FlinkRecommendationJob(FlinkStreamProcessor(parallelism=2), interactions=2_500, seed=7) for _ in range(2)
    )

    here = ours.execute()
    there = theirs.execute(runtime=ApacheFlink())

    assert difference(list(ours.recommendation_sink), list(theirs.recommendation_sink)) == ""
    assert (there.records_in, there.records_out) == (here.records_in, here.records_out) == (2_500, here.records_out)
    assert here.records_out > 1_000
