"""The names that users and schedules hold on to: asset keys, jobs and schedules, as one text.

`python -m tests.snapshot --update` writes the text anew, after a change that is meant.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from dagster import Definitions

SNAPSHOT = Path(__file__).parent / "snapshots" / "definitions.txt"


def snapshot(definitions: Definitions) -> str:
    """Tell one name a line, in an order that does not depend on the code's."""
    return "".join(f"{line}\n" for line in sorted(_lines(definitions)))


def _lines(definitions: Definitions) -> Iterator[str]:
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        yield f"asset {key.to_user_string()} of group {graph.get(key).group_name}"
    for job in definitions.jobs or ():
        resolved = definitions.resolve_job_def(job.name)
        yield f"job {job.name} of {len(resolved.asset_layer.asset_graph.materializable_asset_keys)} assets"
    for schedule in definitions.schedules or ():
        yield f"schedule {schedule.name} runs {schedule.job_name} at {schedule.cron_schedule}"


def main(arguments: list[str]) -> int:
    from crm_pipeline.definitions import defs

    if arguments == ["--update"]:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(snapshot(defs), encoding="utf-8")
    else:
        print(snapshot(defs), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
