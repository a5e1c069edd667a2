"""The map of the package is drawn from the truth."""

from __future__ import annotations

import grimp

from recsys_lab.study import course


def test_every_arrow_of_the_map_is_an_import() -> None:
    graph = grimp.build_graph("recsys_lab", cache_dir=None)

    def modules_of(part: str) -> set[str]:
        return {f"recsys_lab.{part}", *graph.find_descendants(f"recsys_lab.{part}")}

    for row in course.parts().itertuples():
        for user in row.used_by:
            imported = {
                target for module in modules_of(user) for target in graph.find_modules_directly_imported_by(module)
            }
            assert modules_of(str(row.part)) & imported, f"{user} does not use {row.part}"
