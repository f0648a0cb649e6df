"""The part `questions` of pipeline.yml: what may be asked, and which mistakes are named with their place."""

import pytest

from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.questions import Answer, OwnQuestion

PIPELINE = """\
sources:
  - name: shop
    channel: orders
    files: landing/*.csv
    columns: {order_id: id, ordered_at: at}
"""
LEAVES = "  - {name: leaves, yes_if: {fact: customers, day: contract_ended_on}"


def loaded(tmp_path, block):
    (tmp_path / "pipeline.yml").write_text(PIPELINE + block)
    return load_dataset(tmp_path).questions


def test_a_question_is_asked_of_everybody_and_looks_a_quarter_ahead_unless_it_says_otherwise(tmp_path):
    (asked,) = loaded(tmp_path, f"questions:\n{LEAVES}}}\n")
    assert asked == OwnQuestion(name="leaves", yes_if=Answer(fact="customers", day="contract_ended_on", where="true"))
    assert (asked.horizon_days, asked.asked_of, asked.once) == (90, "true", False)


def test_a_dataset_without_the_block_asks_none(tmp_path):
    assert loaded(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (f"{LEAVES}, onse: true}}\n", "unknown key 'onse'. Did you mean 'once'?"),
        (f'{LEAVES}, asked_of: "(select true)"}}\n', "line 7, questions[0].asked_of"),
        (f'{LEAVES}, asked_of: "created_at < now()"}}\n', "line 7, questions[0].asked_of"),
        (
            "  - {name: leaves, yes_if: {fact: customers, day: ended, where: 'true; drop'}}\n",
            "questions[0].yes_if.where",
        ),
        ("  - {name: Who leaves?, yes_if: {fact: customers, day: ended}}\n", "line 7, questions[0].name"),
        ("  - {name: leaves, yes_if: {fact: raw.customers, day: ended}}\n", "line 7, questions[0].yes_if.fact"),
        (f"{LEAVES}}}\n{LEAVES}}}\n", "two questions have the name 'leaves'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, block, complaint):
    with pytest.raises(DatasetError) as caught:
        loaded(tmp_path, "questions:\n" + block)
    assert complaint in str(caught.value)
