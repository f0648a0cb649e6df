"""`make bench`: CPU seconds of the suite that a contract becomes, on many rows: `python -m tests.bench_gate [ROWS]`."""

import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from crm_pipeline.config.contract import arrow_schema, contracts
from crm_pipeline.raw.suites import as_frame, validate

RUN_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def orders(rows: int) -> pa.Table:
    """Invent raw rows of orders that meet their contract."""
    schema = arrow_schema(contracts()["orders"])
    numbers = np.arange(rows)
    moments = np.datetime64(datetime(2015, 1, 1)) + (numbers % 300_000_000).astype("timedelta64[s]")
    given = {
        "order_id": [str(number) for number in numbers],
        "ordered_at": moments,
        "status": np.resize(["completed", "returned"], rows),
        "currency": np.resize(["GBP", "EUR"], rows),
        "total_amount": [Decimal(int(number % 90_000)) / 100 for number in numbers],
        "_source": np.resize(["shop"], rows),
        "_system": np.resize(["shop"], rows),
        "_file": np.resize(["orders.csv"], rows),
        "_line": numbers,
        "_delivery": np.resize([1], rows),
        "_first_delivery": np.resize([1], rows),
    }
    columns = [
        pa.array(given[field.name]).cast(field.type) if field.name in given else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def main(rows: int) -> None:
    frame = as_frame(orders(rows))
    validate(contracts()["orders"], frame.head(), RUN_TIME + timedelta(days=1))
    started = time.process_time()
    result = validate(contracts()["orders"], frame, RUN_TIME)
    print(f"{rows:,} orders, {result.evaluated} expectations: {time.process_time() - started:.1f} CPU seconds")
    print(*result.failures, *result.errors, sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
