"""Names in one form: what is left of a text, and what else it may stand for."""

import pytest

from crm_pipeline.identity.names import read_first, read_last, split_whole


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Zoë", "zoe"),
        ("JOSÉ-MARÍA", "josemaria"),
        ("O'Neill ", "oneill"),
        ("Łukasz", "lukasz"),
        ("Strauß", "strauss"),
        ("王小明", "wangxiaoming"),
        ("Ольга", "olga"),
        ("van der Berg", "vanderberg"),
        ("Dr. Ann", "ann"),
        ("Mr.", "mr"),
        ("Ann (work)", "ann"),
        ("王芳\uff08女\uff09", "wangfang"),
        ("王先生", "wang"),
        ("--", ""),
        ("12", ""),
    ],
)
def test_a_name_is_read_in_latin_letters_without_titles(text, plain):
    assert read_first(text).plain == read_last(text).plain == plain


@pytest.mark.parametrize(
    ("short", "full"), [("liz", "elizabeth"), ("bob", "robert"), ("bill", "william"), ("peggy", "margaret")]
)
def test_a_short_form_stands_for_its_full_forms_too(short, full):
    assert {short, full} <= set(read_first(short).forms)


@pytest.mark.parametrize("text", ["xiaoming", "Yu Xi", "van den"])
def test_a_name_without_parts_of_its_own_has_one_form(text):
    assert len(read_last(text).forms) == 1


def test_each_of_several_names_stands_for_the_person():
    assert {"annamaria", "anna", "maria"} <= set(read_first("Anna-Maria").forms)
    assert read_last("Smith-Jones").forms == ["jones", "smith", "smithjones"]
    assert read_last("de la Cruz").forms == ["cruz", "delacruz"]


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("Ann Holt", ("Ann", "Holt")),
        ("Holt, Ann", ("Ann", "Holt")),
        ("Ann Mary Holt", ("Ann Mary", "Holt")),
        ("王小明", ("小明", "王")),
        ("王芳", ("芳", "王")),
        ("欧阳娜娜", ("娜娜", "欧阳")),
        ("欧阳", ("阳", "欧")),
        ("Ann", None),
        ("王", None),
    ],
)
def test_a_text_that_holds_both_names_is_split(text, both):
    assert split_whole(text) == both
