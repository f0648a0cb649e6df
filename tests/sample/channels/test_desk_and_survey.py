"""Tickets follow the service cases behind them, answers follow what people felt."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.calendar import FULL_DAYS
from crm_pipeline.sample.channels import desk, survey
from crm_pipeline.sample.channels.moments import DAY, MINUTE, MISSING, seconds
from crm_pipeline.sample.world import World

CHINESE = r"[\u4e00-\u9fff]"


@pytest.fixture(scope="module")
def tickets(world: World) -> pd.DataFrame:
    return desk.tickets(world)


@pytest.fixture(scope="module")
def documents(world: World) -> pd.DataFrame:
    """The documents as a reader of the files finds them."""
    files = desk.files(world, np.random.default_rng(1))
    rows = [row for file in files for row in json.loads("\n".join(file.lines()))]
    return pd.json_normalize(rows).set_index("id")


@pytest.fixture(scope="module")
def answers(world: World) -> pd.DataFrame:
    """Answers on orders, with what is true of the person."""
    return survey.order_answers(world).merge(world.people[["person", "satisfaction"]], on="person")


def test_every_case_is_a_ticket(world: World, documents: pd.DataFrame) -> None:
    assert len(documents) == len(world.service)
    assert documents.index.is_unique


@pytest.mark.parametrize(
    ("before", "after"),
    [("opened", "responded"), ("opened", "resolved"), ("reopened", "resolved"), ("resolved", "rated")],
)
def test_a_ticket_takes_its_course_in_time(tickets: pd.DataFrame, before: str, after: str) -> None:
    there = tickets[(tickets[before] != MISSING) & (tickets[after] != MISSING)]
    assert len(there) > 5
    assert (there[before] <= there[after]).all()


def test_a_ticket_that_is_open_again_at_the_end_has_no_solution_and_no_rating(world: World) -> None:
    last_days = world.service.assign(day=FULL_DAYS - 3, resolution_minutes=60, is_reopened=True)
    tickets = desk.tickets(replace(world, service=last_days))
    again = tickets[tickets["reopened"] > tickets["opened"] + 60 * MINUTE]
    open_again = again[again["resolved"] < again["reopened"]]
    assert len(open_again) > 20
    assert (open_again[["resolved", "rated"]] == MISSING).all().all()


def test_only_reopened_cases_are_reopened_tickets(tickets: pd.DataFrame) -> None:
    assert tickets.loc[tickets["reopened"] != MISSING, "is_reopened"].all()
    assert (tickets["reopened"] != MISSING).sum() > 5


def test_the_status_says_how_the_ticket_stands(documents: pd.DataFrame) -> None:
    assert (documents["solved_at"].notna() == documents["status"].isin(["solved", "closed"])).all()
    assert documents.loc[documents["status"] == "pending", "first_reply_at"].notna().all()
    assert documents.loc[documents["status"] == "open", "first_reply_at"].isna().all()


def test_bad_service_is_rated_worse(tickets: pd.DataFrame) -> None:
    rated = tickets[tickets["rated"] != MISSING]
    assert rated["score"].between(1, 5).all()
    assert (tickets.loc[tickets["rated"] == MISSING, "score"] == 0).all()
    assert rated.loc[rated["is_bad"], "score"].mean() < rated.loc[~rated["is_bad"], "score"].mean() - 1


def test_people_write_in_their_language_and_more_angrily_after_bad_service(
    tickets: pd.DataFrame, documents: pd.DataFrame
) -> None:
    written = documents.loc[tickets["ticket_id"]]
    chinese = (tickets["language"] == "zh").to_numpy()
    for column in ("subject", "description"):
        assert (written[column].str.contains(CHINESE).to_numpy() == chinese).all()
    thankful = written["description"].str.contains("hank|谢|brigad", case=False).to_numpy()
    bad = tickets["is_bad"].to_numpy()
    assert 0 < thankful[bad].mean() < thankful[~bad].mean() < 1
    assert written["description"].nunique() > 0.9 * len(written)


def test_a_ticket_names_a_mail_or_a_phone(documents: pd.DataFrame) -> None:
    assert (documents["requester.email"].notna() ^ documents["requester.phone"].notna()).all()


@pytest.mark.parametrize("made", [survey.order_answers, survey.ticket_answers])
def test_scores_stay_on_their_scale_and_use_all_of_it(world: World, made: Callable[[World], pd.DataFrame]) -> None:
    for question, scores in made(world).groupby("question")["score"]:
        low, high = survey.SCALES[str(question)]
        assert scores.between(low, high).all()
        assert scores.max() == high
        assert scores.nunique() > (high - low) / 2


def test_scores_follow_satisfaction(answers: pd.DataFrame) -> None:
    mailed = answers[answers["question"] == "NPS"]
    content = mailed["satisfaction"] > mailed["satisfaction"].median()
    assert mailed.loc[content, "score"].mean() > mailed.loc[~content, "score"].mean() + 1


def test_bad_service_lowers_the_next_answer(world: World, answers: pd.DataFrame) -> None:
    bad = world.service.loc[world.service["is_bad"], ["person", "day"]].rename(columns={"day": "case_day"})
    days = answers.reset_index(names="answer").merge(bad, on="person")
    since = days["answered"] // DAY - days["case_day"]
    hurt = answers.index.isin(days.loc[since.between(0, survey.BAD_MEMORY_DAYS), "answer"])
    low, high = np.array([survey.SCALES[question] for question in answers["question"]]).T
    above = (answers["score"] - low) / (high - low) - answers["satisfaction"]
    assert hurt.sum() > 5
    assert above[hurt].mean() < above[~hurt].mean() - 0.1


def test_an_answer_comes_after_its_order_and_the_stores_ask_with_faces(world: World, answers: pd.DataFrame) -> None:
    orders = world.purchases.orders.set_index("order_id")
    about = answers[answers["order_id"] != ""]
    order = orders.loc[about["order_id"]]
    assert (about["answered"].to_numpy() > seconds(order["day"], order["minute"])).all()
    assert set(about["question"]) == {"NPS"}
    assert set(answers.loc[answers["order_id"] == "", "question"]) == {"NPS faces"}


def test_an_answer_on_a_ticket_comes_after_its_solution(world: World, tickets: pd.DataFrame) -> None:
    seen = survey.ticket_answers(world)
    solved = seen["ticket_id"].map(tickets.set_index("ticket_id")["resolved"])
    assert (seen["answered"] > solved).all()


def test_comments_are_in_the_language_of_the_person(world: World) -> None:
    rows = pd.concat(
        [file.rows for file in survey.files(world, np.random.default_rng(1)) if file.source == "order_answers"]
    )
    person = survey.order_answers(world).set_index("response_id")["person"]
    language = person.map(world.people.set_index("person")["language"])
    written = rows[rows["comment"] != ""]
    assert 0.3 < len(written) / len(rows) < 0.6
    chinese = written["comment"].str.contains(CHINESE).to_numpy()
    of_chinese = (written["response"].map(language) == "zh").to_numpy()
    assert not chinese[~of_chinese].any()
    assert chinese[of_chinese].mean() > 0.9, "a thumb is of no language"
