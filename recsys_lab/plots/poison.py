"""A record that always fails: how far each way of living with it comes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.style import BLUE, GREEN, GREY, ORANGE, RED, Picture, picture

_LOOKS: dict[str, dict[str, Any]] = {
    "done": {"color": BLUE, "marker": "o", "s": 22},
    "failed": {"color": RED, "marker": "x", "s": 42, "linewidth": 1.8},
    "dropped": {"color": ORANGE, "marker": "v", "s": 60},
    "set aside": {"color": GREEN, "marker": "s", "s": 48},
}


def poison(table: pd.DataFrame) -> Picture:
    """A panel for each way: the record at hand at each second. table: of `experiments.poison`."""
    ways: list[Any] = list(table.groupby("way", sort=False))
    figure, axes = picture(_finding(table), columns=len(ways), height=3.5)
    for ax, (way, rows) in zip(axes, ways, strict=True):
        ax.plot(rows["second"], rows["record"], color=GREY, linewidth=0.8, zorder=1)
        for fate, look in _LOOKS.items():
            some = rows[rows["fate"] == fate]
            ax.scatter(
                some["second"],
                some["record"],
                zorder=2 + (fate != "done"),
                label=fate if ax is axes[0] else None,
                **look,
            )
        end = "to the end" if rows["ended"].all() else f"stuck; gives up after {rows['restarts'].iloc[0]} restarts"
        ax.set_title(f"{way}\n{end}", fontsize=9.5, loc="left")
        ax.set(xlabel="time (s)", xlim=(0, table["second"].max() + 2), ylim=(0, table["record"].max() + 2))
    axes[0].set_ylabel("record at hand")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=4, handletextpad=0.2)
    return figure


def _finding(table: pd.DataFrame) -> str:
    stuck = table[~table["ended"]]
    dropped = int((table["fate"] == "dropped").sum())
    aside = int((table["fate"] == "set aside").sum())
    said = []
    if not stuck.empty:
        said.append(f"One poison record stops the job at record {stuck['record'].max()}")
    said.append(f"dropping loses {dropped} records without a word")
    said.append(f"setting aside keeps {aside} for inspection")
    return "; ".join(said)
