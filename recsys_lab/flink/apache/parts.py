"""The few parts that have to be Java: compiled when they are needed first, by the compiler that Flink brings along.

PyFlink can hand a student's function to Java, but not a watermark generator, nor what makes Kafka records of Python
values, nor an operator that has every timer in every checkpoint. The sources are in the folder `java`. Janino, which
Flink's SQL uses to compile its queries, makes an archive of them beside the other downloads; it travels with every job
that uses them.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from typing import Any

from recsys_lab.errors import ClusterError
from recsys_lab.flink.cluster import flink_home
from recsys_lab.java import jars

_FOLDER = Path(__file__).with_name("java")


def use(environment: Any, *archives: Path) -> None:
    """Let a job use these archives: here, where it is put together, and wherever it runs."""
    environment.add_jars(*(path.as_uri() for path in archives))


def compiled(jvm: Any, *names: str) -> Path:
    """The archive of these classes, which stand in files of their names. Raises ClusterError."""
    sources = [_FOLDER.joinpath(f"{name}.java").read_text(encoding="utf-8") for name in names]
    digest = hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]
    archive = jars.cache_folder() / "flink-parts" / f"{'-'.join(names)}-{digest}.jar"
    if archive.is_file():
        return archive
    loader = jvm.Thread.currentThread().getContextClassLoader()
    arriving = archive.with_suffix(f".{os.getpid()}")
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(arriving, "w") as file:
            for source in sources:
                compiler = jvm.org.codehaus.janino.SimpleCompiler()
                compiler.setParentClassLoader(loader)
                compiler.cook(source)
                for name, code in compiler.getBytecodes().items():
                    file.writestr(f"{name.replace('.', '/')}.class", bytes(code))
        arriving.replace(archive)
    except Exception as error:
        arriving.unlink(missing_ok=True)
        raise ClusterError(f"{', '.join(names)} could not be compiled for Apache Flink: {error}") from error
    return archive


def for_python() -> Path:
    """The archive that lets a cluster run Python functions; a job brings it along. Raises ClusterError."""
    archives = sorted(flink_home().joinpath("opt").glob("flink-python-*.jar"))
    if not archives:
        raise ClusterError(f"{flink_home()} has no flink-python archive. Install apache-flink-libraries anew.")
    return archives[0]
