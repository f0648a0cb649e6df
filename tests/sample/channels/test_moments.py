from datetime import datetime, timedelta

import numpy as np
import pytest

from crm_pipeline.sample.calendar import DAYS, FIRST_DAY, ZONE
from crm_pipeline.sample.channels.moments import DAY, HOUR, MINUTE, MISSING, epoch, iso, json_iso, local, local_us, utc

START = datetime.fromisoformat(str(FIRST_DAY))
# Late on days around both changes of the clocks, at noon, and in the first minute of an afternoon.
MOMENTS = np.concatenate([np.arange(DAYS) * DAY + second for second in (9 * HOUR, 12 * HOUR + MINUTE, 23 * HOUR + 59)])


@pytest.fixture(scope="module")
def clocks() -> list[datetime]:
    return [(START + timedelta(seconds=int(moment))).replace(tzinfo=ZONE) for moment in MOMENTS]


def test_times_with_an_offset_are_those_of_the_zone(clocks: list[datetime]) -> None:
    assert iso(MOMENTS).tolist() == [clock.isoformat() for clock in clocks]


def test_instants_are_those_of_the_zone(clocks: list[datetime]) -> None:
    instants = [int(clock.timestamp()) for clock in clocks]
    assert epoch(MOMENTS).tolist() == instants
    assert [int(stamp.timestamp()) for stamp in utc(MOMENTS)] == instants


def test_local_times_are_written_as_asked(clocks: list[datetime]) -> None:
    assert local(MOMENTS, "%d.%m.%Y").tolist() == [clock.strftime("%d.%m.%Y %H:%M") for clock in clocks]
    assert local_us(MOMENTS).tolist() == [clock.strftime("%m/%d/%Y %I:%M %p") for clock in clocks]


def test_what_never_happened_has_no_time() -> None:
    never = np.array([MISSING])
    assert iso(never).tolist() == local_us(never).tolist() == [""]
    assert json_iso(never).tolist() == ["null"]
    assert utc(never).isna().all()
