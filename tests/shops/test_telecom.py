"""A telecom shop asks who will end their contract: from files to the mart, with all that churn has."""

from pathlib import Path

import pytest

from crm_pipeline.config.settings import Settings
from tests.end_to_end.conftest import Deployment
from tests.shops import telecom
from tests.shops.reading import ask

pytestmark = pytest.mark.slow


def test_churn_by_contract_is_answered_of_whose_contract_runs_and_ranks_as_planted(tmp_path: Path) -> None:
    deployment = Deployment(
        tmp_path / "data", tmp_path / "state", dataset="shop", left_out=(), training_rows=Settings().training_rows
    )
    contracts = telecom.write(deployment.settings.dataset_folder)
    assert deployment.run().problems == []
    status, measured, by_price, counted = ask(
        deployment,
        "select status, baseline from marts.model_status where model = 'question_contract_ends'",
        """
        select candidate, avg(value) from marts.model_backtests
        where model = 'question_contract_ends' and metric = 'auc' group by candidate
        """,
        """
        select round(avg_order_value)::int, avg(probability) from marts.own_questions
        join marts.customer_360 using (customer_id) group by 1 order by 1
        """,
        "select count(*), count(reason_1), count(model_version) from marts.own_questions",
    )
    auc = dict(measured)
    running = sum(one.ended_on is None for one in contracts.values())
    assert status == [("ok", "age_and_recency")]
    assert max(auc.values()) > auc["age_and_recency"] + 0.05
    assert [price for price, _ in by_price] == list(telecom.PRICES)
    assert [share for _, share in by_price] == sorted(share for _, share in by_price)
    assert counted[0][0] == counted[0][2] == running
    assert counted[0][1] > 0.8 * running
