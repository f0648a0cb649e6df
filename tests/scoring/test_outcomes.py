"""The churn frame: who is eligible, and who came back."""

from datetime import date, timedelta

from crm_pipeline.scoring import outcomes

CUTOFF = date(2022, 1, 31)
DAY = timedelta(days=1)


def test_the_label_is_no_counted_order_in_the_horizon(world):
    rows = []
    for key, days_after in ((1, 0), (2, 1), (3, 90), (4, 91)):
        rows += [(key, CUTOFF - 10 * DAY, True, 10.0), (key, CUTOFF + days_after * DAY, True, 10.0)]
    rows += [(5, CUTOFF - 365 * DAY, True, 10.0), (6, CUTOFF - 364 * DAY, True, 10.0), (6, CUTOFF + DAY, False, -9.0)]
    frame = outcomes.churn_frame(world.warehouse(world.orders_table(rows), CUTOFF), [CUTOFF], 365, 90, 1000)
    # 1 bought on the cutoff itself, 4 a day too late, 5 is not eligible, 6 only returned something.
    assert dict(zip(frame.keys.tolist(), frame.churned.tolist(), strict=True)) == {1: 1, 2: 0, 3: 0, 4: 1, 6: 1}


def test_a_cap_takes_the_same_people_at_every_origin(shop, world):
    origins = outcomes.origins_on_grid(shop, world.AS_OF)
    shop_wide = outcomes.churn_frame(shop, origins, 365, 90, 10**9)
    sample = outcomes.churn_frame(shop, origins, 365, 90, len(shop_wide) // 10)
    assert 0.05 * len(shop_wide) < len(sample) < 0.15 * len(shop_wide)
    kept = set(sample.keys.tolist())
    assert len(sample) == sum(key in kept for key in shop_wide.keys.tolist())
