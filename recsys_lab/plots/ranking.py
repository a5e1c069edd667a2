"""Two rankings of the same candidates: what each score is made of, and what is left of the order with other seeds."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from recsys_lab.plots.style import BLUE, COLOURS, FAINT, GREY, INK, PURPLE, YELLOW, Picture, picture

LONGEST_BAR = 1.2
TITLES = {"textbook": "the textbook's rule", "ours": "ours"}
COLOUR_OF_RULE = {"textbook": COLOURS["TextbookRanking"], "ours": COLOURS["ItemNeighbours"]}

_PARTS = {
    "start": ("base × retrieval", "#BDBDBD"),
    "recent interactions": ("recent interactions", BLUE),
    "context": ("context", PURPLE),
    "exploration": ("exploration (random)", YELLOW),
}


def ranking_sentence(table: pd.DataFrame) -> str:
    """What `experiments.ranking` shows, in words."""
    scores = table[table["rule"] == "textbook"].groupby("place")["score"].first()
    chance = table["group"].eq("exploration").any()
    if scores.nunique() == 1:
        theirs = f"The textbook gives all candidates {scores.iloc[0]:.3f}, listed by item code"
    elif chance:
        theirs = "Take away chance, and all of the textbook's scores are equal"
    else:
        theirs = f"The textbook's scores lie {_spread(table, 'textbook'):.2f} apart"
    if _spread(table, "ours") == 0:
        return f"{theirs}; so are ours, as nothing is known yet"
    return f"{theirs}; ours differ by {_spread(table, 'ours'):.2f}"


def ranking(table: pd.DataFrame) -> Picture:
    """The best candidates by each rule, their scores in parts that add up. table: of `experiments.ranking`."""
    figure, axes = picture(ranking_sentence(table), columns=2, height=4.7)
    for ax, (rule, rows) in zip(axes, table.groupby("rule", sort=False), strict=True):
        items = [(int(best["place"].iloc[0]), best) for _, best in rows.groupby("place")]
        for place, factors in items:
            _bar(ax, place, factors)
        ax.set_title(TITLES[str(rule)], loc="left", fontsize=10, color=COLOUR_OF_RULE[str(rule)], fontweight="bold")
        ax.set(
            xlabel="score (0 to 1)",
            xlim=(0, LONGEST_BAR),
            ylim=(len(items) + 0.5, 0.35),
            xticks=(0, 0.25, 0.5, 0.75, 1),
        )
        ax.axvline(1, color=FAINT, linewidth=1, zorder=0)
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.spines["left"].set_visible(False)
    handles = [Patch(facecolor=colour, label=label) for label, colour in _PARTS.values()]
    handles.append(Patch(facecolor="white", edgecolor=GREY, hatch="/////", label="taken away"))
    figure.legend(handles=handles, loc="outside lower left", fontsize=8, frameon=False, ncols=5)
    return figure


def reseeded(table: pd.DataFrame, staying: pd.Series) -> Picture:
    """A row for each candidate, a column for each seed: dark where it is among the ten shown.

    table: of `experiments.reseeded`; staying: of `experiments.staying`.
    """
    finding = (
        f"With another seed {staying['textbook']:.0f} of 10 items stay on the textbook's list, "
        f"{staying['ours']:.0f} of 10 on ours"
    )
    figure, axes = picture(finding, columns=2, height=3.6)
    for ax, (rule, rows) in zip(axes, table.groupby("rule", sort=False), strict=True):
        shown = (rows.pivot(index="item_id", columns="seed", values="place") > 0).astype(float)
        often = shown.sum(axis="columns")
        order = sorted(shown.index, key=lambda item_id: (-often[item_id], item_id))
        colour = COLOUR_OF_RULE[str(rule)]
        ax.pcolormesh(
            shown.loc[order].to_numpy(),
            cmap=ListedColormap(["#F3F3F3", colour]),
            vmin=0,
            vmax=1,
            edgecolors="white",
            linewidth=0.3,
        )
        ax.set_title(TITLES[str(rule)], loc="left", fontsize=10, color=colour, fontweight="bold")
        ax.set(xlabel="seed of the random term", ylabel="candidates, most often shown on top", ylim=(len(order), 0))
        ax.grid(visible=False)
    return figure


def _bar(ax: Axes, place: int, factors: pd.DataFrame) -> None:
    """One candidate: its name, its parts one after the other, and a tick where they end up."""
    effects = factors.groupby("group", sort=False)["effect"].sum()
    parts = {"start": effects.get("base", 0.0) + effects.get("retrieval", 0.0), **effects}
    left = 0.0
    for part, (_, colour) in _PARTS.items():
        width = parts.get(part, 0.0)
        if width < 0:  # what it takes away, hatched over what was there
            look: dict[str, Any] = {"color": "white", "edgecolor": GREY, "hatch": "/////", "linewidth": 0}
        else:
            look = {"color": colour, "edgecolor": "white", "linewidth": 0.4}
        ax.barh(place + 0.18, width, left=left, height=0.36, **look)
        left += width
    score = factors["score"].iloc[0]
    ax.plot([score, score], [place - 0.05, place + 0.41], color=INK, linewidth=1.8, zorder=3)
    cut = f"{left:.2f} → {score:.2f}" if "clamped" in effects else f"{score:.3f}"
    ax.text(LONGEST_BAR, place - 0.16, cut, ha="right", va="center", fontsize=8, color=INK)
    name = textwrap.shorten(str(factors["name"].iloc[0]), 36, placeholder=" …")
    ax.text(0, place - 0.16, f"{place}  {name}", va="center", fontsize=8, color=INK)


def _spread(table: pd.DataFrame, rule: str) -> float:
    return float(table.loc[table["rule"] == rule, "spread"].iloc[0])
