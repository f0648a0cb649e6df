from decimal import Decimal

import duckdb
import pytest

from crm_pipeline.publish import release as release_module
from crm_pipeline.publish import serving, verify
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.release import current_release, publish, releases, rollback
from crm_pipeline.storage import lake


def _query(path, sql):
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture
def publish_version(settings, build_warehouse, release_info, known):
    def run(version, **changes):
        build_warehouse(version)
        return publish(settings, release_info(version, **changes), known)

    return run


def test_the_first_release_is_complete_and_says_what_it_is(settings, publish_version):
    done = publish_version(1)
    assert (done.is_new, done.release.name) == (True, "r000001")
    assert _query(settings.serving_file, "select orders, revenue, release, fingerprint <> '' from _release") == [
        (180, Decimal("19950.00"), "r000001", True)
    ]
    published_at = _query(settings.serving_file, "select published_at::varchar from _release")
    assert published_at == [("2024-03-02 06:30:00",)]
    assert current_release(settings) == done.release


def test_nothing_lies_beside_the_serving_file(settings, publish_version):
    publish_version(1)
    assert {path.name for path in settings.serving_file.parent.iterdir()} == {"crm.duckdb", "releases", ".lock"}
    assert settings.serving_file.stat().st_mode & 0o222 == 0, "a writing client would lock out all others"


def test_unchanged_content_publishes_nothing(settings, publish_version, build_warehouse, release_info, known):
    publish_version(1)
    before = (settings.serving_file.stat().st_ino, settings.serving_file.read_bytes())
    build_warehouse(1, reverse=True, noise=1e-13)
    again = publish(settings, release_info(1, run_id="another run"), known)
    assert not again.is_new
    assert again.release.info.run_id == "run-1"
    assert (settings.serving_file.stat().st_ino, settings.serving_file.read_bytes()) == before
    assert len(releases(settings)) == 1


@pytest.mark.parametrize("change", [{"code_version": "0.2.0"}, {"as_of_date": __import__("datetime").date(2024, 3, 2)}])
def test_other_code_or_another_date_is_a_new_release(publish_version, change):
    publish_version(1)
    assert publish_version(1, **change).is_new


@pytest.mark.parametrize("wrong", [{"revenue": Decimal("19950.01")}, {"orders": 181}, {"people": 19}])
@pytest.mark.parametrize("same_content", [True, False])
def test_totals_that_differ_publish_nothing(settings, publish_version, wrong, same_content):
    publish_version(1)
    before = settings.serving_file.read_bytes()
    version = 1 if same_content else 2
    if not same_content and "revenue" in wrong:
        wrong = {"revenue": Decimal("39850.01")}
    with pytest.raises(PublishError, match="expected"):
        publish_version(version, **wrong)
    assert settings.serving_file.read_bytes() == before


def _before(function):
    def crash(*arguments, **options):
        raise KeyboardInterrupt

    return crash


def _after(function):
    def crash(*arguments, **options):
        function(*arguments, **options)
        raise KeyboardInterrupt

    return crash


STEPS = [
    (release_module, "fingerprint"),
    (serving, "_copy"),
    (serving, "_write_release"),
    (serving, "build"),
    (verify, "verify"),
    (lake, "fsync_path"),
]


@pytest.mark.parametrize("moment", [_before, _after])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_crash_before_the_switch_leaves_the_old_file_byte_for_byte(
    settings, publish_version, monkeypatch, module, step, moment
):
    publish_version(1)
    before = (settings.serving_file.stat().st_ino, settings.serving_file.read_bytes())
    with monkeypatch.context() as patched:
        patched.setattr(module, step, moment(getattr(module, step)))
        with pytest.raises(KeyboardInterrupt):
            publish_version(2)
    assert (settings.serving_file.stat().st_ino, settings.serving_file.read_bytes()) == before
    assert [kept.name for kept in releases(settings)] == ["r000001"]
    assert not list(settings.serving_file.parent.glob("*building*"))
    assert publish_version(2).release.name == "r000002"


@pytest.mark.parametrize("step", ["_keep", "_prune"])
def test_a_crash_after_the_switch_leaves_the_new_file_and_is_made_good(settings, publish_version, monkeypatch, step):
    publish_version(1)
    with monkeypatch.context() as patched:
        real = getattr(release_module, step)
        crash = lambda settings, name: real(settings, name) if name == "r000001" else _before(real)()  # noqa: E731
        patched.setattr(release_module, step, crash)
        with pytest.raises(KeyboardInterrupt):
            publish_version(2)
    assert current_release(settings).name == "r000002"
    assert publish_version(3).release.name == "r000003"
    assert [kept.name for kept in releases(settings)] == ["r000003", "r000002", "r000001"]


def test_what_a_killed_run_left_is_cleared_away(settings, publish_version):
    publish_version(1)
    for name in (".crm.duckdb.building", ".crm.duckdb.building.wal", "crm.duckdb.wal"):
        (settings.serving_file.parent / name).write_bytes(b"half a file")
    publish_version(2)
    assert {path.name for path in settings.serving_file.parent.iterdir()} == {"crm.duckdb", "releases", ".lock"}
    assert current_release(settings).name == "r000002"


def test_the_newest_releases_are_kept(settings, publish_version):
    for version in range(1, 6):
        publish_version(version)
    assert [(kept.name, kept.is_current) for kept in releases(settings)] == [
        ("r000005", True),
        ("r000004", False),
        ("r000003", False),
    ]


def test_rollback_goes_back_one_release_at_a_time_and_then_refuses(settings, publish_version):
    contents = {}
    for version in (1, 2, 3):
        publish_version(version)
        contents[f"r00000{version}"] = settings.serving_file.read_bytes()
    for name in ("r000002", "r000001"):
        assert rollback(settings).name == name
        assert settings.serving_file.read_bytes() == contents[name]
        assert current_release(settings).name == name
    with pytest.raises(PublishError, match="no earlier release"):
        rollback(settings)
    assert rollback(settings, "r000003").name == "r000003"


def test_a_rollback_shares_no_storage_with_the_kept_release(settings, publish_version):
    publish_version(1)
    publish_version(2)
    rollback(settings)
    kept = settings.serving_file.parent / "releases" / "r000001.duckdb"
    assert kept.stat().st_ino != settings.serving_file.stat().st_ino


def test_after_a_rollback_the_next_release_gets_a_new_name(settings, publish_version):
    publish_version(1)
    publish_version(2)
    rollback(settings)
    assert publish_version(2).release.name == "r000003"


@pytest.mark.parametrize("name", ["r000009", "../../warehouse", "1"])
def test_a_rollback_to_an_unknown_release_changes_nothing(settings, publish_version, name):
    publish_version(1)
    before = settings.serving_file.read_bytes()
    with pytest.raises(PublishError, match="Kept: r000001"):
        rollback(settings, name)
    assert settings.serving_file.read_bytes() == before


def test_a_crash_during_rollback_changes_nothing(settings, publish_version, monkeypatch):
    publish_version(1)
    publish_version(2)
    before = settings.serving_file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(release_module.shutil, "copyfile", _after(release_module.shutil.copyfile))
        with pytest.raises(KeyboardInterrupt):
            rollback(settings)
    assert settings.serving_file.read_bytes() == before


def test_a_damaged_serving_file_can_be_replaced(settings, publish_version):
    publish_version(1)
    publish_version(2)
    settings.serving_file.unlink()
    settings.serving_file.write_bytes(b"no database")
    with pytest.raises(PublishError, match="not a whole release"):
        current_release(settings)
    assert rollback(settings).name == "r000002"


def test_two_cannot_publish_at_once(settings, publish_version):
    publish_version(1)
    with release_module._exclusive(settings), pytest.raises(PublishError, match="Another"):
        publish_version(2)


def test_without_a_warehouse_there_is_nothing_to_publish(settings, release_info, known):
    with pytest.raises(PublishError, match="no warehouse"):
        publish(settings, release_info(), known)


def test_a_release_is_one_line_for_the_terminal(publish_version):
    text = str(publish_version(1).release)
    assert text.startswith("r000001  as of 2024-03-01  published 2024-03-02 06:30:00 UTC")
    assert text.endswith("(current)")
