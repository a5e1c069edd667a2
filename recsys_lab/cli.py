"""The command line: each command is one call into the package.

What a command needs is imported inside it, so that `recsys-lab --help` answers at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recsys_lab.errors import BrokerError, ClusterError, LabError

if TYPE_CHECKING:
    from recsys_lab.java.service import Note, Service

app = typer.Typer(
    name="recsys-lab",
    help="A Jupyter lab for real-time recommender systems.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option(help="Folder that holds notebooks/; found by itself in a checkout.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to try first; the next free one is taken.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open the page, or only print its address.")] = True,
) -> None:
    """Open JupyterLab on the first notebook; Ctrl-C ends it. Further arguments go to JupyterLab."""
    from recsys_lab.lab import find_root, launch

    launch(find_root(root), port=port, open_browser=browser, extra=context.args)


@app.command()
def doctor() -> None:
    """Check that this machine has what the course needs; each line that fails says what to do."""
    from recsys_lab.doctor import examine, report

    raise typer.Exit(report(examine()))


@app.command()
def demo(
    interactions: Annotated[int | None, typer.Option(min=1, help="Stop after so many; all by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides who reloads their page when.")] = 0,
    memory: Annotated[bool, typer.Option("--memory", help="Without Kafka: the engine alone, in memory.")] = False,
) -> None:
    """Stream a year of real purchases through real Kafka into the engine and watch its figures; Ctrl-C ends it."""
    from recsys_lab import datasets, demo

    purchases = datasets.load("online-retail")
    chosen = purchases if interactions is None else purchases.head(interactions)
    demo.demo(chosen, seed=seed, kafka=not memory)


@app.command()
def evaluate(
    name: Annotated[str, typer.Argument(help="online-retail, simulated or movielens-100k.")] = "online-retail",
    path: Annotated[Path | None, typer.Option(help="A file to read instead, such as MovieLens' u.data.")] = None,
    users: Annotated[int | None, typer.Option(min=1, help="A sample of so many users; all by default.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Length of the lists.")] = 10,
    every: Annotated[int, typer.Option(min=1, help="Every so many events is a question.")] = 20,
) -> None:
    """Compare the recommenders on a log of interactions, test then learn, in one table."""
    from recsys_lab import datasets, reports

    interactions = datasets.load(name, path)
    if users is not None:
        interactions = datasets.cut(interactions, users=users)
    reports.evaluate(interactions, k=k, every=every)


@app.command()
def simulate(
    file: Annotated[Path, typer.Argument(help="Where to write the events: a .parquet, .csv or .jsonl file.")],
    users: Annotated[int, typer.Option(min=1)] = 1_000,
    items: Annotated[int, typer.Option(min=1)] = 5_000,
    days: Annotated[int, typer.Option(min=1)] = 30,
    seed: Annotated[int, typer.Option(help="The same seed writes the same file.")] = 0,
) -> None:
    """Simulate shoppers who view, click, purchase and rate, and write what they did to a file."""
    from recsys_lab import reports
    from recsys_lab.experiments import simulate

    reports.save(simulate(users, items, days, seed=seed).events, file)


kafka = typer.Typer(help="Apache Kafka on this machine.", no_args_is_help=True)
flink = typer.Typer(help="Apache Flink on this machine.", no_args_is_help=True)
app.add_typer(kafka, name="kafka")
app.add_typer(flink, name="flink")


def _service(name: str) -> Service:
    """The program of that name that runs in the background, if it runs."""
    from recsys_lab.java.service import Service

    return Service(name, {"kafka": BrokerError, "flink": ClusterError}[name])


def _started(name: str, options: dict[str, Any]) -> Note:
    """`up`: another process runs the hidden command `hold`, and goes on when this one has ended."""
    command = [sys.executable, "-m", "recsys_lab.cli", name, "hold", json.dumps(options)]
    return _service(name).up(command)


@kafka.command("up")
def kafka_up(
    brokers: Annotated[int, typer.Option(help="1, or 3 that keep three copies.")] = 1,
    port: Annotated[int, typer.Option(help="Of the first broker.")] = 9092,
    data_dir: Annotated[Path | None, typer.Option(help="Folder that keeps the data.")] = None,
) -> None:
    """Start Kafka in the background; its data is kept for the next time."""
    from recsys_lab.java.jars import cache_folder

    folder = (data_dir or cache_folder() / "kafka").expanduser().resolve()
    note = _started("kafka", {"brokers": brokers, "port": port, "data_dir": str(folder)})
    typer.echo(f"Kafka is ready: {note.address}\nIts data is in {note.data_dir}")
    typer.echo(f"To use it in the lab: export KAFKA_BOOTSTRAP_SERVERS={note.address}")


@kafka.command("hold", hidden=True)
def kafka_hold(options: str) -> None:
    """The process that `up` starts: Kafka with these options (JSON), until SIGTERM."""
    from recsys_lab.kafka import LocalKafka

    with LocalKafka(**json.loads(options)) as broker:
        _service("kafka").hold(broker.bootstrap_servers, broker.pids, str(broker.data_dir))


@kafka.command("status")
def kafka_status() -> None:
    """Say whether that Kafka runs, and where; the exit code is 1 when it does not."""
    _status("kafka")


@kafka.command("down")
def kafka_down() -> None:
    """End that Kafka; its data is kept."""
    _down("kafka")


@kafka.command("fetch")
def kafka_fetch() -> None:
    """Fetch what Kafka needs, once, so that it starts without the network; `make lab` does this."""
    from recsys_lab.kafka.setup import fetch

    fetch()


@flink.command("up")
def flink_up(
    task_slots: Annotated[int, typer.Option(min=1, max=64, help="Subtasks of an operator that work at once.")] = 4,
    port: Annotated[int, typer.Option(help="Of the web page, and for jobs.")] = 8081,
) -> None:
    """Start a session cluster in the background: a JobManager with its web page, and a TaskManager."""
    note = _started("flink", {"task_slots": task_slots, "port": port})
    typer.echo(f"Flink is ready; its page: http://{note.address}")
    typer.echo(f'To use it in the lab: processor.execute(runtime=ApacheFlink("{note.address}"))')


@flink.command("hold", hidden=True)
def flink_hold(options: str) -> None:
    """The process that `up` starts: a session cluster with these options (JSON), until SIGTERM."""
    from recsys_lab.flink import LocalFlink

    with LocalFlink(**json.loads(options)) as cluster:
        _service("flink").hold(cluster.address, cluster.pids)


@flink.command("status")
def flink_status() -> None:
    """Say whether that Flink runs, and where; the exit code is 1 when it does not."""
    _status("flink")


@flink.command("down")
def flink_down() -> None:
    """End that Flink, and the jobs on it."""
    _down("flink")


@flink.command("submit", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def flink_submit(
    context: typer.Context,
    script: Annotated[Path, typer.Argument(help="A Python script that builds a job and executes it.")],
    address: Annotated[
        str | None, typer.Option(help="host:port of a cluster's REST interface; by default the one that `up` started.")
    ] = None,
    py_files: Annotated[
        list[Path] | None, typer.Option(help="Modules that the job's functions import; once for each.")
    ] = None,
) -> None:
    """Run a script, its jobs on a cluster. Further arguments go to the script."""
    from recsys_lab.flink import ApacheFlink
    from recsys_lab.flink.submission import submit

    found = _service("flink").running()
    if address is None and found is None:
        raise ClusterError("no Flink is running to submit to. Start one (recsys-lab flink up), or give --address.")
    where = address or (found.address if found else "")
    submit(script, ApacheFlink(where, python_files=py_files or ()), context.args)


@flink.command("fetch")
def flink_fetch() -> None:
    """Fetch Flink's connector for Kafka, once; `make lab` does this. The rest came with the Python environment."""
    from recsys_lab.java import jars

    jars.fetch("flink")


study = typer.Typer(
    help="The study questions: how far you are; for teachers: hand out and grade.", no_args_is_help=True
)
app.add_typer(study, name="study")


@study.command("progress")
def study_progress() -> None:
    """Say how far you have come with the twelve questions."""
    from recsys_lab import study
    from recsys_lab.lab import keep_progress_with_the_course

    keep_progress_with_the_course()
    typer.echo(repr(study.progress()))


@study.command("hand-out")
def study_hand_out(
    target: Annotated[Path, typer.Argument(help="A new folder.")],
    root: Annotated[Path | None, typer.Option(help="The course; found by itself in a checkout.")] = None,
) -> None:
    """Write the student's version of the course: everything but the solutions and model answers."""
    from recsys_lab.lab import find_root
    from recsys_lab.study.teaching.student_version import write_student_version

    left_out = write_student_version(find_root(root), target)
    typer.echo(f"The course without its answers is in {target}; {len(left_out)} files were left out or cut.")


@study.command("grade")
def study_grade(
    folder: Annotated[Path, typer.Argument(help="Submissions: notebooks, or files such as ann/beginner-3.py.")],
    csv: Annotated[Path | None, typer.Option(help="Write the table, with all reasons, to this file.")] = None,
    memory_mb: Annotated[int, typer.Option(min=256, help="What the process of an answer may hold.")] = 1024,
) -> None:
    """Judge a folder of submissions, each answer in a process of its own, and print a table with reasons."""
    from recsys_lab import reports
    from recsys_lab.lab import find_root

    reports.grade(folder, find_root() / "notebooks", csv=csv, memory_mb=memory_mb)


def _status(name: str) -> None:
    note = _service(name).running()
    if note is None:
        typer.echo(f"{name.capitalize()} is not running; start it with: recsys-lab {name} up")
        raise typer.Exit(1)
    where = note.address if name == "kafka" else f"http://{note.address}"
    kept = f", data in {note.data_dir}" if note.data_dir else ""
    typer.echo(f"{name.capitalize()} runs: {where}, process ids {note.pids}{kept}")


def _down(name: str) -> None:
    title = name.capitalize()
    typer.echo(f"{title} has ended." if _service(name).down() else f"{title} was not running.")


def main() -> None:
    """Run the command line; an error of the lab is printed as a sentence, not as a traceback."""
    try:
        app()
    except LabError as error:
        typer.echo(f"recsys-lab: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
