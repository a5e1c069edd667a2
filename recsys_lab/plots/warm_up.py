"""From cold to warm: hit rate by how much of a customer is known."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import COLOURS, Picture, percent, picture


def warm_up(table: pd.DataFrame) -> Picture:
    """A line for each recommender. table: of `experiments.warm_up`."""
    rates = table.pivot(index="known", columns="recommender", values="hit_rate")
    first = rates.index[rates.index > 0][0]
    cold, warm = rates["ItemNeighbours"].loc[0], rates["ItemNeighbours"].loc[first]
    items = "one item" if first == 1 else f"{first} items"
    finding = f"A stranger's next item is shown {percent(cold)} of the time; with {items} known, {percent(warm)}"
    figure, (ax,) = picture(finding, height=3.2)
    places = range(len(rates))
    for name in map(str, rates.columns):
        rate, colour = 100 * rates[name], COLOURS[name]
        style = "-" if name == "ItemNeighbours" else "--"
        ax.plot(places, rate, color=colour, linewidth=2, marker="o", linestyle=style)
        end = (places[-1], rate.iloc[-1])
        ax.annotate(name, end, (8, 0), textcoords="offset points", va="center", color=colour)
    ax.set_xticks(places, [str(known) for known in rates.index])
    ax.set(xlabel="items of the customer known so far", ylabel="next item among the ten shown (%)", ylim=(0, None))
    ax.margins(y=0.15)
    return figure
