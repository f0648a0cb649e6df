"""Plots of personas that have little to show."""

import numpy as np
import pyarrow as pa

from crm_pipeline.faults import guard
from crm_pipeline.scoring.segmentation import persona_plots, persona_quality, persona_tables


def test_people_who_differ_in_one_trait_only_are_drawn_in_a_line():
    points = np.arange(40.0)[:, None]
    assert persona_plots.people(points, (np.arange(40) // 20), ["one", "other"]).startswith("<?xml")


def test_two_people_are_drawn():
    assert persona_plots.people(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1]), ["one", "other"])


def test_a_plot_of_personas_that_cannot_be_drawn_leaves_the_others():
    tables = {
        "persona_profiles": pa.table({"persona_number": [1, 2], "persona": ["one", "other"]}),
        "persona_choices": persona_tables.CHOICES.empty(),
        "persona_traits": persona_tables.TRAITS.empty(),
        "persona_tree": pa.table({"one": ["1"], "other": ["3"], "distance": [1.0], "personas": [2]}),
        "group_migration": persona_quality.MIGRATION.empty(),
    }
    with guard.watched() as faults:
        drawn = persona_plots.plots(tables, np.arange(40.0)[:, None], np.arange(40) // 20)
    assert "People and personas" in drawn
    assert "Which personas are alike" not in drawn
    assert "The plot 'Which personas are alike' failed (KeyError); the traceback is in the log of the run." in faults
