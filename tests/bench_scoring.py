"""`make bench`: lifetime value of a million people, fitted and scored, beside `lifetimes` on the same people.

`lifetimes` is unmaintained and needs old packages: it gets an environment of its own, made here with pip. Ours
runs in a process of its own as well. Compare the ratios of one run, not seconds of two machines; what the whole model
takes, backtest included, is among the scoring steps of `bench_models`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.scoring.lifetime import bgnbd, gamma_gamma
from crm_pipeline.scoring.lifetime.clv_value import ValueModel
from crm_pipeline.scoring.lifetime.purchases import People, floats
from tests.bench import alone

LIFETIMES = ("lifetimes==0.11.3", "pandas==1.5.3", "numpy==1.26.4", "scipy==1.11.4", "autograd==1.6.2", "dill==0.3.8")
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
    print(f"Lifetime value of {people:,} people (python {sys.version.split()[0]}), seconds")
    for one in (own, other):
        one["both"] = one["fit"] + one["score"]
    for part in ("fit", "score", "both"):
        print(
            f"  {part:<6} here {own[part]:6.1f}   lifetimes {other[part]:6.1f}   {other[part] / own[part]:5.1f} times"
        )
    for name, value in own["parameters"].items():
        print(f"  {name:<6} here {value:9.4f}   lifetimes {other['parameters'][name]:9.4f}")


if __name__ == "__main__":
    main()
