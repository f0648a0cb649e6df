"""The lists of marts say what their descriptions say."""

import shutil

from crm_pipeline.dbt import mart_files


def test_the_lists_are_in_step_with_the_descriptions():
    rendered = mart_files.render()
    assert {name: (mart_files.MARTS / name).read_text(encoding="utf-8") for name in rendered} == rendered


def test_a_further_mart_is_listed_and_served(tmp_path):
    marts = tmp_path / "marts"
    shutil.copytree(mart_files.MARTS, marts)
    (marts / "service" / "moods.yml").write_text(
        'version: 2\nmodels: [{name: moods, description: "One row per mood. It may be good."}]\n'
    )
    rendered = mart_files.render(marts)
    assert "| `moods` | One row per mood. |\n" in rendered["README.md"]
    assert "ref('moods')" in rendered["_serving_file.yml"]
