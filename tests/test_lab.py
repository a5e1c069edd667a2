"""JupyterLab starts on the first notebook, for this machine alone, and goes without a trace."""

from __future__ import annotations

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from recsys_lab.errors import LabError
from recsys_lab.lab import FIRST_NOTEBOOK, PACKAGE, arguments, environment, find_root


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A folder with a first notebook that has no cells."""
    notebook = tmp_path / FIRST_NOTEBOOK
    notebook.parent.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook.write_text(
        json.dumps({"cells": [], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )
    return tmp_path


def test_the_course_is_found_in_the_folder_that_is_named(course: Path) -> None:
    assert find_root(course) == course.resolve()


def test_a_folder_without_the_course_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"00-start-here.*git|clone"):
        find_root(tmp_path)


def test_it_listens_on_the_loopback_interface_alone(course: Path) -> None:
    assert "--ServerApp.ip=127.0.0.1" in arguments(course, port=8888, open_browser=False)


def test_a_further_argument_takes_the_place_of_ours(course: Path) -> None:
    chosen = arguments(course, port=8888, open_browser=True, extra=["--ServerApp.log_level=INFO", "--debug"])

    assert [argument for argument in chosen if "log_level" in argument] == ["--ServerApp.log_level=INFO"]
    assert chosen[-1] == "--debug"


def test_what_jupyter_remembers_stays_beside_the_notebooks(course: Path) -> None:
    folders = {name: value for name, value in environment(course).items() if name.endswith(("_DIR", "DIR"))}

    assert len(folders) == 7
    assert all(Path(folder).is_relative_to(course / ".lab") for folder in folders.values())


def test_a_course_that_cannot_be_written_to_gets_a_private_folder_for_the_run(tmp_path: Path) -> None:
    blocked = tmp_path / "course"
    blocked.mkdir()
    (blocked / ".lab").write_text("a file where the folder should be")

    assert not Path(environment(blocked)["JUPYTER_RUNTIME_DIR"]).is_relative_to(blocked)


def test_the_page_asks_for_no_news_and_no_kernel() -> None:
    overrides = json.loads((PACKAGE / "jupyter" / "labconfig" / "default_setting_overrides.json").read_text())

    assert overrides["@jupyterlab/apputils-extension:notification"] == {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
    assert overrides["@jupyterlab/notebook-extension:tracker"]["autoStartDefaultKernel"] is True


@pytest.mark.integration
def test_a_port_in_use_and_foreign_settings_do_no_harm_and_ctrl_c_ends_server_and_kernels(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    from tests.browser.jupyter import end, running_lab

    monkeypatch.setenv("JUPYTER_TOKEN", "")
    monkeypatch.setenv("JUPYTER_PATH", "/nowhere")
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    try:
        occupied = socket.create_server(("127.0.0.1", 8888))
    except OSError:
        occupied = None  # somebody else's: as good
    try:
        with running_lab(folder, course / "notebooks") as lab:
            assert lab.url.startswith("http://127.0.0.1:")
            assert not lab.url.endswith(":8888/")
            kernel = _ask(lab.url + "api/kernels", lab.token, data=b'{"name": "python3"}')
            assert kernel["name"] == "python3"
            children = psutil.Process(lab.process.pid).children(recursive=True)
            assert children
            with pytest.raises(urllib.error.HTTPError, match="403"):
                _ask(lab.url + "api/kernels", token="")
            end(lab.process)
            _, alive = psutil.wait_procs(children, timeout=5)
            assert alive == []
            assert lab.process.returncode == 0
    finally:
        if occupied is not None:
            occupied.close()
    assert list((folder / "home").rglob("*")) == []


def _ask(url: str, token: str, data: bytes | None = None) -> dict[str, str]:
    request = urllib.request.Request(url, data=data, headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        content: dict[str, str] = json.load(answer)
    return content
