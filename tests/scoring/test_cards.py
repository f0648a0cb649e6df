"""Model cards: whole pages that say how far to trust a model."""

from datetime import date
from html.parser import HTMLParser

import pytest

from crm_pipeline.scoring import cards
from crm_pipeline.scoring.outcome import Backtest, ModelStatus, Report, Status

AS_OF = date(2023, 6, 30)
ROWS = (
    Backtest("churn", AS_OF, "logistic", False, "auc", 0.75, 50),
    Backtest("churn", AS_OF, "recency", True, "auc", 0.625, 50),
)


def made(status=Status.OK, **card):
    said = ModelStatus("churn", status, None if status is Status.OK else "Because.", "v1", "logistic", AS_OF)
    return Report(said, ROWS, card, {"plot": '<?xml version="1.0"?><svg><title>AUC</title></svg>'})


def test_a_card_shows_candidate_and_baseline_side_by_side():
    page = cards.page("churn", made(), AS_OF)
    assert "0.75" in page
    assert '<tr class="baseline"><td>recency</td><td class="number">0.625</td>' in page


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_sentence(status):
    page = cards.page("churn", made(status), AS_OF)
    assert ('class="ok"' in page) is (status is Status.OK)


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ({"recency": 0.01, "frequency": 0.01}, "0 inputs are"),
        ({"recency": 0.4, "frequency": 0.01}, "1 input is"),
        ({"recency": 0.4, "frequency": 0.3}, "2 inputs are"),
    ],
)
def test_moved_inputs_are_counted(drift, said):
    assert said in cards.page("churn", made(drift=drift), AS_OF)


def test_the_most_moved_input_is_shown():
    assert "0.400" in cards.page("churn", made(drift={"recency": 0.4, "frequency": 0.01}), AS_OF)


def test_a_page_needs_nothing_else_and_is_closed():
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open_tags, self.loads = [], []

        def handle_starttag(self, tag, attrs):
            self.loads += [value for name, value in attrs if name in {"src", "href"}]
            if tag not in {"meta", "img"}:
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    reader = Reader()
    reader.feed(cards.page("churn", made(schema=["<recency>"]), AS_OF))
    assert reader.open_tags == []
    assert [loaded.split(":")[0] for loaded in reader.loads] == ["data"]


def test_markdown_has_a_line_per_candidate():
    assert cards.backtest_markdown(ROWS).splitlines() == [
        "| candidate | auc |",
        "| --- | --- |",
        "| logistic | 0.75 |",
        "| recency | 0.625 |",
    ]
