"""The course's notebooks, the parts of the package, and the topics on Kafka, as notebooks draw them."""

from __future__ import annotations

import pandas as pd

_NOTEBOOKS = (
    ("00", "start here", 20, "in memory", 0, 1, ()),
    ("01", "events and streams", 35, "in memory", 1, 1, ("00",)),
    ("02", "features and inference", 40, "in memory", 2, 0, ("01",)),
    ("03", "Kafka", 40, "starts Kafka", 2, 1, ("01",)),
    ("04", "dataflow", 40, "in memory", 2, 2, ("01",)),
    ("05", "Apache Flink", 35, "starts Kafka and Flink", 3, 1, ("03", "04")),
    ("06", "fault tolerance", 40, "in memory", 3, 2, ("03", "04")),
    ("07", "drift and monitoring", 35, "in memory", 3, 0, ("02", "03")),
    ("08", "questions: beginner", 40, "starts Kafka", 3, 3, ("04",)),
    ("09", "questions: intermediate", 40, "in memory", 4, 3, ("06", "08")),
    ("10", "questions: advanced", 40, "in memory", 5, 3, ("09",)),
    ("11", "what comes next", 35, "in memory", 4, 0, ("07",)),
)


def notebooks() -> pd.DataFrame:
    """A row for each notebook: number, title, minutes (reading), needs (what runs), its place, what it builds on."""
    return pd.DataFrame(_NOTEBOOKS, columns=["number", "title", "minutes", "needs", "column", "row", "builds_on"])


_PARTS = (
    ("events", "what happened", "streaming", 0, 1, ("streams", "profiles", "recommend")),
    ("streams", "the log of it", "streaming", 1, 1, ("engine",)),
    ("processors", "what reacts to it", "streaming", 2, 2, ("engine",)),
    ("engine", "all of it, wired together", "streaming", 2, 1, ("experiments",)),
    ("profiles", "a user's past, folded", "learning", 1, 2, ("processors",)),
    ("recommend", "candidates and ranking", "learning", 1, 0, ("engine",)),
    ("features", "the past as of a time", "learning", 2, 0, ("experiments",)),
    ("experiments", "parameters to a table", "experimenting", 3, 1, ("widgets",)),
    ("plots", "a table to a picture", "experimenting", 3, 2, ("widgets",)),
    ("widgets", "sliders around both", "experimenting", 4, 1, ()),
)


def parts() -> pd.DataFrame:
    """A row for each part: its name, what it is in a few words, its group, its place, and who uses it."""
    return pd.DataFrame(_PARTS, columns=["part", "says", "group", "column", "row", "used_by"])


_TOPIC, _SHARED, _FULL = "topic", "shared by a group", "read in full by each instance"

_KAFKA_PARTS = (
    ("user-interactions", "3 partitions, by user", _TOPIC, 0, 0, ("interactions in order",)),
    ("item-updates", "3 partitions, by item", _TOPIC, 0, 1, ("updates in order",)),
    ("recommendation-requests", "3 partitions, by user", _TOPIC, 2, 2, ("answer",)),
    ("interactions in order", "append to the log", _SHARED, 1, 0, ("engine-changelog",)),
    ("updates in order", "append to the log", _SHARED, 1, 1, ("engine-changelog",)),
    ("engine-changelog", "1 partition: one order", _TOPIC, 2, 0.5, ("the engine",)),
    ("the engine", "a fold of the log", _FULL, 3, 0.5, ("user-profiles", "answer")),
    ("answer", "each request once", _SHARED, 3, 2, ("recommendation-responses",)),
    ("user-profiles", "the latest of each user", _TOPIC, 4, 0.5, ()),
    ("recommendation-responses", "3 partitions, by user", _TOPIC, 4, 2, ()),
)


def kafka_parts() -> pd.DataFrame:
    """A row for each topic of the recommendation system and each of its readers, and where records go from there."""
    return pd.DataFrame(_KAFKA_PARTS, columns=["part", "says", "group", "column", "row", "feeds"])
