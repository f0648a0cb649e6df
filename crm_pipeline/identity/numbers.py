"""Query results as arrays of numbers: the graph of records is made of them."""

from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


def whole_numbers(con: duckdb.DuckDBPyConnection, query: str, parameters: Any = None) -> dict[str, Nodes]:
    """Return the columns of a query without empty values as arrays of whole numbers."""
    found = con.execute(query, parameters).fetchnumpy()
    return {name: np.asarray(column).astype(np.int64) for name, column in found.items()}
