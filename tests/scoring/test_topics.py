"""Ticket topics: planted themes come out, rare words never name a topic, and one thread or four give the same."""

from datetime import timedelta

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from crm_pipeline.scoring.model import NotEnoughDataError, ScoringSettings
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.texts import topics
from crm_pipeline.scoring.texts.topics import TICKET_TOPICS, common_terms, ticket_topics
from tests.scoring.texts import AS_OF, warehouse

SETTINGS = ScoringSettings(as_of=AS_OF)
THEMES = {
    "en": ["parcel courier late", "refund money bank", "broken glass crushed", "password login account",
           "invoice address tax", "stock colour size", "voucher code discount", "store opening hours"],
    "zh": ["包裹快递", "退款银行", "杯子破碎", "密码登录", "发票地址", "颜色尺寸", "折扣优惠", "门店时间"],
}  # fmt: skip


def tickets(language="en", count=400, seed=1):
    """Return tickets of eight themes, larger ones first, by 100 people; each holds some words of its theme."""
    random = np.random.default_rng(seed)
    shares = np.arange(12, 4, -1) / np.arange(12, 4, -1).sum()
    rows = []
    for key in range(1, count + 1):
        theme = int(random.choice(8, p=shares))
        words = THEMES[language][theme]
        said = " ".join(random.permutation(words.split())) if language == "en" else words
        rows.append((key, key % 100 + 1, AS_OF - timedelta(days=key % 300), None, said, None, None, theme))
    return rows


def shop(rows, **options):
    return warehouse(tickets=[row[:7] for row in rows], **options)


@pytest.mark.parametrize("language", THEMES)
def test_planted_themes_are_the_topics(language):
    rows = tickets(language)
    table, statuses, plots = ticket_topics(shop(rows), SETTINGS)
    found = {status.model: status.status for status in statuses}
    other = {"en": "zh", "zh": "en"}[language]
    assert found == {f"topics_{language}": Status.OK, f"topics_{other}": Status.INSUFFICIENT_DATA}
    assert table.schema.equals(TICKET_TOPICS.schema)
    assert table["ticket_key"].to_pylist() == [row[0] for row in rows]
    assert normalized_mutual_info_score([row[7] for row in rows], table["topic_id"]) > 0.95
    assert list(plots) == [f"topics_{language}: tickets by topic"]


def test_labels_are_words_of_the_theme_and_the_largest_topic_comes_first():
    rows = tickets()
    frame = ticket_topics(shop(rows), SETTINGS)[0].to_pandas()
    themes = np.array([row[7] for row in rows])
    for theme, words in enumerate(THEMES["en"]):
        labels = set(frame["topic"][themes == theme])
        assert labels == {", ".join(sorted(words.split()))} or {frozenset(label.split(", ")) for label in labels} == {
            frozenset(words.split())
        }
    assert frame["topic_id"].value_counts().sort_index().is_monotonic_decreasing
    assert frame["share"].between(0, 1).all()


def test_a_word_of_few_people_is_no_term_however_often_they_write_it():
    bodies = ["parcel"] * 100 + ["secretname"] * 90 + ["stranger"] * 40
    people = [*range(100), *[number % 19 for number in range(90)], *[None] * 40]
    assert common_terms(bodies, people, "en") == ["parcel"]
    twenty = [*range(100), *[number % 20 for number in range(90)], *[None] * 40]
    assert common_terms(bodies, twenty, "en") == ["parcel", "secretname"]


def test_numbers_and_names_of_accounts_are_no_terms():
    bodies = ["order 12345 x_handle_1 parcel", "nothing at all"] * 30
    assert common_terms(bodies, list(range(60)), "en") == ["order", "parcel"]


def test_tickets_without_a_known_word_have_no_row():
    rows = [*tickets(), (999, 1, AS_OF, None, "Zymurgy quixotic", None, None, 0)]
    assert 999 not in ticket_topics(shop(rows), SETTINGS)[0]["ticket_key"].to_pylist()


def test_few_tickets_are_insufficient_data():
    table, statuses, _ = ticket_topics(shop(tickets(count=50)), SETTINGS)
    assert len(table) == 0
    assert [status.reason for status in statuses] == [
        "Needs 200 English tickets; has 50.",
        "Needs 200 Chinese tickets; has 0.",
    ]


def test_many_tickets_of_few_people_are_insufficient_data():
    rows = [(row[0], row[0] % 5, *row[2:]) for row in tickets()]
    with pytest.raises(NotEnoughDataError, match=r"Needs 8 terms that 20 people use in English tickets; has 0\."):
        topics.fit([row[4] for row in rows], [row[1] for row in rows], "en", 1)


def test_what_is_said_after_the_as_of_date_changes_nothing():
    rows = tickets()
    later = [(1000 + row[0], row[1], AS_OF + timedelta(days=1), *row[3:]) for row in rows[:200]]
    assert ticket_topics(shop(rows + later), SETTINGS)[0].equals(ticket_topics(shop(rows), SETTINGS)[0])


def test_threads_batches_and_the_order_of_rows_change_nothing(monkeypatch):
    once = ticket_topics(shop(tickets()), SETTINGS)[0]
    monkeypatch.setattr(topics.text, "BATCH_ROWS", 50)
    again = ticket_topics(shop(tickets()[::-1], threads=4), SETTINGS)[0]
    assert again.drop(["share"]).equals(once.drop(["share"]))
    assert np.allclose(again["share"], once["share"], rtol=0, atol=1e-9)
