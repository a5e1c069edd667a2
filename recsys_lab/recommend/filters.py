"""Filters: what a request leaves out, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from recsys_lab import profiles
from recsys_lab.checks import refuse

NAMES = ("category", "exclude_items", "include_seen")


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a request leaves out. categories: only these; all when empty."""

    categories: tuple[str, ...] = ()
    exclude_items: tuple[str, ...] = ()
    include_seen: bool = False

    @staticmethod
    def parse(filters: Mapping[str, Any]) -> Filters:
        """From a request's `filters`. Raises InvalidEvent for a filter that does not exist, or a wrong value."""
        for name in filters:
            if name not in NAMES:
                refuse(f"filters.{name}", filters[name], f"there is no such filter; there are {', '.join(NAMES)}.")
        include_seen = filters.get("include_seen", False)
        if not isinstance(include_seen, bool):
            refuse("filters.include_seen", include_seen, "true or false is needed.")
        return Filters(
            categories=_texts(filters, "category"),
            exclude_items=_texts(filters, "exclude_items"),
            include_seen=include_seen,
        )


def _texts(filters: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = filters.get(name, [])
    texts = profiles.categories(value)
    if not isinstance(value, (str, list, tuple)) or (not isinstance(value, str) and len(texts) != len(value)):
        refuse(f"filters.{name}", value, "a text or a list of texts is needed.")
    return texts
