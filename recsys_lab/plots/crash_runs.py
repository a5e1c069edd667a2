"""Runs of a pipeline through crashes: one, moment by moment; hundreds, counted."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.style import BLUE, COLOURS, GREEN, INK, PURPLE, RED, Picture, picture

NAMES = {
    "at-most-once": "at most once",
    "at-least-once": "at least once",
    "keyed-writes": "at least once,\nkeyed writes",
    "exactly-once": "exactly once",
}
_WHERE = {
    "polled": "with a batch in hand",
    "record": "in the middle of a batch",
    "processed": "when a batch was worked on",
    "sent": "when the sink had the batch",
    "prepared": "just before a checkpoint was written",
    "committing": "after a checkpoint was written, before the sink was told",
    "committed": "between two batches",
}
_KINDS = (("lost", RED), ("doubled", COLOURS["stale"]), ("wrong", PURPLE))


def crash_run_sentence(table: pd.DataFrame) -> str:
    """What the crashes cost, in words. table: of `experiments.crash_run`."""
    crashes = table.loc[table["what"] == "crash", "point"]
    again = int((table.loc[table["what"] == "worked", "record"].value_counts() > 1).sum())
    seconds, calm = float(table["seconds"].iloc[0]), float(table["undisturbed"].iloc[0])
    said = f"{_finding(table)}. "
    if crashes.empty:
        return said + f"No crash came, and the run took {seconds:.0f} s."
    first = (
        f"The first came {_WHERE[crashes.iloc[0]]}. " if len(crashes) > 1 else f"It came {_WHERE[crashes.iloc[0]]}. "
    )
    work = (
        f"{again} record{'s were' if again != 1 else ' was'} worked on again"
        if again
        else "No record was worked on again"
    )
    return f"{said}{first}{work}; the run took {seconds:.0f} s instead of {calm:.0f}."


def crash_run(table: pd.DataFrame) -> Picture:
    """Above: how far the job was at each second. Below: how often the sink shows each result."""
    figure, (way, sink) = picture(_finding(table), rows=2, height=4.6)
    grid = figure.add_gridspec(2, 1, height_ratios=[6, 1])
    for place, ax in enumerate((way, sink)):
        ax.set_subplotspec(grid[place])
    _progress(way, table)
    _shown(sink, table[table["what"] == "shown"])
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=8, handletextpad=0.3, columnspacing=1.2)
    return figure


def crash_runs(table: pd.DataFrame) -> Picture:
    """A dot for each run: results lost, doubled and wrong, by guarantee. table: of `experiments.crash_runs`."""
    figure, axes = picture(_runs_finding(table), columns=3, height=1.5 + 0.55 * table["guarantee"].nunique())
    guarantees = list(table["guarantee"].unique())
    for ax, (kind, colour) in zip(axes, _KINDS, strict=True):
        most = max(10, int(table[kind].max()))
        for place, guarantee in enumerate(guarantees):
            runs = table.loc[table["guarantee"] == guarantee, kind]
            spread = [place + 0.3 * (((n * 37) % 41) / 20 - 1) for n in range(len(runs))]
            ax.scatter(runs, spread, s=9, color=colour if runs.max() else GREEN, alpha=0.45, linewidth=0)
            ax.text(1.48 * most, place, f"{int(runs.sum()):,}", ha="right", va="center", fontsize=9, color=INK)
        ax.text(1.48 * most, -0.62, "in all", ha="right", va="bottom", fontsize=8.5, color=INK)
        ax.set(
            xlim=(-0.04 * most, 1.5 * most), ylim=(len(guarantees) - 0.5, -0.6), xlabel=f"results {kind}, in one run"
        )
        ax.set_yticks(range(len(guarantees)), [NAMES[name] for name in guarantees] if ax is axes[0] else [])
        ax.grid(visible=False)
    return figure


def _progress(ax: Axes, table: pd.DataFrame) -> None:
    worked = table[table["what"] == "worked"]
    again = worked.duplicated("record")
    for rows, colour, label in ((worked[~again], BLUE, "worked on"), (worked[again], COLOURS["stale"], "once more")):
        ax.scatter(rows["second"], rows["record"] + 1, s=8, color=colour, linewidth=0, label=label)
    checkpoints = table[table["what"] == "checkpoint"]
    ax.scatter(
        checkpoints["second"],
        checkpoints["record"] + 1,
        marker="_",
        s=120,
        color=GREEN,
        linewidth=2.2,
        label="checkpoint",
    )
    reached = table["record"].where(table["what"] == "worked").ffill().fillna(0)
    crashes = table[table["what"] == "crash"]
    ax.scatter(
        crashes["second"],
        reached[crashes.index] + 1,
        marker="x",
        s=70,
        color=RED,
        linewidth=2.2,
        label="crash",
        zorder=4,
    )
    ax.set(xlabel="time (s)", ylabel="record", ylim=(0, table["record"].max() + 8))


def _shown(ax: Axes, shown: pd.DataFrame) -> None:
    looks = (
        ("once", shown["copies"] == 1, COLOURS["fresh"], 0.6),
        ("doubled", shown["copies"] > 1, COLOURS["stale"], 1.0),
        ("lost", shown["copies"] == 0, RED, 1.0),
    )
    for label, rows, colour, height in looks:
        if rows.any():
            ax.bar(shown["record"][rows] + 1, height, width=0.8, color=colour, label=label)
    wrong = shown["wrong"] > 0
    if wrong.any():
        ax.scatter(
            shown["record"][wrong] + 1,
            [1.25] * int(wrong.sum()),
            marker="v",
            s=9,
            color=PURPLE,
            linewidth=0,
            label="wrong count",
        )
    ax.set(xlabel="result for record …, as the sink shows it", ylim=(0, 1.5), yticks=(), xlim=(0, len(shown) + 1))
    ax.grid(visible=False)


def _finding(table: pd.DataFrame) -> str:
    shown = table[table["what"] == "shown"]
    crashes = int((table["what"] == "crash").sum())
    lost, doubled, wrong = (shown["copies"] == 0).sum(), (shown["copies"] - 1).clip(lower=0).sum(), shown["wrong"].sum()
    name = NAMES[str(table["guarantee"].iloc[0])].replace("\n", " ").capitalize()
    fate = f"{lost or 'none'} lost, {doubled or 'none'} doubled, {wrong or 'none'} wrong"
    return f"{name}, {crashes or 'no'} crash{'es' * (crashes != 1)}: {fate}"


def _runs_finding(table: pd.DataFrame) -> str:
    said = []
    clean = []
    for guarantee, runs in table.groupby("guarantee", sort=False):
        name = NAMES[str(guarantee)].replace("\n", " ").replace("at least once, ", "")
        verbs = (("loses", "lost"), ("doubles", "doubled"))
        bad = [f"{verb} {int(runs[kind].sum()):,}" for verb, kind in verbs if runs[kind].any()]
        if bad:
            said.append(f"{name} {' and '.join(bad)} results")
        else:
            clean.append(name)
    if clean:
        said.append(f"{' and '.join(clean)} none")
    crashes: Any = table["crashes"].sum()
    return f"{crashes:,} crashes: {', '.join(said)}"
