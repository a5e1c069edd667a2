"""A pattern whose views may have other things between them."""

from datetime import timedelta
from typing import Any

from recsys_lab.flink import FlinkStreamProcessor, WatermarkStrategy
from recsys_lab.flink.cep import CEP, AfterMatchSkipStrategy, Pattern

Visit = dict[str, Any]

MINUTE = 60_000

hesitation = (
    Pattern.begin("views", AfterMatchSkipStrategy.skip_past_last_event())
    .where(lambda visit: visit["type"] == "view")
    .times(3)
    .not_followed_by("bought")
    .where(lambda visit: visit["type"] == "purchase")
    .within(timedelta(minutes=30))
)


def nudges(visits: list[Visit]) -> list[tuple[str, str, int]]:
    """(user, category, time) of each nudge; visits come in the order of their arrival."""

    def nudge(match: dict[str, list[Visit]]) -> tuple[str, str, int]:
        first = match["views"][0]
        return first["user"], first["category"], first["time"] + 30 * MINUTE

    in_time = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(minutes=5))
    in_time = in_time.with_timestamp_assigner(lambda visit, _: visit["time"])
    processor = FlinkStreamProcessor(checkpoint_interval=None)
    stream = processor.add_source(visits).assign_timestamps_and_watermarks(in_time)
    by_interest = stream.key_by(lambda visit: (visit["user"], visit["category"]))
    found: list[tuple[str, str, int]] = CEP.pattern(by_interest, hesitation).select(nudge).execute_and_collect()
    return found


TOLD = "something else between the views:"
