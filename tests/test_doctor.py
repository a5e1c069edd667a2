"""`recsys-lab doctor` says in a line each what is there, what is not, and what to do."""

from __future__ import annotations

import socket

import pytest

from recsys_lab import doctor
from recsys_lab.doctor import Finding, examine, locked_versions, report


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


def _locked() -> dict[str, str]:
    return locked_versions((doctor.PACKAGE.parent / "requirements.lock").read_text(encoding="utf-8"))
