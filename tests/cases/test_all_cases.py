"""Each folder beside this file is a case that some test looks at."""

from tests.cases.conftest import CASES


def test_no_case_lies_here_unused():
    tests = "".join(path.read_text() for path in CASES.glob("test_*.py"))
    cases = [path.name for path in CASES.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [name for name in sorted(cases) if f'"{name}"' not in tests] == []
