"""`recsys-lab doctor` says in a line each what is there, what is not, and what to do."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

import pytest

from recsys_lab import doctor
from recsys_lab.doctor import Finding, examine, locked_versions, report
from recsys_lab.flink import cluster


def test_a_machine_that_runs_these_tests_has_all_that_is_needed() -> None:
    missing = [finding for finding in examine() if finding.needed and not finding.ok]

    assert missing == []


def test_each_finding_is_a_line_and_a_failure_names_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    code = report(
        [
            Finding("Python", True, "3.11.7"),
            Finding("Data", False, "cut short", "git checkout -- data"),
            Finding("Chromium", False, "not found", "apt install chromium", needed=False),
        ]
    )

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert len(lines) == 3
    assert lines[1].endswith("cut short -> git checkout -- data")


def test_what_is_only_useful_does_not_fail_the_examination(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Finding("Chromium", False, "not found", "install it", needed=False)]) == 0


def test_a_package_at_another_version_than_locked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.0.1" if name == "numpy" else _locked()[name])

    finding = doctor.packages()

    assert not finding.ok
    assert finding.seen.startswith("numpy is 0.0.1, not 2.")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "river":
            raise doctor.metadata.PackageNotFoundError(name)
        return _locked()[name]

    monkeypatch.setattr(doctor.metadata, "version", version)

    assert doctor.packages().seen == "river is missing"


def test_only_the_lines_of_a_lock_that_hold_here_count() -> None:
    lock = (
        "a==1.0 ; python_version < '3' \\\n    --hash=sha256:00\n"
        "a==2.0 ; python_version >= '3' \\\n    --hash=sha256:00\nb-c==3 \\\n    --hash=sha256:00\n"
    )

    assert locked_versions(lock) == {"a": "2.0", "b-c": "3"}


def test_a_port_in_use_is_told_but_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(doctor, "FIRST_PORT", server.getsockname()[1])
        finding = doctor.port()

    assert not finding.ok
    assert not finding.needed


def test_flink_is_told_by_its_version_and_its_archives() -> None:
    finding = doctor.flink()

    if sys.version_info >= (3, 13):
        pytest.skip("Apache Flink has no wheel for this Python")
    assert finding.ok, finding
    assert finding.seen.startswith(f"{_locked()['apache-flink']}: ")


def test_a_python_that_has_no_flink_yet_is_no_failure_and_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 13, 1))

    finding = doctor.flink()

    assert (finding.ok, finding.needed) == (False, False)
    assert "none yet for Python 3.13" in finding.seen
    assert "PYTHON=python3.12" in finding.remedy


def test_flink_that_is_not_installed_where_it_could_be_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 11, 7))
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyflink" else found(name))

    finding = doctor.flink()

    assert (finding.ok, finding.needed) == (False, True)
    assert "not installed" in finding.seen
    assert "make clean lab" in finding.remedy


def test_archives_of_flink_that_are_gone_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(cluster, "flink_home", lambda: tmp_path)

    finding = doctor.flink()

    assert not finding.ok
    assert f"{tmp_path} has no archives of Flink" in finding.seen


def test_a_connector_for_kafka_that_was_never_fetched_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(cluster, "classpath", lambda: "flink.jar")
    monkeypatch.setenv("RECSYS_LAB_CACHE", str(tmp_path))

    finding = doctor.flink()

    assert not finding.ok
    assert "flink-sql-connector-kafka" in finding.seen
    assert finding.remedy.startswith("`recsys-lab flink fetch`")


@pytest.mark.parametrize(("name", "look"), [("KAFKA_PORT", "kafka_port"), ("FLINK_PORT", "flink_port")])
def test_the_ports_of_kafka_and_flink_need_not_be_free(name: str, look: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(doctor, name, server.getsockname()[1])
        finding = getattr(doctor, look)()

    assert (finding.ok, finding.needed) == (False, False)
    assert "--port" in finding.remedy


def _locked() -> dict[str, str]:
    return locked_versions((doctor.PACKAGE.parent / "requirements.lock").read_text(encoding="utf-8"))
