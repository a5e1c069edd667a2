"""Records: what an event looks like in Kafka, and what is kept of one that failed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from recsys_lab.events import ItemUpdateEvent, RecommendationRequestEvent, StreamEvent
from recsys_lab.kafka.metrics import Metrics
from recsys_lab.kafka.records import Source, dead_letter_headers, key_bytes, key_of, outputs_of, source_of, value_bytes
from tests.builders import a_click, clock_time

A_RECORD = SimpleNamespace(topic="clicks", partition=2, offset=17)


def test_the_key_is_the_user_and_of_an_items_update_the_item():
    update = ItemUpdateEvent(event_id="u", timestamp=clock_time("10:00"), item_id="lamp", features={})
    anybody = RecommendationRequestEvent(event_id="r", timestamp=clock_time("10:00"))
    assert key_of(a_click("ann", "lamp")) == "ann"
    assert key_of(update) == "lamp"
    assert key_of(anybody) is None


def test_keys_are_utf_8_and_values_json():
    event = a_click("jürgen", "lamp")
    assert key_bytes("jürgen") == "jürgen".encode()
    assert (key_bytes(b"raw"), key_bytes(None)) == (b"raw", None)
    assert StreamEvent.from_json(value_bytes(event)) == event
    assert (value_bytes(b"raw"), value_bytes(None), value_bytes({"a": 1})) == (b"raw", None, b'{"a":1}')


@pytest.mark.parametrize("topic", ["clicks", "a.b_c-d", "Clicks2"])
def test_a_source_is_read_back_as_it_was_written(topic):
    source = Source(topic, 2, 17)
    assert source_of([("other", b"x"), source.header()]) == source


@pytest.mark.parametrize("value", [b"", b"clicks", b"clicks/2/x", b"clicks//", b"\xff/1/2", b"clicks/-1/-2", None])
def test_a_source_that_a_stranger_wrote_names_nothing(value):
    assert source_of([("source", value)]) is None


def test_a_record_without_a_source_names_none():
    assert source_of([]) is None


def test_a_processor_gives_an_event_several_or_none():
    event = a_click("ann", "lamp")
    assert list(outputs_of(None)) == []
    assert list(outputs_of(event)) == [event]
    assert list(outputs_of([event, event])) == [event, event]
    assert list(outputs_of((event,))) == [event]


@pytest.mark.parametrize("rubbish", ["text", 1, {"a": 1}, [None], [1], True, object()])
def test_anything_else_is_refused_and_shown(rubbish):
    with pytest.raises(TypeError, match="a processor returns an event, a list of events or None"):
        outputs_of(rubbish)


def test_a_dead_letter_says_why_and_from_where():
    assert dict(dead_letter_headers(A_RECORD, ValueError("no such item"))) == {
        "error": b"no such item",
        "exception": b"ValueError",
        "topic": b"clicks",
        "partition": b"2",
        "offset": b"17",
    }


def test_a_long_or_unspeakable_reason_is_cut_and_escaped():
    headers = dict(dead_letter_headers(A_RECORD, ValueError("\ud800" + "x" * 5000)))
    assert headers["error"].startswith(rb"\ud800xxx")
    assert len(headers["error"]) < 1_100


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_shown_is_still_a_reason():
    assert dict(dead_letter_headers(A_RECORD, Speechless()))["exception"] == b"Speechless"


def test_metrics_count_and_forget_the_lag_of_partitions_that_are_gone():
    metrics = Metrics()
    metrics.add("consumed", 3)
    metrics.add("consumed")
    metrics.set_lag({"a-0": 5, "a-1": 2})
    metrics.set_lag({"a-0": 0}, gone=("a-1", "never-there"))
    counted = metrics.to_dict()
    assert counted["consumed"] == 4
    assert counted["processed"] == counted["failed"] == counted["retried"] == counted["dead_lettered"] == 0
    assert counted["lag"] == {"a-0": 0}
    counted["lag"]["a-0"] = 99
    assert metrics.to_dict()["lag"] == {"a-0": 0}
