"""The hash of a package's code: other where its code or tables are other, and only there."""

import pytest

from crm_pipeline.storage.code_hash import code_hash


@pytest.fixture
def package(tmp_path):
    """A package of a module and a table that it reads, each in a folder of its own."""

    def made(name, module="A = 1\n", table="a,b\n", **others):
        folder = tmp_path / name
        (folder / "inner").mkdir(parents=True)
        (folder / "module.py").write_text(module)
        (folder / "inner" / "table.csv").write_text(table)
        for other, text in others.items():
            (folder / other).write_text(text)
        return folder

    return made


def test_the_same_code_elsewhere_has_the_same_hash(package):
    assert code_hash(package("one")) == code_hash(package("other", README="Other words."))


@pytest.mark.parametrize("change", [{"module": "A = 2\n"}, {"table": "a,c\n"}, {"more.py": ""}])
def test_other_modules_and_other_tables_have_another_hash(package, change):
    assert code_hash(package("one")) != code_hash(package("other", **change))
