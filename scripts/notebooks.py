"""Run notebooks from top to bottom and save their outputs: a second run changes pictures of measured times alone.

    python scripts/notebooks.py notebooks/*.ipynb

Widgets keep their state in the notebook, so that their picture is there where no kernel runs. Jupyter gives
them random ids and notes when each cell ran; here ids are numbered as they appear, and times left out.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SECONDS_PER_CELL = 120
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def main(paths: list[str]) -> int:
    """Run each notebook in its own folder and kernel; a failing cell ends it, and nothing is saved."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RECSYS_LAB_PROGRESS"] = str(Path(folder) / "progress.json")  # of someone who begins
        for path in map(Path, paths):
            print(f"{path} ...", end=" ", flush=True)
            started = time.perf_counter()
            path.write_text(executed(path), encoding="utf-8")
            print(f"{time.perf_counter() - started:.1f} s")
    return 0


def executed(path: Path) -> str:
    """The text of the notebook file after a run. Raises nbclient's CellExecutionError when a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        store_widget_state=True,
        coalesce_streams=True,  # what a cell prints slowly is one text as well
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not which Python it was this time
    _number_widgets(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _number_widgets(notebook: dict[str, Any]) -> None:
    """Number the widgets that cells show, in order of appearance, and drop the state of all others."""
    state = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    order = _models_named_in(notebook["cells"], state)
    for model in order:  # and from there along the references between widgets; the list grows as it is read
        order += [found for found in _models_named_in(state[model], state) if found not in order]
    text = json.dumps([notebook["cells"], {model: state[model] for model in order}])
    for number, model in enumerate(order, start=1):
        text = text.replace(model, f"{number:032x}")
    notebook["cells"], numbered = json.loads(text)
    if state:
        notebook["metadata"]["widgets"][WIDGET_STATE]["state"] = numbered


def _models_named_in(part: object, state: Collection[str]) -> list[str]:
    found = re.findall(r"[0-9a-f]{32}", json.dumps(part))
    return list(dict.fromkeys(model for model in found if model in state))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
