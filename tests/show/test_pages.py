"""Pages escape what is filled in, miss nothing in silence, and ask nothing of a network."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.show import pages

TEMPLATES = sorted((PROJECT / "crm_pipeline").glob("**/templates/*"))


def test_what_is_filled_in_is_escaped_and_markup_is_not_escaped_twice():
    shown = pages.picture('<b>"', "<svg/>")
    assert shown.startswith('<img alt="&lt;b&gt;&#34;" src="data:image/svg+xml;base64,')
    assert isinstance(shown, Markup)


def test_a_value_that_was_forgotten_is_an_error():
    with pytest.raises(UndefinedError, match="title"):
        pages.filled("crm_pipeline.show", "picture.html", url="")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_runs_nothing_and_turns_no_escaping_off(template):
    text = template.read_text()
    assert [word for word in ("<script", "| safe", "|safe", "autoescape", "http:") if word in text] in ([], ["http:"])
    assert text.count("http:") == text.count('xmlns="http:')


def test_no_module_writes_markup_by_hand():
    written = [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for path in sorted((PROJECT / "crm_pipeline").rglob("*.py"))
        for line in path.read_text().splitlines()
        if any(f"<{tag}" in line for tag in ("div", "table>", "table ", "td", "tr>", "p>", "ul>", "h1", "h2", "svg "))
    ]
    assert written == []
