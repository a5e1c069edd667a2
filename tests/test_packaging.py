"""What is shipped, locked and promised: the lock, environment.yml, the Makefile, the wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from scripts.conda_environment import environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHECKOUT = Path(__file__).resolve().parents[1]
LOCK = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def locked_for(python: str) -> dict[str, str]:
    """Package to version on Linux with this Python, from the lock."""
    lines = re.findall(r"^([a-z0-9.-]+)==(\S+)(?: ; (.*?))? \\$", LOCK, flags=re.MULTILINE)
    linux = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    return {name: version for name, version, marker in lines if not marker or Marker(marker).evaluate(linux)}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_holds_what_the_project_needs(python: str) -> None:
    locked = locked_for(python)
    wanted = map(Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
    here = [need for need in wanted if not need.marker or need.marker.evaluate({"python_version": python})]

    assert [str(need) for need in here if not need.specifier.contains(locked.get(need.name, "0"))] == []


@pytest.mark.parametrize("package", ["numpy", "pandas", "matplotlib", "pillow", "scipy", "river", "msgspec", "ipython"])
def test_what_decides_the_outputs_of_notebooks_has_one_version_for_every_python(package: str) -> None:
    assert len({locked_for(python)[package] for python in PYTHONS}) == 1


def test_every_locked_package_has_hashes_and_no_address_stands_in_the_lock() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())

    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"://|^-", LOCK, flags=re.MULTILINE) == []


def test_environment_yml_lists_the_versions_of_the_lock() -> None:
    assert (CHECKOUT / "environment.yml").read_text(encoding="utf-8") == environment(LOCK)


def test_make_help_lists_every_target_in_a_line() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    targets = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert [line.split()[1] for line in shown.splitlines()] == targets
    assert {"help", "lab", "test", "check", "bench", "lock", "notebooks", "clean"} <= set(targets)


def a_python(folder: Path, name: str, script: str) -> None:
    """A command that stands for a Python on this machine."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def set_up(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/environment.sh where `folder` alone is searched for commands."""
    return subprocess.run(
        ["/bin/sh", str(CHECKOUT / "scripts" / "environment.sh")],
        cwd=folder, env={"PATH": str(folder), **settings}, capture_output=True, text=True,
    )  # fmt: skip


def test_set_up_says_which_python_it_needs_when_there_is_none(tmp_path: Path) -> None:
    done = set_up(tmp_path)

    assert done.returncode == 1
    assert "No suitable Python found; the lab needs 3.10, 3.11, 3.12 or 3.13" in done.stderr


def test_set_up_passes_over_pythons_that_fail_or_are_too_old(tmp_path: Path) -> None:
    a_python(tmp_path, "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    a_python(tmp_path, "python3", "exit 1")

    assert "No suitable Python" in set_up(tmp_path).stderr


def test_set_up_names_the_package_that_debian_keeps_apart(tmp_path: Path) -> None:
    a_python(tmp_path, "python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac')

    done = set_up(tmp_path)

    assert done.returncode == 1
    assert "sudo apt install python3.11-venv" in done.stderr


def test_set_up_names_the_python_that_was_asked_for_when_it_does_not_do(tmp_path: Path) -> None:
    assert "(PYTHON=python2)" in set_up(tmp_path, PYTHON="python2").stderr


@pytest.mark.integration
def test_the_wheel_ships_the_package_with_its_data_and_the_sdist_the_course(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)],
        cwd=CHECKOUT, check=True, capture_output=True, env=os.environ | {"SOURCE_DATE_EPOCH": "1767225600"},
    )  # fmt: skip
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        shipped = set(wheel.namelist())
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as source:
        sources = {name.split("/", 1)[1] for name in source.getnames() if "/" in name}

    assert {
        "recsys_lab/cli.py",
        "recsys_lab/py.typed",
        "recsys_lab/data/online-retail.parquet",
        "recsys_lab/java/guard.py",
        "recsys_lab/java/kafka.lock.toml",
        "recsys_lab/jupyter/labconfig/default_setting_overrides.json",
    } <= shipped
    assert [name for name in shipped if not name.startswith("recsys_lab")] == []
    assert {
        "Makefile",
        "requirements.lock",
        "notebooks/00-start-here.ipynb",
        "tests/test_packaging.py",
    } <= sources
