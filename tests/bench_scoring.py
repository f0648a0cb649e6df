"""`make bench`: lifetime value of a million people, fitted and scored, beside `lifetimes` on the same people.

`lifetimes` is unmaintained and needs old packages: it gets an environment of its own, made here with pip. Each
measurement runs in a process of its own, so that its peak memory is its own. Compare the ratios of one run, not seconds
of two machines.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.scoring.frame import ScoringSettings
from crm_pipeline.scoring.lifetime import bgnbd, gamma_gamma
from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.lifetime.clv_value import ValueModel
from crm_pipeline.scoring.lifetime.purchases import People, floats
from crm_pipeline.scoring.run import run
from tests.scoring.conftest import AS_OF, FIRST_DAY, simulate_orders, warehouse

LIFETIMES = ("lifetimes==0.11.3", "pandas==1.5.3", "numpy==1.26.4", "scipy==1.11.4", "autograd==1.6.2", "dill==0.3.8")
COPIED = 20_000
DAYS_OF_A_YEAR = 365.25
# In days, as everything here. `customer_lifetime_value` counts months of 30 days, and discounts monthly.
_THEIRS = """
import json, sys, time
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
people = pd.read_parquet(sys.argv[1]) if sys.argv[1].endswith("parquet") else pd.read_csv(sys.argv[1])
started = time.perf_counter()
orders = BetaGeoFitter().fit(people["x"], people["t_x"], people["age"])
again = people[people["x"] > 0]
value = GammaGammaFitter().fit(again["x"], again["mean_value"])
fitted = time.perf_counter()
value.customer_lifetime_value(
    orders, people["x"], people["t_x"], people["age"], people["mean_value"], time=12, discount_rate=0.01, freq="D")
print(json.dumps({"fit": fitted - started, "score": time.perf_counter() - fitted,
                  "parameters": {**orders.params_, **value.params_}}))
"""


def draw_people(count: int, seed: int = 1) -> pa.Table:
    """Return purchase histories of people who follow BG/NBD and Gamma-Gamma, in whole days and pennies."""
    random = np.random.default_rng(seed)
    age = random.integers(60, 1000, count).astype(float)
    rate, leave = random.gamma(0.7, 1 / 45, count), np.clip(random.beta(0.8, 3.0, count), 1e-6, 1)
    x, t_x, now, there = np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count, dtype=bool)
    while there.any():
        now[there] += np.ceil(random.exponential(1 / np.maximum(rate[there], 1e-9)))
        there &= now <= age
        x[there] += 1
        t_x[there] = now[there]
        there &= random.random(count) >= leave
    each = random.gamma(4.0 * np.maximum(x, 1)) / random.gamma(4.0, 1 / 60, count) / np.maximum(x, 1)
    mean_value = np.where(x > 0, np.maximum(np.round(each, 2), 0.01), 0.0)
    return pa.table({"x": x, "t_x": t_x, "age": age, "mean_value": mean_value})


def ours(file: Path) -> dict[str, Any]:
    """Fit both models to distinct histories and value everybody's next year, discounted monthly."""
    started = time.perf_counter()
    table = pq.read_table(file)
    with duckdb.connect() as connection:
        connection.register("people", table)
        tuples = connection.sql("select x, t_x, age, count(*) as n from people group by all order by all")
        history = bgnbd.PurchaseHistory(*(floats(tuples.to_arrow_table(), name) for name in ("x", "t_x", "age", "n")))
        values = connection.sql("select x, mean_value, count(*) as n from people where x > 0 group by all order by all")
        distinct = values.to_arrow_table()
    orders = bgnbd.fit(history)
    model = ValueModel(orders, gamma_gamma.fit(*(floats(distinct, name) for name in ("x", "mean_value", "n"))), 1.0)
    fitted = time.perf_counter()
    known = (floats(table, name) for name in ("x", "t_x", "age", "mean_value"))
    people = People(np.arange(len(table)), *known, *[np.zeros(len(table))] * 10)
    worth = model.expected_margin(people, DAYS_OF_A_YEAR) * model.discount(people, 12, 0.01)
    names = {"r": orders.r, "alpha": orders.alpha, "a": orders.a, "b": orders.b}
    names |= {"p": model.value.p, "q": model.value.q, "v": model.value.gamma}
    return {
        "fit": fitted - started,
        "score": time.perf_counter() - fitted,
        "parameters": names,
        "total": float(worth.sum()),
    }


def theirs(file: Path, root: Path) -> dict[str, Any]:
    """The same with `lifetimes`, in an environment of its own."""
    venv.create(root / "lifetimes", with_pip=True)
    python = root / "lifetimes" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *LIFETIMES], check=True)
    plain = file.with_suffix(".csv")
    pq.read_table(file).to_pandas().to_csv(plain, index=False)
    done = subprocess.run([python, "-W", "ignore", "-c", _THEIRS, plain], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def end_to_end(people: int, root: Path) -> dict[str, Any]:
    """Run the whole lifetime value model, backtest included, on a shop copied until it has this many people."""
    started = time.perf_counter()
    few = warehouse(simulate_orders(COPIED, seed=1))
    with duckdb.connect(root / "shop.duckdb", config={"threads": 2, "memory_limit": "3GB"}) as shop:
        shop.execute("create schema customer")
        for name in ("fct_orders", "fct_touchpoints"):
            shop.register("few", few.sql(f"from customer.{name}").to_arrow_table())
            shop.execute(
                f"create table customer.{name} as "
                f"select few.* replace (customer_key + {COPIED} * copy as customer_key) "
                f"from few, range({people // COPIED}) as copies(copy)"
            )
            shop.unregister("few")
        made = time.perf_counter()
        result = run(Clv(), shop, ScoringSettings(as_of=AS_OF), root / "registry")
        orders = shop.sql("select count(*) from customer.fct_orders").fetchall()[0][0]
    return {
        "seconds": time.perf_counter() - made,
        "making": made - started,
        "people": len(result.scores),
        "orders": orders,
        "champion": result.status.champion,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def alone(work: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Run a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        file = root / "people.parquet"
        pq.write_table(draw_people(people), file)
        own, other = alone(ours, file), theirs(file, root)
        whole = alone(end_to_end, people, root)
    print(f"Lifetime value of {people:,} people (python {sys.version.split()[0]}), seconds")
    for one in (own, other):
        one["both"] = one["fit"] + one["score"]
    for part in ("fit", "score", "both"):
        print(
            f"  {part:<6} here {own[part]:6.1f}   lifetimes {other[part]:6.1f}   {other[part] / own[part]:5.1f} times"
        )
    for name, value in own["parameters"].items():
        print(f"  {name:<6} here {value:9.4f}   lifetimes {other['parameters'][name]:9.4f}")
    days = (AS_OF - FIRST_DAY).days
    print(
        f"Whole model on {whole['orders']:,} orders of {whole['people']:,} people in {days} days: "
        f"{whole['seconds']:.0f} s, peak {whole['peak_gib']:.1f} GiB, champion {whole['champion']}"
    )


if __name__ == "__main__":
    main()
