"""The recommender as a dataflow: what it recommends, and that no run, crash or order changes it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest

from recsys_lab.errors import JobError, LabError
from recsys_lab.events import UserInteractionEvent
from recsys_lab.flink import FileSink, FlinkRecommendationJob, FlinkStreamProcessor, ListSink, UserProfileAggregator
from recsys_lab.flink.recommendation_job import extract_interaction_features, simulated_interactions
from recsys_lab.streams import EventStream
from tests.builders import a_click, a_purchase, a_view


def an_evening_of_three() -> list[UserInteractionEvent]:
    """ann and bob like teas, cat likes oils; all within one window; then ann comes back an hour later."""
    tea, oil = {"category": "tea"}, {"category": "oil"}
    return [
        a_purchase("ann", "green", at="18:00", context=tea),
        a_view("ann", "black", at="18:01", context=tea),
        a_purchase("bob", "green", at="18:01", context=tea),
        a_click("bob", "white", at="18:02", context=tea),
        a_click("cat", "olive", at="18:02", context=oil),
        a_view("cat", "olive", at="18:03", context=oil),
        a_view("cat", "walnut", at="18:03", context=oil),
        a_click("ann", "black", at="19:00", context=tea),
    ]


def run(source: Any, **options: Any) -> tuple[FlinkRecommendationJob, list[Any]]:
    job = FlinkRecommendationJob(source=source, **options)
    job.execute()
    return job, list(job.recommendation_sink)


def test_features_are_weight_hour_and_weekday() -> None:
    plain = {"user_id": "ann", "item_id": "tea", "interaction_type": "view"}
    thursday = datetime(2026, 1, 1, 17, 30, tzinfo=timezone.utc)
    for timestamp in (thursday, thursday.isoformat(), "2026-01-01T17:30:00Z", int(thursday.timestamp() * 1000)):
        extracted = extract_interaction_features({**plain, "timestamp": timestamp})
        assert extracted["features"] == {"interaction_weight": 0.1, "time_of_day": 17, "day_of_week": 3}
        assert extracted["item_id"] == "tea"
    weights = [
        extract_interaction_features({**plain, "timestamp": 0, "interaction_type": kind})["features"][
            "interaction_weight"
        ]
        for kind in ("view", "click", "purchase", "rating", "share")
    ]
    assert weights == [0.1, 0.5, 1.0, 0.8, 0.3]
    for wrong in ({"timestamp": datetime(2026, 1, 1)}, {"timestamp": "yesterday"}, {"timestamp": None}, {}):  # noqa: DTZ001
        with pytest.raises(LabError, match="timestamp is"):
            extract_interaction_features({**plain, **wrong})


def test_a_profile_is_one_users_window() -> None:
    aggregate = UserProfileAggregator()
    accumulator = aggregate.create_accumulator()
    for event in an_evening_of_three()[:2]:
        accumulator = aggregate.add(extract_interaction_features(event), accumulator)
    profile = aggregate.get_result(accumulator)
    assert profile["user_id"] == "ann"
    assert profile["items"] == {"green": 1, "black": 1}
    assert profile["interaction_types"] == {"purchase": 1, "view": 1}
    assert profile["preferred_categories"] == {"tea": 1.1}
    assert profile["total_interactions"] == 2
    merged = aggregate.merge(profile, profile)
    assert (merged["items"], merged["total_interactions"]) == ({"green": 2, "black": 2}, 4)
    assert profile["total_interactions"] == 2


def test_users_get_what_similar_users_have_then_what_is_popular_best_first() -> None:
    job, answers = run(an_evening_of_three(), exploration=0.0)
    assert [(a["user_id"], a["timestamp"][11:16]) for a in answers] == [
        ("ann", "18:01"), ("bob", "18:02"), ("cat", "18:03"), ("ann", "19:00"),
    ]  # fmt: skip
    ann = answers[-1]
    assert [r["item_id"] for r in ann["recommendations"]] == ["white", "olive", "walnut"]
    assert ann["model_version"] == "1.0"
    assert ann["recommendations"][0]["score"] == 1.0  # 0.5 + 1 / 2 × 0.3 + 0.4, clamped: all she likes is tea
    profile = {
        "user_id": "ann",
        "items": {"green": 1},
        "preferred_categories": {"tea": 3.0, "oil": 1.0},
        "total_interactions": 4,
    }
    assert job.find_similar_users(profile) == [("bob", 0.5)]
    assert job.get_candidate_items(profile)[0] == "white"
    assert job.calculate_item_score(profile, "walnut") == pytest.approx(0.5 + 1 / 2 * 0.3 + 0.25 * 0.4)
    assert job.calculate_item_score(profile, "never seen") == 0.5


def test_exploration_is_seeded_and_bounded() -> None:
    _, still = run(an_evening_of_three(), exploration=0.0)
    _, one = run(an_evening_of_three(), seed=1)
    _, again = run(an_evening_of_three(), seed=1)
    _, other = run(an_evening_of_three(), seed=2)
    assert one == again != other
    scores = {r["item_id"]: r["score"] for r in still[-1]["recommendations"]}
    for recommendation in one[-1]["recommendations"]:
        assert abs(recommendation["score"] - scores[recommendation["item_id"]]) <= 0.1 + 1e-9


def test_candidates_are_at_most_fifty_and_answers_at_most_ten_never_what_one_has() -> None:
    job, answers = run(lambda: simulated_interactions(1_500, users=40, seed=3))
    for answer in answers:
        shown = [r["item_id"] for r in answer["recommendations"]]
        assert len(shown) <= 10
        assert len(set(shown)) == len(shown)
        assert [r["score"] for r in answer["recommendations"]] == sorted(
            (r["score"] for r in answer["recommendations"]), reverse=True
        )
    stranger = {"user_id": "x", "items": {}, "preferred_categories": {}, "total_interactions": 0}
    assert len(job.get_candidate_items(stranger)) == 50


def test_the_order_within_a_window_changes_nothing() -> None:
    events = an_evening_of_three()
    shuffled = events[:7]
    Random(5).shuffle(shuffled)
    assert run([*shuffled, events[7]])[1] == run(events)[1]


def test_from_a_stream_of_events_or_a_list_of_dicts_the_same() -> None:
    stream = EventStream("interactions")
    for event in an_evening_of_three():
        stream.publish(event)
    assert run(stream)[1] == run([event.to_dict() for event in an_evening_of_three()])[1]


def test_parallelism_batches_checkpoints_and_stepping_change_nothing() -> None:
    def simulated() -> Any:
        return simulated_interactions(600, users=60, items=200, seed=4)

    expected = run(simulated)[1]
    for settings in ({"parallelism": 1}, {"parallelism": 8, "batch_size": 7}, {"checkpoint_every": 50}):
        assert run(simulated, processor=FlinkStreamProcessor(**settings))[1] == expected
    job = FlinkRecommendationJob(source=simulated)
    job.create_recommendation_pipeline()
    with job.stream_processor.step_through() as stepper:
        stepper.run_to_end()
    assert list(job.recommendation_sink) == expected


def test_a_crash_changes_nothing_since_all_that_spans_users_is_state(tmp_path: Path) -> None:
    def simulated(broken_at: int = 10**9) -> Any:
        def source() -> Any:
            for number, interaction in enumerate(simulated_interactions(800, users=50, items=150, seed=6)):
                if number == broken_at:
                    raise ConnectionError("gone")
                yield interaction

        return source

    plain = FlinkRecommendationJob(source=simulated(), sink=FileSink(tmp_path / "expected"))
    plain.execute()
    for broken_at in (333, 650, 10**9):
        processor = FlinkStreamProcessor(checkpoint_every=100, checkpoint_dir=tmp_path / "chk", batch_size=40)
        job = FlinkRecommendationJob(processor, source=simulated(broken_at), sink=FileSink(tmp_path / "out"))
        try:
            job.execute(restore_from="latest")
        except JobError as error:
            assert "gone" in str(error)  # noqa: PT017
    assert FileSink(tmp_path / "out").lines() == FileSink(tmp_path / "expected").lines()


def test_the_job_object_itself_knows_nothing_of_users() -> None:
    job, _ = run(an_evening_of_three())
    for name, value in vars(job).items():
        assert name == "_source" or not isinstance(value, (dict, list, set)), name
    assert isinstance(job.recommendation_sink, ListSink)


def test_before_the_job_has_run_nobody_is_known_and_it_says_so() -> None:
    job = FlinkRecommendationJob(source=an_evening_of_three())
    aggregate = UserProfileAggregator()
    profile = aggregate.add(extract_interaction_features(an_evening_of_three()[0]), aggregate.create_accumulator())
    for ask in (
        lambda: job.find_similar_users(profile),
        lambda: job.get_candidate_items(profile),
        lambda: job.calculate_item_score(profile, "white"),
        lambda: job.generate_recommendations(profile),
    ):
        with pytest.raises(JobError, match="has not run here"):
            ask()
    job.execute()
    assert job.find_similar_users(profile)
