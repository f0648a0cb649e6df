"""What the mailing system says of its contacts, against the people who got them."""

import json

import numpy as np
import pandas as pd
import pytest

from crm_pipeline.sample.channels import mail
from crm_pipeline.sample.channels.moments import DAY, MISSING
from crm_pipeline.sample.world import World


@pytest.fixture(scope="module")
def seen(world: World) -> pd.DataFrame:
    return mail.outcomes(world)


@pytest.fixture(scope="module")
def documents(world: World) -> list[dict[str, object]]:
    files = [file for file in mail.files(world, np.random.default_rng(1)) if file.source == "contacts"]
    return [json.loads(line) for file in files for line in file.lines()]


def test_a_control_contact_was_never_sent(seen: pd.DataFrame) -> None:
    control = seen[seen["variant"] == "control"]
    assert len(control) > 50
    assert (control[list(mail.MOMENTS[1:])] == MISSING).all().all()
    assert (seen.loc[seen["variant"] == "treatment", "sent"] != MISSING).all()


@pytest.mark.parametrize(
    ("before", "after"),
    [("assigned", "sent"), ("sent", "delivered"), ("sent", "bounced"), ("delivered", "opened"), ("opened", "clicked"),
     ("delivered", "unsubscribed")],
)  # fmt: skip
def test_each_step_follows_the_one_before(seen: pd.DataFrame, before: str, after: str) -> None:
    there = seen[seen[after] != MISSING]
    assert len(there) > 0
    assert (there[before] != MISSING).all()
    assert (there[before] <= there[after]).all()


def test_nothing_is_delivered_and_bounced(seen: pd.DataFrame) -> None:
    assert not ((seen["delivered"] != MISSING) & (seen["bounced"] != MISSING)).any()


def test_engaged_people_open_more_and_those_who_left_less(world: World, seen: pd.DataFrame) -> None:
    mails = seen[(seen["delivered"] != MISSING) & (seen["medium"] == "email")]
    people = world.people.set_index("person").loc[mails["person"]].reset_index()
    opened = (mails["opened"] != MISSING).to_numpy()
    gone = ((people["left_day"] >= 0) & (people["left_day"] < mails["day"].to_numpy())).to_numpy()
    keen = (people["engagement"] > 1).to_numpy()
    assert opened[keen & ~gone].mean() > 1.5 * opened[~keen & ~gone].mean()
    assert opened[gone].mean() < 0.6 * opened[~gone].mean()


def test_who_ordered_because_of_a_mail_has_clicked_it(seen: pd.DataFrame) -> None:
    bought = seen[(seen["extra_orders"] > 0) & (seen["medium"] == "email")]
    assert len(bought) > 5
    assert (bought["clicked"] != MISSING).all()


def test_only_who_withdrew_the_consent_unsubscribes_and_on_that_day(world: World, seen: pd.DataFrame) -> None:
    gone = seen[seen["unsubscribed"] != MISSING]
    withdrawn = world.people.set_index("person")["consent_changed_day"]
    assert gone["person"].is_unique
    assert (gone["unsubscribed"] // DAY - gone["person"].map(withdrawn)).between(0, 7).all()


def test_a_recipient_is_named_in_one_way(world: World, documents: list[dict[str, dict[str, str]]]) -> None:
    ways = [{name for name, value in document["recipient"].items() if value} for document in documents]
    assert all(len(way) == 1 for way in ways)
    assert {name for way in ways for name in way} == {"customer", "email", "phone"}
    accounts = set(world.accounts["source_id"])
    assert {document["recipient"]["customer"] for document in documents} - {None} <= accounts
