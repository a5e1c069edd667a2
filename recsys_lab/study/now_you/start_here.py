"""The "now you" checks of notebook 00."""

from __future__ import annotations

from typing import Any

from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.study.report import Report, expect, expect_kind, judge

WANTED = "toys and games"


def five_toys(answer: Any, shop: StreamingRecommendationEngine) -> Report:
    """Five recommendations, all of the category "toys and games"."""

    def check(answer: Any) -> str:
        expect_kind(answer, list, "the list that `await shop.get_recommendations(...)` gives")
        expect(
            all(isinstance(item, Recommendation) for item in answer),
            "not everything in it is a Recommendation.",
        )
        others = [r.item_id for r in answer if shop.item_features[r.item_id]["category"] != WANTED]
        expect(not others, f"{len(others)} of {len(answer)} items are of another category, such as {others[:1]}.")
        spelling = f" Is the category spelled as in the data ({WANTED})?" if not answer else ""
        expect(len(answer) == 5, f"it holds {len(answer)} items; five were asked for.{spelling}")
        return "five items, and every one is a toy or a game."

    return judge(check, answer)
