"""Examine this machine: what the course needs, whether it is there, and what to do if not.

A finding is a value; `examine` collects them, `report` prints them, one line each.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from recsys_lab.errors import LabError
from recsys_lab.lab import FIRST_PORT, PACKAGE

PYTHONS = ((3, 10), (3, 13))  # oldest and newest that the lab supports
PYTHON_WITHOUT_FLINK = (3, 13)  # Apache Flink has no wheel for it yet
PYTHON_FOR_FLINK = "python3.12"
NEEDED_DISK_GB = 2.0
KAFKA_PORT = 9092
FLINK_PORT = 8081
KEY_PACKAGES = (
    "ipykernel", "ipywidgets", "jupyterlab", "kafka-python", "matplotlib", "msgspec", "numpy", "pandas", "pyarrow",
    "river", "scipy",
)  # fmt: skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Finding:
    """One thing looked at, with a remedy when it is not ok; `needed`: the course cannot do without it."""

    subject: str
    ok: bool
    seen: str
    remedy: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Look at everything, in the order in which a remedy should be tried."""
    looks: tuple[Callable[[], Finding], ...] = (
        python, packages, data, java, kafka, flink, disk, loopback, port, kafka_port, flink_port, browser,
    )  # fmt: skip
    return [look() for look in looks]


def report(findings: list[Finding]) -> int:
    """Print the findings; 1 if something that the course needs is missing, else 0."""
    good, bad, optional = _marks()
    for finding in findings:
        mark = good if finding.ok else bad if finding.needed else optional
        remedy = "" if finding.ok else f" -> {finding.remedy}"
        print(f"{mark} {finding.subject:<10} {finding.seen}{remedy}")
    return int(any(finding.needed and not finding.ok for finding in findings))


def python() -> Finding:
    """The Python that runs this."""
    version = sys.version_info[:2]
    seen = ".".join(map(str, sys.version_info[:3]))
    if version == PYTHON_WITHOUT_FLINK:
        seen += " (everything but Apache Flink, which needs 3.10 to 3.12)"
    oldest, newest = PYTHONS
    return Finding(
        "Python", oldest <= version <= newest, seen, "install Python 3.10, 3.11 or 3.12, then `make clean lab`"
    )


def packages() -> Finding:
    """Are the packages that decide what notebooks show installed, at the versions of requirements.lock?"""
    lock = PACKAGE.parent / "requirements.lock"
    locked = locked_versions(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    wrong = []
    for name in KEY_PACKAGES:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if installed != locked.get(name, installed):
            wrong.append(f"{name} is {installed}, not {locked[name]}")
    as_locked = "as locked" if locked else "installed (no requirements.lock here to compare with)"
    seen = "; ".join(wrong) or f"{len(KEY_PACKAGES)} key packages {as_locked}"
    return Finding("Packages", not wrong, seen, "`make clean lab`, or `pip install -r requirements.lock`")


def locked_versions(lock: str) -> dict[str, str]:
    """Package name to version, of the lines of a lock file that hold on this machine."""
    from packaging.markers import Marker

    pinned = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.*?))?(?: \\)?$", lock, flags=re.MULTILINE)
    return {name: version for name, version, marker in pinned if not marker or Marker(marker).evaluate()}


def data() -> Finding:
    """Can the real purchases be read, and are they the ones that the notebooks were written with?"""
    remedy = "get the file again with `git checkout -- data`"
    try:
        from recsys_lab import datasets

        rows = len(datasets.load("online-retail"))
    except (LabError, OSError) as error:
        return Finding("Data", False, str(error), remedy)
    return Finding("Data", True, f"online-retail: {rows:,} interactions, checksum right")


def java() -> Finding:
    """Does the Java that came with the environment run?"""
    from recsys_lab.java.jars import java as program

    try:
        done = subprocess.run([program(), "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return Finding("Java", False, str(error), "`make clean lab` installs it anew")
    version = re.search(r'version "([^"]+)"', done.stderr)
    return Finding("Java", True, f"{version[1] if version else 'runs'}, of this environment")


def kafka() -> Finding:
    """Are Kafka's archives here, and are they the ones that were pinned?"""
    from recsys_lab.java import jars

    try:
        jars.classpath("kafka")
    except LabError as error:
        return Finding("Kafka", False, str(error), "`recsys-lab kafka fetch`, once, while online")
    pinned = jars.pinned("kafka")
    return Finding("Kafka", True, f"{pinned[0].version}: {len(pinned)} archives, checksums right")


def flink() -> Finding:
    """Is Apache Flink installed, with its archives, and is its connector for Kafka the one that was pinned?"""
    from recsys_lab.flink import cluster
    from recsys_lab.java import jars

    if sys.version_info[:2] >= PYTHON_WITHOUT_FLINK:
        seen = f"there is none yet for Python {sys.version_info[0]}.{sys.version_info[1]}; notebook 05 needs it"
        return Finding("Flink", False, seen, f"for that one: `make clean lab PYTHON={PYTHON_FOR_FLINK}`", needed=False)
    try:
        archives = len(cluster.classpath().split(os.pathsep))
    except LabError as error:
        return Finding("Flink", False, str(error), "`make clean lab`, or `pip install -r requirements.lock`")
    try:
        jars.classpath("flink")
    except LabError as error:
        return Finding("Flink", False, str(error), "`recsys-lab flink fetch`, once, while online")
    seen = f"{metadata.version('apache-flink')}: {archives} archives; connector for Kafka here, checksum right"
    return Finding("Flink", True, seen)


def disk() -> Finding:
    """Room for what the notebooks write."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("Disk", free >= NEEDED_DISK_GB, f"{free:.1f} GB free", f"free {NEEDED_DISK_GB:.0f} GB for the lab")


def loopback() -> Finding:
    """Can this machine talk to itself? Notebooks reach their kernels, and later Kafka, that way."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 2):
            return Finding("Loopback", True, "127.0.0.1 answers")
    except OSError as error:
        return Finding("Loopback", False, f"127.0.0.1: {error}", "allow local connections in the firewall or sandbox")


def port() -> Finding:
    """JupyterLab's usual port; another one is taken when it is in use."""
    return _free(FIRST_PORT, "nothing to do: `make lab` takes the next free one")


def kafka_port() -> Finding:
    """Kafka's usual port; notebooks and tests take free ones."""
    return _free(KAFKA_PORT, "nothing to do, unless for `recsys-lab kafka up`: it takes --port")


def flink_port() -> Finding:
    """The usual port of Flink's web page; notebooks and tests take free ones."""
    return _free(FLINK_PORT, "nothing to do, unless for `recsys-lab flink up`: it takes --port")


def browser() -> Finding:
    """The browser that the tests drive; the course itself opens in any browser."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    remedy = "only the browser tests need it: `sudo apt install chromium`"
    return Finding("Chromium", found is not None, found or "not found", remedy, needed=False)


def _free(number: int, remedy: str) -> Finding:
    try:
        with socket.create_server(("127.0.0.1", number)):
            return Finding("Port", True, f"{number} is free")
    except OSError:
        return Finding("Port", False, f"{number} is in use", remedy, needed=False)


def _marks() -> tuple[str, str, str]:
    """Marks for good, bad and optional that this terminal can show."""
    try:
        "✓✗–".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return "+", "x", "-"
    return "✓", "✗", "–"
