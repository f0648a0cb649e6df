"""`make bench`: recommendation for 30,000 people out of 41,000 products: fitting, contest and scoring, and the memory.

Each person buys four times in five within three of forty tastes, and else what everybody buys; within a taste, too, a
few products are bought by many and most by few. Each candidate is fitted and scores everybody in a process of its own.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.scoring.contest import contest_result
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.products.recommendation import Recommendation
from crm_pipeline.scoring.products.recommenders import CANDIDATES
from tests.bench import alone, peak_gigabytes

AS_OF = date(2023, 6, 30)
TASTES, OWN_TASTES, WITHIN, PURCHASES, DAYS = 40, 3, 0.8, 30, 700


def write_shop(file: Path, people: int, products: int, seed: int = 1) -> None:
    """Write the three tables that the model reads."""
    random = np.random.default_rng(seed)
    rank = random.permutation(products)
    popularity, taste = (rank + 1.0) ** -0.8, rank % TASTES
    count = random.poisson(random.gamma(1.2, PURCHASES / 1.2, people))
    person = np.repeat(np.arange(people), count)
    own = random.integers(0, TASTES, (people, OWN_TASTES))[person, random.integers(0, OWN_TASTES, len(person))]
    own[random.random(len(person)) > WITHIN] = -1
    chosen = np.zeros(len(person), dtype=np.int64)
    for number in range(-1, TASTES):
        shelf = np.arange(products) if number < 0 else np.flatnonzero(taste == number)
        there = np.flatnonzero(own == number)
        chosen[there] = random.choice(shelf, len(there), p=popularity[shelf] / popularity[shelf].sum())
    sold = {"customer_key": person, "product_key": chosen, "age": random.integers(0, DAYS, len(person))}
    with duckdb.connect(str(file)) as connection:
        connection.register("sold", pa.table(sold))
        connection.execute(
            f"""
            create schema customer;
            create schema features;
            create table customer.fct_order_lines as
            select customer_key, product_key, date '{AS_OF}' - age::int as ordered_on, 'sale' as kind,
                'completed' as status
            from sold;
            create table customer.dim_products as
            select i as product_key, 'P' || i as product_id, 'Product ' || i as product_name, null as category
            from range({products}) as t(i);
            create table features.customer_features as
            select i as customer_key, date '{AS_OF}' as as_of_date from range({people}) as t(i)
            """
        )


def fitted_and_scored(file: Path, candidate: str) -> tuple[float, float, float, float]:
    """Return the seconds to learn and to score everybody, the CPU seconds of both, and the most memory in GiB."""
    model, settings = Recommendation(), ScoringSettings(as_of=AS_OF)
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set enable_progress_bar = false")
        prepared = model.prepare(connection, settings)
        started, cpu = time.perf_counter(), time.process_time()
        fitted = model.fit(prepared, candidate, settings)
        learned = time.perf_counter()
        model.score(connection, fitted, "v1", settings)
        ended = time.perf_counter()
        return learned - started, ended - learned, time.process_time() - cpu, peak_gigabytes()


def contest(file: Path) -> tuple[float, float, float, Mapping[str, Mapping[str, float]]]:
    """Return seconds and CPU seconds of the whole contest, reading included, the most memory, and all measures."""
    model, settings = Recommendation(), ScoringSettings(as_of=AS_OF)
    started, cpu = time.perf_counter(), time.process_time()
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set enable_progress_bar = false")
        found = contest_result(model, list(model.rounds(model.prepare(connection, settings), settings)))
    return time.perf_counter() - started, time.process_time() - cpu, peak_gigabytes(), found.means


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30_000)
    parser.add_argument("--products", type=int, default=41_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.duckdb"
        write_shop(file, asked.people, asked.products)
        print(f"Recommendation of {asked.products:,} products to {asked.people:,} people")
        for candidate in CANDIDATES:
            learned, scored, cpu, memory = alone(fitted_and_scored, file, candidate)
            print(f"  {candidate:<22} fit {learned:6.1f} s, score {scored:6.1f} s ({cpu:.1f} of CPU), {memory:.2f} GiB")
        seconds, cpu, memory, means = alone(contest, file)
        print(f"  contest at 3 origins: {seconds:.1f} s ({cpu:.1f} of CPU), {memory:.2f} GiB")
        for name, measures in means.items():
            print(f"  {name:<22} NDCG at 5 {measures['ndcg_at_5']:.4f}   coverage {measures['coverage']:.4f}")


if __name__ == "__main__":
    main()
