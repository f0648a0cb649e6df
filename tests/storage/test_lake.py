"""Files are complete or absent, whatever happens while they are written."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_pipeline.storage import lake

TABLE = pa.table({"a": [1, 2]})


class PowerCutError(Exception):
    pass


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "t.parquet"
    lake.write_parquet(TABLE, target)
    with pytest.raises(PowerCutError), lake.atomic_file(target) as building:
        building.write_text("half")
        raise PowerCutError
    assert pq.read_table(target).equals(TABLE)
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_version_is_seen_as_a_whole_or_not_at_all(tmp_path):
    with lake.new_version(tmp_path) as version:
        lake.write_parquet(TABLE, version / "t.parquet")
        assert lake.current_version(tmp_path) is None
    first = lake.current_version(tmp_path)
    with pytest.raises(PowerCutError), lake.new_version(tmp_path) as version:
        lake.write_parquet(TABLE, version / "t.parquet")
        raise PowerCutError
    assert lake.current_version(tmp_path) == first


def test_what_a_killed_writer_left_is_swept_by_the_next_one(tmp_path):
    with lake.new_version(tmp_path):
        pass
    (tmp_path / "v000002").mkdir()
    (tmp_path / "v000002" / "half").write_text("x")
    with lake.new_version(tmp_path) as version:
        assert list(version.iterdir()) == []


def test_only_the_newest_versions_stay(tmp_path):
    for _ in range(4):
        with lake.new_version(tmp_path, keep=2):
            pass
    assert sorted(path.name for path in tmp_path.glob("v*")) == ["v000003", "v000004"]
