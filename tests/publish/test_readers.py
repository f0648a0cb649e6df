"""Readers in processes of their own, while releases come and go."""

import json
import subprocess
import sys

from crm_pipeline.publish.release import publish, rollback

READERS = 4
RELEASES = 20

READER = """
import json, pathlib, sys, time
import duckdb

serving, stop = sys.argv[1], pathlib.Path(sys.argv[2])
seen, wrong, queries = set(), [], 0
while queries < 20_000:
    last = stop.exists()
    with duckdb.connect(serving, read_only=True, config={"threads": 1}) as con:
        rows = con.execute(
            "select release, orders, revenue, (select count(*) from customer.fct_orders where is_counted), "
            "(select sum(revenue) from customer.fct_orders), (select count(*) from marts.customer_360), people "
            "from _release"
        ).fetchall()
    queries += 1
    if queries == 1:
        print("reading", flush=True)
    if len(rows) != 1 or rows[0][1] != rows[0][3] or rows[0][2] != rows[0][4] or rows[0][5] != rows[0][6]:
        wrong.append(str(rows))
    seen.add(rows[0][0])
    if last:
        break
    time.sleep(0.02)
print(json.dumps({"queries": queries, "wrong": wrong, "seen": sorted(seen)}))
"""


def test_readers_see_whole_releases_only_and_are_never_refused(
    settings, build_warehouse, release_info, known, tmp_path
):
    build_warehouse(1)
    publish(settings, release_info(1), known)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(settings.serving_file), str(stop)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(READERS)
    ]
    try:
        for reader in readers:
            assert reader.stdout.readline() == "reading\n"
        for version in range(2, RELEASES + 1):
            build_warehouse(version)
            assert publish(settings, release_info(version), known).is_new
        assert rollback(settings).name == f"r{RELEASES - 1:06d}"
    finally:
        stop.touch()
        outcomes = [reader.communicate(timeout=120) for reader in readers]
    for output, errors in outcomes:
        assert errors == ""
        report = json.loads(output)
        assert report["wrong"] == []
        assert report["seen"][-1] in {f"r{RELEASES:06d}", f"r{RELEASES - 1:06d}"}
        assert len(report["seen"]) > 1, "the reader did not see the file change"
