"""A YAML file is read in bounded time, or refused with its place."""

import os

import pytest

from crm_pipeline.config.yaml_places import YamlError, read_yaml


def read(folder, content):
    path = folder / "file.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_yaml(path, texts=("texts/*",))


def aliases(item):
    """Nine times nine times nine ...: a few lines that stand for a thousand million values."""
    lines = [f"{name}: &{name} {item(f'*{before}')}" for before, name in zip("abcdefghi", "bcdefghij", strict=True)]
    return "\n".join(["a: &a {x: 1}", *lines])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: not valid YAML: the key 'a' stands in line 1 already"),
        ("a:\n  no: x\n", 'line 2: not valid YAML: the key no is read as yes or no. Put it in quotes: "no"'),
        ("a: {2024: x}", "the key 2024 is read as a number"),
        ("{[a]: b}", "a key is no text"),
        ("a: 2024-13-45", "line 1: not valid YAML: this cannot be a date"),
        (f"a: {'9' * 5_000}", "this cannot be a number"),
        ("a: !!python/object/apply:os.system [ls]", "stands for no plain value"),
        ("a: !mine b", "the tag '!mine' stands for no plain value"),
        (aliases(lambda name: f"[{', '.join([name] * 9)}]"), "more than 200,000 values"),
        (aliases(lambda name: f"{{<<: [{', '.join([name] * 9)}]}}"), "more than 200,000 values"),
        ("a: &a [*a]", "a value holds itself"),
        ("a: " + "[" * 100_000, "nested more than 50 deep"),
        ("\n".join(" " * depth + "a:" for depth in range(1_000)), "line 51: not valid YAML: values are nested"),
        ("- " * 10_000, "nested more than 50 deep"),
        ("a: b\n---\nc: d", "another document"),
        ('a: "\\0"', "a NUL character"),
        ("a: b\nc: \xe9".encode("latin-1"), "line 2: the file is not UTF-8. Save it as UTF-8"),
        ("a: b".encode("utf-16"), "it looks like UTF-16"),
        (b"\0\1\2", "not valid YAML"),
        (b"a: b\n" + b"# x\n" * 600_000, "at most 2,000,000 are read"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_place(tmp_path, content, words):
    with pytest.raises(YamlError) as caught:
        read(tmp_path, content)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/file.yml")


def test_a_text_is_taken_as_it_is_written(tmp_path):
    document = read(tmp_path, "texts: [0012, 1.10, no, null, 2024-01-01]\nothers: [12, no]\n")
    assert document.values == {"texts": ["0012", "1.10", "no", "null", "2024-01-01"], "others": [12, False]}


def test_the_line_of_a_place_is_that_of_its_deepest_part(tmp_path):
    document = read(tmp_path, "a:\n  - b: 1\n  - c:\n      d: 2\n")
    assert document.line(()) == 1
    assert document.line(("a", 1, "c", "d")) == 4
    assert document.line(("a", 1, "c", "missing")) == 3


def test_defaults_may_be_written_once_and_merged(tmp_path):
    document = read(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert document.values["b"] == {"x": 1, "y": 3}


def test_an_empty_file_says_nothing(tmp_path):
    assert read(tmp_path, "# nothing\n").values is None


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    with pytest.raises(YamlError, match="it is a folder"):
        read_yaml(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(YamlError, match="it is no plain file"):
        read_yaml(tmp_path / "pipe")
    with pytest.raises(YamlError, match="cannot be read"):
        read_yaml(tmp_path / "missing")
