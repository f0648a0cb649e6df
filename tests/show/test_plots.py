"""Plots are well-formed, deterministic pictures that name what they show."""

from datetime import date
from xml.etree import ElementTree

import numpy as np
import pytest

from crm_pipeline.scoring import backtest_plots
from crm_pipeline.scoring.outcome import Backtest
from crm_pipeline.show import plots

ROWS = [
    Backtest("churn", date(2023, month, 1), name, name == "recency", "auc", 0.6 + month / 100, 50)
    for month in (1, 2)
    for name in ("logistic", "recency")
]
LABELS = np.array([0, 1] * 20)
PICTURES = {
    "auc": lambda: backtest_plots.backtest_bars(ROWS, "auc"),
    "observed share": lambda: backtest_plots.calibration_curve(np.linspace(0, 1, 40), LABELS),
    "share of churners reached": lambda: backtest_plots.gains_curve({"logistic": np.arange(40.0)}, LABELS, "churners"),
    "days": lambda: plots.histogram("Recency", "days", np.array([1.0, 2.0, np.nan])),
    "store share": lambda: plots.heat_map("Personas", ["a", "b"], ["store share"], np.array([[1.0], [-2.0]])),
}


@pytest.mark.parametrize("said", PICTURES)
def test_a_plot_is_a_well_formed_picture_that_says_what_it_shows(said):
    svg = PICTURES[said]()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert said in svg


@pytest.mark.parametrize("said", PICTURES)
def test_the_same_figures_give_the_same_picture(said):
    assert PICTURES[said]() == PICTURES[said]()


def test_baselines_are_grey():
    assert PICTURES["auc"]().count(f"fill: {plots.GREY}") == 3  # two bars and the legend
