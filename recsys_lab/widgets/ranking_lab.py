"""The ranking lab: what a score is made of, by the textbook's rule and by ours."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import menu, slider

CONTEXTS = {
    "desktop, by day": ("desktop", "morning"),
    "mobile, by day": ("mobile", "morning"),
    "mobile, in the evening": ("mobile", "evening"),
}


def ranking_lab(shop: experiments.LearnedShop, customers: Sequence[str], *, exploration: int = 0) -> Bench:
    """Three controls: the customer, the situation, and how much chance is mixed in.

    shop: of `experiments.learned_shop`. customers: user ids to choose from; one without purchases is a stranger.
    exploration: in hundredths of a score, 0 to 10, where the slider stands at first.
    """

    def experiment(user_id: str, situation: str, exploration: int) -> pd.DataFrame:
        device, time_of_day = CONTEXTS[situation]
        context = {"device": device, "time_of_day": time_of_day}
        return experiments.ranking(shop, user_id, context=context, exploration=exploration / 100)

    controls = {
        "user_id": menu("customer", {shop.describe(user_id): user_id for user_id in customers}),
        "situation": menu("asks from", {name: name for name in CONTEXTS}),
        "exploration": slider("random term (± hundredths)", exploration, 0, 10),
    }
    return Bench("The ranking lab", controls, experiment, plots.ranking, _sentence)


def _sentence(table: pd.DataFrame) -> str:
    best = table[(table["rule"] == "ours") & (table["place"] == 1)]
    reasons = best[best["group"] == "recent interactions"]
    if reasons.empty:
        return f"Ours puts {best['name'].iloc[0]} first: many buy it."
    strongest = reasons.loc[reasons["effect"].idxmax()]
    why = f"{strongest['factor']} ({strongest['effect']:+.3f})"
    return f"Ours puts {best['name'].iloc[0]} first. What speaks for it most, after retrieval: {why}."
