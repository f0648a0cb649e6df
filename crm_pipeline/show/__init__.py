"""Plots and pages that model cards, explanations and the report share."""
