"""A vector by the definitions' words alone, from the whole log; shares no code with the store."""

from __future__ import annotations

import math
from datetime import timedelta

from recsys_lab.features import Count, DecayedRate, Recency, Sum


def brute_force(definitions, log, item_features, user_id, item_id, as_of):
    """Name → value, by going through the whole log for each feature."""
    past = [event for event in log if event.timestamp < as_of]
    category = _category_now(past, item_features, item_id)
    return {d.name: _value(d, past, item_features, user_id, item_id, category, as_of) for d in definitions}


def _value(definition, past, item_features, user_id, item_id, category, as_of):
    def belongs(event):
        return (
            (definition.interaction_type is None or event.interaction_type == definition.interaction_type)
            and ("user" not in definition.key or event.user_id == user_id)
            and ("item" not in definition.key or event.item_id == item_id)
            and (
                "category" not in definition.key
                or (category is not None and _category_of(event, item_features) == category)
            )
        )

    ages = [(as_of - event.timestamp, event.interaction_value) for event in past if belongs(event)]
    match definition:
        case Count(window=window):
            return sum(age <= window for age, _ in ages)
        case Sum(window=window):
            return math.fsum(value for age, value in ages if age <= window)
        case DecayedRate(half_life=half_life):
            per_hour = math.log(2) / (half_life / timedelta(hours=1))
            return per_hour * math.fsum(2.0 ** -(age / half_life) for age, _ in ages)
        case Recency(cap=cap):
            return min([age for age, _ in ages] + [cap]) / timedelta(hours=1)


def _category_of(event, item_features):
    fixed = item_features.get(event.item_id, {}).get("category")
    return fixed or event.data.get("category")


def _category_now(past, item_features, item_id):
    told = [(e.timestamp, _category_of(e, item_features)) for e in past if e.item_id == item_id]
    known = sorted((time, category) for time, category in told if category is not None)
    fixed = item_features.get(item_id, {}).get("category")
    return fixed or (known[-1][1] if known else None)
