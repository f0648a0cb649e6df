"""Plots of the segmentation, as SVG texts."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
from scipy.cluster.hierarchy import dendrogram
from sklearn.decomposition import PCA

from crm_pipeline.faults import guard
from crm_pipeline.scoring.learning import one_thread
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation.persona_features import Ints
from crm_pipeline.show.plots import COLOURS, curve, drawing, heat_map

DRAWN_PEOPLE = 1_000
DRAWN_TRAITS = 16


def plots(tables: Mapping[str, pa.Table], points: Floats, places: Ints) -> dict[str, str]:
    """Return all plots that can be drawn, by title.

    Args:
        tables: those that a run stores, by name.
        points: coordinates of a sample of people.
        places: their personas, as places among the ids in ascending order.
    """
    names = dict(
        zip(*(tables["persona_profiles"][name].to_pylist() for name in ("persona_number", "persona")), strict=True)
    )
    found: dict[str, Callable[[], str]] = {
        "Number of personas": lambda: choices(tables["persona_choices"]),
        "Personas": lambda: personas(tables["persona_traits"]),
        "Which personas are alike": lambda: tree(tables["persona_tree"], names),
        "People and personas": lambda: people(points, places, list(names.values())),
    }
    moved = tables["group_migration"]
    for kind in sorted(set(moved["kind"].to_pylist())):
        found[f"Migration: {kind}"] = partial(migration, moved, kind)
    return guard.drawn(found)


def choices(measured: pa.Table) -> str:
    """Return silhouette and stability by number of personas."""
    numbers = measured["personas"].to_pylist()
    lines = {name: list(zip(numbers, measured[name].to_pylist(), strict=True)) for name in ("silhouette", "stability")}
    return curve("Number of personas", "personas", "index", lines, markers=True)


def personas(traits: pa.Table) -> str:
    """Return how far the personas' means lie from everybody's, for the traits that differ most."""
    rows = traits.to_pylist()
    personas = sorted({row["persona_number"] for row in rows})
    most: dict[str, float] = {}
    for row in rows:
        most[row["trait"]] = max(most.get(row["trait"], 0.0), round(abs(row["difference"]), 6))
    shown = sorted(most, key=lambda trait: -most[trait])[:DRAWN_TRAITS]
    cells = {(row["persona_number"], row["trait"]): row["difference"] for row in rows}
    values = np.array([[cells[persona, trait] for trait in shown] for persona in personas])
    names = {row["persona_number"]: row["persona"] for row in rows}
    return heat_map(
        "Difference from everybody, in standard deviations", [names[one] for one in personas], shown, values
    )


def tree(merges: pa.Table, names: Mapping[int, str]) -> str:
    """Return the merges of personas as a dendrogram."""
    number = {str(persona): place for place, persona in enumerate(sorted(names))}
    linkage = []
    for row in merges.to_pylist():
        group = " + ".join(map(str, sorted(int(one) for one in f"{row['one']} + {row['other']}".split(" + "))))
        linkage.append([number[row["one"]], number[row["other"]], row["distance"], row["personas"]])
        number[group] = len(number)
    with drawing("Which personas are alike", 6.5, 1.2 + 0.35 * len(names)) as made:
        labels = [names[persona] for persona in sorted(names)]
        dendrogram(
            np.array(linkage),
            labels=labels,
            orientation="left",
            ax=made.axes,
            color_threshold=0,
            above_threshold_color=COLOURS[0],
        )
        made.axes.set_xlabel("distance at which they merge")
        return made.svg


def people(points: Floats, places: Ints, names: list[str]) -> str:
    """Return a sample of people on the two main components of their places; in a line where they differ in one only."""
    rows = np.linspace(0, len(points) - 1, min(len(points), DRAWN_PEOPLE)).astype(np.int64)
    flat = np.zeros((len(rows), 2))
    components = min(2, *points.shape)
    with one_thread():
        flat[:, :components] = PCA(components, svd_solver="full").fit_transform(points)[rows]
    with drawing("People by their two main components", 6.5, 4.2) as made:
        for place, name in enumerate(names):
            chosen = places[rows] == place
            made.axes.scatter(
                flat[chosen, 0], flat[chosen, 1], s=8, label=name, color=COLOURS[place % len(COLOURS)], alpha=0.7
            )
        made.axes.legend(frameon=False, fontsize=7)
        return made.svg


def migration(moved: pa.Table, kind: str) -> str:
    """Return the shares of each earlier group (rows) that went to each later one."""
    rows = [row for row in moved.to_pylist() if row["kind"] == kind]
    before, after = (sorted({row[side] for row in rows}) for side in ("from_group", "to_group"))
    people_ = np.zeros((len(before), len(after)))
    for row in rows:
        people_[before.index(row["from_group"]), after.index(row["to_group"])] = row["people"]
    return heat_map(
        "Share of each earlier group, in percent",
        before,
        after,
        100 * people_ / people_.sum(axis=1, keepdims=True),
        "{:.0f}",
    )
