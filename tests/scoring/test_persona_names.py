"""Names and sentences of groups."""

import numpy as np
import pytest

from crm_pipeline.scoring.segmentation import persona_names
from crm_pipeline.scoring.segmentation.persona_features import Feature


def trait(name: str, role: str, high: str, low: str = "") -> Feature:
    return Feature(name, f"share of {name}", (), "", "linear", True, role, high, low)


TRAITS = (
    trait("orders", "adjective", "frequent", "occasional"),
    trait("spend", "adjective", "high-spending", "low-spending"),
    trait("returns", "adjective", "often-returning"),
    trait("store", "channel", "store"),
    trait("bakery", "category", "Bakery"),
    trait("deli", "category", "Deli"),
    trait("gifts", "category", "Gifts"),
)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ((1, 1, 0, 1, 0, 0, 0), "Frequent high-spending store shoppers"),
        ((-1, 0, 0, 0, 2, 1, 3), "Occasional shoppers: Bakery, Gifts"),
        ((0.5, 0.9, 0.7, 0, 0, 0, 0), "High-spending often-returning shoppers"),
        ((0, 0, -2, -2, -2, 0, 0), "Shoppers"),
        ((0.1, 0, 0, 0, 0, 0, 0), "Shoppers"),
    ],
)
def test_a_name_tells_what_sets_a_group_apart(differences, expected):
    assert persona_names.name(np.array(differences, dtype=float), TRAITS) == expected


def test_a_taken_name_gets_the_next_difference_and_then_a_number():
    differences = np.array([0.1, 0, 0, 0, 0, 0, 0])
    names: list[str] = []
    for _ in range(4):
        names.append(persona_names.name(differences, TRAITS, names))
    assert names == ["Shoppers", "Frequent shoppers", "Frequent shoppers (2)", "Frequent shoppers (3)"]


def test_a_sentence_gives_the_figures_of_what_differs_most():
    differences = np.array([0.4, 0, 0, 0, 0, 1.0, 0])
    said = persona_names.describe(differences, np.arange(7) / 10, np.full(7, 0.05), TRAITS)
    assert said == "What sets them apart: share of deli 0.5 (everybody 0.05); share of orders 0 (everybody 0.05)."


def test_people_like_everybody_are_said_to_be():
    assert persona_names.describe(np.zeros(7), np.ones(7), np.ones(7), TRAITS) == "They are much like everybody."
