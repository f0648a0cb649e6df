"""Sentiment: lexicons, shipped classifiers, the shop's own that has to beat them, and nothing read ahead of time."""

# Chinese has its own commas and full stops.
# ruff: noqa: RUF001

from datetime import date, timedelta

import numpy as np
import pytest

from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import NotEnoughDataError, SchemaMismatchError, ScoringSettings
from crm_pipeline.scoring.texts import readers, sentiment, sentiment_lexicon, shipped_classifier, text
from crm_pipeline.scoring.texts.sentiment import (
    CLASSIFIER,
    CUSTOMER_SENTIMENT,
    LEXICON,
    NOT_SUPPORTED,
    TEXT_SENTIMENT,
    Sentiment,
)
from tests.scoring.texts import AS_OF, warehouse

SETTINGS = ScoringSettings(as_of=AS_OF)
ENGLISH = Sentiment("en")
# Words of a trade that no general lexicon knows: what is praised and what is blamed.
PRAISE = ("arrived the next morning", "the weave is tight", "fits like a glove", "second pair already ordered")
BLAME = ("still sitting in the depot", "the seam came undone", "runs two sizes small", "went straight back to the shop")
NOISE = ("Ordered on Monday", "Bought for my brother", "The blue one", "From the spring catalogue", "Size ten")


def answers(count=600, seed=1, language="en"):
    """Return survey answers whose comments follow their score in words of the trade."""
    random = np.random.default_rng(seed)
    rows = []
    for key in range(1, count + 1):
        good = random.random() < 0.6
        comment = f"{random.choice(NOISE)}: {random.choice(PRAISE if good else BLAME)}"
        said = AS_OF - timedelta(days=int(random.integers(0, 900)))
        rows.append((key, key % 90 + 1, said, comment, 0.9 if good else 0.1))
    return rows


@pytest.fixture(scope="module")
def shop():
    return warehouse(answers=answers())


@pytest.fixture(scope="module")
def prepared(shop):
    return ENGLISH.prepare(shop, SETTINGS)


@pytest.fixture(scope="module")
def scores(shop, prepared):
    return ENGLISH.score(shop, ENGLISH.fit(prepared, CLASSIFIER, SETTINGS), "v1", SETTINGS)


def scored_as_shipped(connection, settings=SETTINGS):
    empty = {language: TEXT_SENTIMENT.empty() for language in text.LANGUAGES}
    return sentiment.text_sentiment(connection, empty, settings)


def shipped_tone(said, language="en"):
    return readers.shipped(language).read([said])[0, 0]


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        ("质量很好，非常满意", 1),
        ("物超所值，强烈推荐！", 1),
        ("还不错", 1),
        ("太差了，非常失望", -1),
        ("东西不好，我不喜欢", -1),
        ("服务差，没人回复", -1),
        ("没有问题", 1),
        ("今天星期三", 0),
    ],
)
def test_chinese_words_have_their_sign_and_a_negation_turns_it(said, sign):
    assert np.sign(sentiment_lexicon.chinese(said)) == sign


def test_stronger_chinese_words_weigh_more_within_bounds():
    values = [sentiment_lexicon.chinese(said) for said in ("快捷", "满意", "太棒了", "太棒了" * 50)]
    assert values == sorted(values)
    assert values[0] > 0
    assert values[-1] <= 1
    assert sentiment_lexicon.chinese("满意") == pytest.approx(2 / 19**0.5)


def test_each_chinese_term_alone_has_the_valence_of_its_sign():
    valences, _ = sentiment_lexicon._chinese_terms()
    assert len(valences) > 200
    for term, valence in valences.items():
        assert sentiment_lexicon.chinese(term) == pytest.approx(valence / (valence**2 + 15) ** 0.5), term


def test_english_words_have_the_score_that_vader_publishes():
    assert sentiment_lexicon.english("VADER is smart, handsome, and funny.") == pytest.approx(0.8316)
    assert sentiment_lexicon.english("VADER is not smart, handsome, nor funny.") == pytest.approx(-0.7424)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("The box was crushed", "en"),
        ("Great quality!", "en"),
        ("😍 #harbourfinch", "en"),
        ("茶壶到货时已经碎了", "zh"),
        ("我的 iPhone 壳很好看", "zh"),
        ("Love the 港湾雀 teapot from your new spring collection", "en"),
        ("Die Lieferung ist nicht gekommen und ich warte", "other"),
        ("Le colis est en retard et je ne suis pas contente", "other"),
        ("El paquete no es el mio y las tazas son una pena", "other"),
        ("Produto bom, chegou antes do prazo", "other"),
        ("Muy contento con la compra", "other"),
        ("Schnelle Lieferung, gerne wieder", "other"),
        ("Très déçu", "other"),
        ("Ottimo prodotto, spedizione veloce", "other"),
        ("Sản phẩm rất tốt", "other"),
        ("Love my café au lait cup", "en"),
        ("Fast shipping", "en"),
        ("とても良いです", "other"),
        ("Очень плохо", "other"),
        ("😡 !!! 12345", "other"),
    ],
)
def test_languages_are_told_apart(said, language):
    table = scored_as_shipped(warehouse(answers=[(1, 1, AS_OF, said, None)]))
    assert table["language"].to_pylist() == [language]


def test_the_classifier_beats_a_lexicon_that_does_not_know_the_trade(prepared):
    rounds = list(ENGLISH.rounds(prepared, SETTINGS))
    verdict = contest_result(ENGLISH, rounds)
    assert [one.origin for one in rounds] == [AS_OF - timedelta(days=days) for days in (540, 360, 180)]
    assert (verdict.champion, verdict.refusal) == (CLASSIFIER, None)
    assert verdict.means[CLASSIFIER]["auc"] > 0.99 > verdict.means[LEXICON]["auc"] + 0.2
    assert verdict.means[sentiment.CONSTANT]["auc"] == 0.5


def test_where_ratings_say_nothing_of_the_words_the_model_is_refused():
    random = np.random.default_rng(4)
    shuffled = [(*row[:4], float(random.choice([0.1, 0.9]))) for row in answers()]
    model = Sentiment("en")
    found = model.prepare(warehouse(answers=shuffled), SETTINGS)
    verdict = contest_result(model, list(model.rounds(found, SETTINGS)))
    assert verdict.means[CLASSIFIER]["auc"] == pytest.approx(0.5, abs=0.1)


def test_an_origin_learns_only_from_texts_said_before_it_and_is_tested_on_the_half_year_after(prepared):
    for origin, before, after in sentiment._splits(prepared, AS_OF):
        assert before.said_on.max() <= np.datetime64(origin) < after.said_on.min()
        assert after.said_on.max() <= np.datetime64(origin + timedelta(days=180))


def test_the_classifier_reads_the_tone_of_each_text(shop, scores):
    truth = dict(shop.sql("select response_key, score_share from customer.fct_survey_responses").fetchall())
    frame = scores.to_pandas()
    assert scores.schema.equals(TEXT_SENTIMENT.schema)
    assert frame["sentiment"].between(-1, 1).all()
    assert (frame["label"] == frame["text_key"].map(truth).map({0.9: "positive", 0.1: "negative"})).mean() > 0.98


def test_where_no_middling_text_was_learnt_from_the_neutral_tone_is_what_lies_near_zero():
    assert readers.by_band(np.array([-0.05, -0.04, 0.0, 0.04, 0.05]), 0.05)[:, 1].tolist() == [-1, 0, 0, 0, 1]
    shares = np.array([[0.7, 0.3], [0.6, 0.4], [0.3, 0.7]])
    assert readers.by_probability(shares, [-1, 1]).tolist() == [[-0.4, -1], [-0.2, 0], [0.4, 1]]


def test_of_three_known_tones_the_likeliest_is_named():
    shares = np.array([[0.2, 0.5, 0.3], [0.2, 0.3, 0.5]])
    assert readers.by_probability(shares, [-1, 0, 1]) == pytest.approx(np.array([[0.1, 0], [0.3, 1]]))


def test_middling_texts_are_a_tone_that_the_shop_s_own_classifier_learns():
    lukewarm = [
        (10_000 + key, key, AS_OF - timedelta(days=key * 3), f"{NOISE[key % 5]}: it does what it says on the tin", 0.6)
        for key in range(200)
    ]
    shop = warehouse(answers=answers() + lukewarm)
    found = ENGLISH.prepare(shop, SETTINGS)
    verdict = contest_result(ENGLISH, list(ENGLISH.rounds(found, SETTINGS)))
    table = ENGLISH.score(shop, ENGLISH.fit(found, CLASSIFIER, SETTINGS), "v1", SETTINGS).to_pandas()
    assert verdict.means[CLASSIFIER]["tone_recall"] > 0.9 > verdict.means[LEXICON]["tone_recall"]
    assert (table["label"][table["text_key"] >= 10_000] == "neutral").mean() > 0.98


def test_the_middle_of_the_scale_is_neither_good_nor_bad():
    rated = [(key, 1, AS_OF, "Size ten", share) for key, share in enumerate((0.0, 0.49, 0.5, 0.74, 0.75, 1.0), 1)]
    with pytest.raises(NotEnoughDataError, match=r"has 2 and 2\.$"):
        ENGLISH.prepare(warehouse(answers=rated), SETTINGS)


def test_few_rated_texts_are_insufficient_and_the_shipped_classifier_speaks_without_a_version():
    connection = warehouse(answers=[(1, 7, AS_OF, "I am very happy, thank you", 1.0)])
    with pytest.raises(NotEnoughDataError, match="Needs 50 English texts with a good and 50 with a bad rating"):
        ENGLISH.prepare(connection, SETTINGS)
    (row,) = scored_as_shipped(connection).to_pylist()
    assert (row["label"], row["model_version"]) == ("positive", None)
    assert row["sentiment"] == pytest.approx(shipped_tone("I am very happy, thank you"))


def test_a_languages_own_scores_take_the_place_of_the_shipped_classifier(shop, scores):
    empty = TEXT_SENTIMENT.empty()
    table = sentiment.text_sentiment(shop, {"en": scores, "zh": empty}, SETTINGS)
    assert table.equals(scores)


def test_every_text_with_words_has_one_row_and_other_languages_no_sentiment():
    connection = warehouse(
        mentions=[(5, None, AS_OF, "这家店很棒", 5.0)],
        answers=[(3, 1, AS_OF, "Fine", 0.8), (4, 1, AS_OF, None, 0.8), (6, 1, AS_OF, "  ", 0.8)],
        tickets=[
            (2, 1, AS_OF, "Broken", None, None, None),
            (1, 2, AS_OF, None, "Bardzo źle, Привет мир, всё плохо", 1, None),
        ],
    )
    table = scored_as_shipped(connection).to_pylist()
    assert [(row["source"], row["text_key"], row["language"]) for row in table] == [
        ("social", 5, "zh"),
        ("survey", 3, "en"),
        ("ticket", 1, "other"),
        ("ticket", 2, "en"),
    ]
    assert (table[2]["sentiment"], table[2]["label"]) == (None, NOT_SUPPORTED)
    assert table[0]["customer_key"] is None


def test_a_tickets_rating_is_known_when_it_is_resolved_and_not_before():
    day = AS_OF - timedelta(days=10)
    resolved = [(1, 1, day, "Help", "me", 5, AS_OF), (2, 1, day, "Help", "me", 5, AS_OF + timedelta(days=1))]
    table = text.rated(warehouse(tickets=resolved), "en", SETTINGS)
    assert table["text_key"].to_pylist() == [1]
    assert table["rating"].to_pylist() == [1.0]


def test_what_is_said_after_the_as_of_date_changes_nothing():
    as_of = AS_OF - timedelta(days=100)
    asked = ScoringSettings(as_of=as_of)
    rows = answers()
    now, then = warehouse(answers=rows), warehouse(answers=[row for row in rows if row[2] <= as_of])
    tables = []
    for connection in (now, then):
        fitted = ENGLISH.fit(ENGLISH.prepare(connection, asked), CLASSIFIER, asked)
        tables.append(ENGLISH.score(connection, fitted, "v1", asked))
    assert len(tables[0]) == sum(row[2] <= as_of for row in rows)
    assert tables[0].equals(tables[1])


def test_threads_batches_and_the_order_of_rows_change_nothing(monkeypatch, scores):
    monkeypatch.setattr(text, "BATCH_ROWS", 64)
    other = warehouse(answers=answers()[::-1], threads=4)
    fitted = ENGLISH.fit(ENGLISH.prepare(other, SETTINGS), CLASSIFIER, SETTINGS)
    again = ENGLISH.score(other, fitted, "v1", SETTINGS)
    assert again.drop(["sentiment"]).equals(scores.drop(["sentiment"]).combine_chunks())
    assert np.allclose(again["sentiment"], scores["sentiment"], rtol=0, atol=1e-9)


def test_a_fixed_share_of_all_times_is_learned_from_where_there_are_too_many_texts(shop):
    few, more = (text.rated(shop, "en", ScoringSettings(as_of=AS_OF, training_rows=rows)) for rows in (200, 400))
    assert 100 < len(few) < 300 < len(more) < 500
    assert set(few["text_key"].to_pylist()) < set(more["text_key"].to_pylist())
    days = few["said_on"].to_pylist()
    assert days == sorted(days)
    assert days[-1] - days[0] > timedelta(days=365)


def test_equal_texts_are_read_once_and_told_of_each():
    asked = []

    def lengths(bodies):
        asked.extend(bodies)
        return np.array([[len(body), 1] for body in bodies])

    assert text.read_once(["aa", "b", "aa"], lengths).tolist() == [[2, 1], [1, 1], [2, 1]]
    assert asked == ["aa", "b"]


def test_a_persons_year_is_a_mean_a_count_and_recent_complaints():
    mine = [
        (1, 7, AS_OF, "I love it, wonderful", None),
        (2, 7, AS_OF - timedelta(days=89), "Terrible, I hate it", None),
        (3, 7, AS_OF - timedelta(days=90), "Terrible, I hate it", None),
        (4, 7, AS_OF - timedelta(days=364), "Очень плохо", None),
        (5, 7, AS_OF - timedelta(days=365), "Awful", None),
        (6, 8, AS_OF, "Очень плохо", None),
        (7, None, AS_OF, "Awful", None),
    ]
    table = sentiment.customer_sentiment(scored_as_shipped(warehouse(answers=mine)), AS_OF)
    love, hate = (shipped_tone(mine[place][3]) for place in (0, 1))
    assert table.schema.equals(CUSTOMER_SENTIMENT.schema)
    first, second = table.to_pylist()
    assert (first["customer_key"], first["texts_12m"], first["negative_texts_90d"]) == (7, 4, 1)
    assert first["sentiment_last_12m"] == pytest.approx((love + 2 * hate) / 3)
    assert (second["sentiment_last_12m"], second["texts_12m"], second["negative_texts_90d"]) == (None, 1, 0)


def test_a_shop_without_texts_has_empty_tables():
    table = scored_as_shipped(warehouse())
    assert (len(table), table.schema) == (0, TEXT_SENTIMENT.schema)
    assert len(sentiment.customer_sentiment(table, date(2023, 6, 30))) == 0


def test_neither_card_nor_scores_hold_a_text(shop, prepared, scores):
    card = ENGLISH.card(prepared, ENGLISH.fit(prepared, CLASSIFIER, SETTINGS), SETTINGS)
    assert set(card) == {
        "trained_from", "texts", "positive_share", "neutral_share", "terms", "test_days", "shipped_classifier",
    }  # fmt: skip
    assert not {"body", "comment", "text"} & set(scores.column_names)


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("en", "It fits perfectly and I wear it all the time", "It fell apart after one wash, so I sent it back"),
        ("zh", "孩子爱不释手，下次还来买", "退货三次都没有人理，再也不买了"),
    ],
)
def test_the_shipped_classifiers_tell_good_from_bad_without_the_words_of_a_lexicon(language, good, bad):
    assert shipped_tone(good, language) > 0.2 > -0.2 > shipped_tone(bad, language)


@pytest.mark.parametrize("language", list(text.LANGUAGES))
def test_a_shipped_classifier_says_where_it_comes_from_and_beats_the_lexicon_wherever_it_was_tested(language):
    about = shipped_classifier.load(language).card["about"]
    assert {row["kind"] for row in about["tested"]} == {"held out", "another domain"}
    for row in about["tested"]:
        assert row["shipped"] > max(row["lexicon"], row["vader"]), row
        assert row["shuffled"] == pytest.approx(0.5, abs=0.08), row
    assert all(one.endswith(("CC0 1.0", "CC BY 4.0", "MIT")) for one in about["sources"])


def test_a_stored_choice_of_a_shipped_classifier_ends_with_that_classifier():
    with pytest.raises(SchemaMismatchError, match="another one by now"):
        readers.Shipped("en", "0" * 12).read(["Fine"])
