"""The job graph: what a program builds before anything runs.

Each transformation adds a node that knows what stands before it. Nothing is computed until the job is executed;
a runtime then walks the nodes in their order, which is an order in which every node comes after its inputs.
"""

from __future__ import annotations

from typing import Any

from recsys_lab.errors import JobError

COUNTERS = ("records_in", "records_out", "late_records")


class StreamOperator:
    """A node of the job graph.

    number: place in the graph, from 0. name: of the operator, unique. kind: such as "map" or "window".
    function: what the student gave, or None. upstream: the nodes before it. parallelism: into how many
    subtasks its keys are divided. options: everything else that a runtime needs to know. metrics: counters,
    kept by the runtime: records_in, records_out, late_records.
    """

    def __init__(
        self,
        number: int,
        kind: str,
        function: Any,
        upstream: tuple[StreamOperator, ...],
        parallelism: int,
        options: dict[str, Any],
    ) -> None:
        self.number = number
        self.kind = kind
        self.name = f"{kind}-{number}"
        self.function = function
        self.upstream = upstream
        self.parallelism = parallelism
        self.options = options
        self.metrics: dict[str, int] = dict.fromkeys(COUNTERS, 0)

    def __repr__(self) -> str:
        return f"StreamOperator({self.name!r}, kind={self.kind!r}, parallelism={self.parallelism})"

    def describe(self) -> dict[str, Any]:
        """The node as plain data, for a drawing or a widget."""
        return {
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "function": _name_of(self.function),
            "upstream": [node.number for node in self.upstream],
            "parallelism": self.parallelism,
            "chained": self.is_chained(),
            "metrics": dict(self.metrics),
        }

    def is_chained(self) -> bool:
        """Whether it runs in one chain with the node before it: nothing is redistributed in between."""
        if len(self.upstream) != 1 or self.kind == "source":
            return False
        before = self.upstream[0]
        return before.kind != "key_by" and (before.parallelism == self.parallelism or self.kind == "timestamps")


class JobGraph:
    """All nodes of a program, each after those before it."""

    def __init__(self) -> None:
        self.nodes: list[StreamOperator] = []

    def add(
        self,
        kind: str,
        function: Any,
        upstream: tuple[StreamOperator, ...],
        parallelism: int,
        **options: Any,
    ) -> StreamOperator:
        """A new node. Raises JobError when a node before it is of another program."""
        for before in upstream:
            if before not in self.nodes:
                raise JobError(
                    f"{before.name!r} belongs to another program; build a job from one FlinkStreamProcessor."
                )
        node = StreamOperator(len(self.nodes), kind, function, upstream, parallelism, options)
        self.nodes.append(node)
        return node

    def rename(self, node: StreamOperator, name: str) -> None:
        """Give a node another name, which no other node may have."""
        if (
            not isinstance(name, str)
            or not name
            or any(name == other.name for other in self.nodes if other is not node)
        ):
            raise JobError(f"operator name {name!r} is empty or taken; each operator needs a name of its own.")
        node.name = name

    def signature(self) -> list[str]:
        """What makes this job the same as another, for its checkpoints: kinds, names and connections."""
        return [
            f"{node.number} {node.kind} {node.name} <- {','.join(str(before.number) for before in node.upstream)}"
            for node in self.nodes
        ]

    def to_dot(self, title: str = "job") -> str:
        """The graph in Graphviz' language."""
        lines = [f"digraph {_quoted(title)} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
        for node in self.nodes:
            label = f"{node.name}\\n{node.kind} × {node.parallelism}"
            lines.append(f"  {node.number} [label={_quoted(label)}];")
            for before in node.upstream:
                style = "" if node.is_chained() else " [style=bold]" if before.kind == "key_by" else ""
                lines.append(f"  {before.number} -> {node.number}{style};")
        return "\n".join([*lines, "}"])

    def to_text(self) -> str:
        """The graph as text: one line a node, with what flows into it."""
        width = max((len(node.name) for node in self.nodes), default=0)
        lines = []
        for node in self.nodes:
            before = ", ".join(upstream.name for upstream in node.upstream)
            lines.append(
                f"{node.name:<{width}}  {node.kind} × {node.parallelism}" + (f"  ← {before}" if before else "")
            )
        return "\n".join(lines)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _name_of(function: Any) -> str | None:
    if function is None:
        return None
    name: str = getattr(function, "__name__", type(function).__name__)
    return name
