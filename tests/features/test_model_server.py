"""The model server: it learns, refuses what it cannot use, and is replaced under load, losing no request."""

from __future__ import annotations

import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from time import sleep

import numpy as np
import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.features import ModelServer, Prediction, new_model


class Constant:
    """A model that always says the same, so that an answer shows who gave it."""

    def __init__(self, probability):
        self.probability = probability

    def learn_one(self, x, y):
        pass

    def predict_proba_one(self, x):
        return {True: self.probability, False: 1 - self.probability}


@pytest.fixture
def threads_that_interrupt_each_other_often():
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def a_trained_server(examples=300):
    server = ModelServer()
    for n in range(examples):
        server.learn({"clicks": float(n % 5), "hours": float(n % 7)}, clicked=n % 5 > 2)
    return server


# -- learning and predicting ---------------------------------------------------------------------------------


def test_it_learns_which_feature_goes_with_a_click():
    server = a_trained_server()
    likely = server.predict({"clicks": 4.0, "hours": 3.0})
    unlikely = server.predict({"clicks": 0.0, "hours": 3.0})
    assert likely.probability > 0.6 > 0.4 > unlikely.probability


def test_an_untrained_model_is_undecided():
    assert ModelServer().predict({"clicks": 3.0}) == Prediction(0.5, version=1)


def test_the_order_of_the_features_and_their_number_type_do_not_matter():
    one, other = a_trained_server(), a_trained_server()
    assert one.predict({"clicks": 1.0, "hours": 2.0}) == other.predict({"hours": np.float64(2), "clicks": 1})


@pytest.mark.integration
def test_the_same_examples_give_the_same_bits_in_another_process():
    script = (
        "from tests.features.test_model_server import a_trained_server\n"
        "print(a_trained_server().predict({'clicks': 1.0, 'hours': 2.0}).probability.hex())"
    )
    command, here = [sys.executable, "-c", script], Path(__file__).parents[2]
    elsewhere = subprocess.run(
        command, cwd=here, env={"PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True
    )
    here_and_now = a_trained_server().predict({"clicks": 1.0, "hours": 2.0}).probability
    assert elsewhere.stdout.strip() == here_and_now.hex()


def test_the_server_keeps_a_copy_of_each_model_it_was_given():
    model = Constant(0.2)
    server = ModelServer(model)
    model.probability = 0.4
    assert server.predict({"clicks": 1.0}).probability == 0.2
    server.swap(model)
    model.probability = 0.9
    assert server.predict({"clicks": 1.0}).probability == 0.4


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200, None, "3"])
def test_a_feature_that_is_no_finite_number_is_refused_by_name_and_leaves_the_model_as_it_was(value):
    server = a_trained_server()
    before = server.predict({"clicks": 1.0, "hours": 1.0})
    for call in (server.predict, lambda features: server.learn(features, clicked=True)):
        with pytest.raises(InvalidEvent, match=r"^hours is .*finite number"):
            call({"clicks": 1.0, "hours": value})
    assert server.predict({"clicks": 1.0, "hours": 1.0}) == before


def test_a_missing_and_an_unknown_feature_are_refused_by_name():
    server = a_trained_server()
    with pytest.raises(InvalidEvent, match=r"^hours is missing"):
        server.predict({"clicks": 1.0})
    with pytest.raises(InvalidEvent, match=r"^price is 9.5; the model does not know"):
        server.predict({"clicks": 1.0, "hours": 1.0, "price": 9.5})
    with pytest.raises(InvalidEvent, match=r"^features"):
        server.predict({})


def test_an_outcome_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(InvalidEvent, match="clicked is nan"):
        ModelServer().learn({"clicks": 1.0}, clicked=math.nan)


# -- latency -------------------------------------------------------------------------------------------------


def test_latency_counts_every_prediction_in_milliseconds():
    server = a_trained_server()
    assert math.isnan(server.latency()["p50"])
    for _ in range(50):
        server.predict({"clicks": 1.0, "hours": 1.0})
    latency = server.latency()
    assert latency["count"] == 50
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] < 10_000


# -- hot swap ------------------------------------------------------------------------------------------------


def test_a_swap_raises_the_version_and_the_new_model_answers():
    server = ModelServer(Constant(0.1))
    assert server.predict({"clicks": 1.0}) == Prediction(0.1, version=1)
    assert server.swap(Constant(0.9)) == server.version == 2
    assert server.predict({"clicks": 1.0}) == Prediction(0.9, version=2)


@pytest.mark.usefixtures("threads_that_interrupt_each_other_often")
def test_predicting_while_swapping_loses_no_request_and_mixes_no_versions():
    threads, requests, swaps = 4, 1_000, 50
    server, start = ModelServer(Constant(1 / 1000)), Barrier(threads + 1)

    def ask():
        start.wait()
        return [server.predict({"clicks": 1.0}) for _ in range(requests)]

    with ThreadPoolExecutor(threads) as pool:
        asked = [pool.submit(ask) for _ in range(threads)]
        start.wait()
        for version in range(2, swaps + 2):
            assert server.swap(Constant(version / 1000)) == version
        answers = [future.result() for future in asked]

    assert server.latency()["count"] == sum(map(len, answers)) == threads * requests
    for of_thread in answers:
        versions = [prediction.version for prediction in of_thread]
        assert versions == sorted(versions)
        assert all(prediction.probability == prediction.version / 1000 for prediction in of_thread)


def test_a_request_under_way_is_finished_by_the_old_model_while_the_new_one_answers():
    entered, go_on = Event(), Event()

    class Slow(Constant):
        def __deepcopy__(self, memo):
            return self

        def predict_proba_one(self, x):
            entered.set()
            assert go_on.wait(timeout=30)
            return super().predict_proba_one(x)

    server = ModelServer(Slow(0.1))
    with ThreadPoolExecutor(2) as pool:
        under_way = pool.submit(server.predict, {"clicks": 1.0})
        assert entered.wait(timeout=30)
        queued_behind = pool.submit(server.predict, {"clicks": 1.0})
        sleep(0.05)  # so that it waits for its turn, most likely
        server.swap(Constant(0.9))
        answered_meanwhile = server.predict({"clicks": 1.0})
        go_on.set()
        assert under_way.result() == Prediction(0.1, version=1)
        assert queued_behind.result() in {Prediction(0.1, version=1), Prediction(0.9, version=2)}
    assert answered_meanwhile == Prediction(0.9, version=2)


@pytest.mark.usefixtures("threads_that_interrupt_each_other_often")
def test_a_prediction_never_sees_a_half_learned_model():
    class TwoSteps(Constant):
        def __init__(self):
            self.first = self.second = 0

        def learn_one(self, x, y):
            self.first += 1
            sum(range(2_000))  # time enough for another thread to look in
            self.second += 1

        def predict_proba_one(self, x):
            return {True: float(self.first != self.second)}

    server = ModelServer(TwoSteps())
    with ThreadPoolExecutor(1) as pool:
        learning = pool.submit(lambda: [server.learn({"clicks": 1.0}, clicked=True) for _ in range(300)])
        seen = [server.predict({"clicks": 1.0}).probability for _ in range(2_000)]
        learning.result()
    assert set(seen) == {0.0}


def test_a_new_model_is_untouched_by_those_before_it():
    a_trained_server()
    assert ModelServer(new_model()).predict({"clicks": 4.0, "hours": 1.0}).probability == 0.5


@pytest.mark.parametrize("model", [None, 5, "model"])
def test_what_is_no_model_is_refused_and_the_served_one_goes_on(model: object) -> None:
    server = ModelServer()
    with pytest.raises(InvalidEvent, match="model is"):
        server.swap(model)  # type: ignore[arg-type]
    assert server.predict({"clicks": 1.0}).version == 1
