"""FlinkRecommendationJob on real purchases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from recsys_lab.flink import FlinkRecommendationJob, FlinkStreamProcessor


def interactions_of(purchases: pd.DataFrame) -> list[dict[str, Any]]:
    """Purchases as the job takes them. purchases: as `datasets.load` gives them."""
    columns = purchases[["user_id", "item_id", "interaction_type", "timestamp", "category"]]
    times = [time.isoformat() for time in purchases["timestamp"]]
    rows: list[dict[str, Any]] = columns.assign(timestamp=times).to_dict("records")  # type: ignore[assignment]
    return rows


def shop_job(purchases: pd.DataFrame, *, parallelism: int = 4, seed: int = 0) -> FlinkRecommendationJob:
    """The job on these purchases, built and not yet run."""
    processor = FlinkStreamProcessor(parallelism, checkpoint_interval=None)
    job = FlinkRecommendationJob(processor, source=interactions_of(purchases), seed=seed)
    job.create_recommendation_pipeline()
    return job


def answer(results: Iterable[dict[str, Any]], user_id: str, names: Mapping[str, str], *, most: int = 5) -> pd.DataFrame:
    """The latest recommendations for a user among the job's results, best first: item, name, score."""
    last = [result for result in results if result["user_id"] == user_id][-1]
    best = last["recommendations"][:most]
    rows = [(entry["item_id"], names.get(entry["item_id"], ""), round(entry["score"], 3)) for entry in best]
    return pd.DataFrame(rows, columns=["item", "name", "score"], index=range(1, len(rows) + 1))
