"""What a version follows from."""

from dataclasses import replace
from datetime import date

import pytest

from crm_pipeline.scoring import model


def test_a_version_does_not_depend_on_threads(settings):
    assert settings.described() == replace(settings, threads=settings.threads + 1).described()


@pytest.mark.parametrize("change", [{"seed": 1}, {"training_rows": 1}, {"as_of": date(1999, 12, 31)}])
def test_a_version_depends_on_every_other_setting(settings, change):
    assert settings.described() != replace(settings, **change).described()


def test_a_version_depends_on_the_code_that_made_it(settings, monkeypatch):
    before = settings.described()
    monkeypatch.setattr(model, "code_hash", lambda package: f"another {package.name}")
    assert settings.described() == before | {"code": "another scor"}
