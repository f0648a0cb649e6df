"""`python -m tests.bench_people`: who is who on public records, beside Splink alone as its documentation sets it up.

Each line gives precision, recall and F1 over pairs. Splink's settings, training rules and threshold for each set are
those of its documentation's examples for FEBRL 3, FEBRL 4 and `fake_1000`; without the number its comparison and its
rules are left out.
"""

import logging
from typing import Any

import duckdb
import pyarrow as pa
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from crm_pipeline.identity.accuracy import pairwise_accuracy
from tests.identity.public import Record, accuracy, fake_1000, febrl3, linked, two_sources, without

#: The documentation links from this probability on.
DOCUMENTED_THRESHOLD = 0.2
_SWAPPED = "l.first_name = r.last_name and l.last_name = r.first_name"


def _febrl(records: list[Record], both: bool, has_number: bool) -> pa.Table:
    """Let Splink alone link the records of FEBRL 3, as one set or as two."""
    comparisons = [
        cl.NameComparison("first_name").configure(term_frequency_adjustments=both),
        cl.NameComparison("last_name").configure(term_frequency_adjustments=both),
        cl.DateOfBirthComparison("birth_date", input_is_string=False),
        cl.ExactMatch("house_number").configure(term_frequency_adjustments=True),
        (cl.DamerauLevenshteinAtThresholds("postal_code", [1, 2]) if both else cl.ExactMatch("postal_code")).configure(
            term_frequency_adjustments=True
        ),
    ]
    one = [block_on(column) for column in ("first_name", "last_name", "birth_date", "postal_code")]
    two = [
        block_on("first_name", "last_name"),
        _SWAPPED,
        block_on("birth_date"),
        block_on("street"),
        block_on("postal_code"),
    ]
    sure = [
        block_on("first_name", "last_name", "birth_date"),
        *([] if both else [f"{_SWAPPED} and l.birth_date = r.birth_date"]),
    ]
    number = [block_on("loyalty_id")] if has_number else []
    if has_number:
        comparisons.append(cl.DamerauLevenshteinAtThresholds("loyalty_id", [1, 2] if both else [2]))
    return _clusters(
        records, comparisons, [*number, *(two if both else one)], [*number, *sure], 0.8 if both else 0.9,
        [("birth_date",), ("postal_code",)],
    )  # fmt: skip


def _fake(records: list[Record]) -> pa.Table:
    return _clusters(
        records,
        [
            cl.NameComparison("first_name"),
            cl.NameComparison("last_name"),
            cl.LevenshteinAtThresholds("birth_text", 1),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        [block_on("first_name", "city"), block_on("last_name"), block_on("birth_text")],
        [
            block_on("first_name", "birth_text"),
            "l.first_name = r.first_name and levenshtein(r.last_name, l.last_name) <= 2",
            block_on("email"),
        ],
        0.7,
        [("first_name", "last_name"), ("birth_text",)],
    )


def _clusters(
    records: list[Record],
    comparisons: list[Any],
    rules: list[Any],
    sure: list[Any],
    recall: float,
    trained_by: list[Any],
) -> pa.Table:
    con = duckdb.connect()
    con.register("given", pa.Table.from_pylist(records))
    street = "street" if "street" in records[0] else "null"
    con.execute(f"""
        create table records as
        select *, birth_date::varchar as birth_text, nullif(split_part({street}, ' ', 1), '') as house_number from given
    """)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
    )
    linker = Linker(DuckDBAPI(con).register("records"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=2)
    for columns in trained_by:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    pairs = linker.inference.predict(threshold_match_probability=DOCUMENTED_THRESHOLD, warning_mode="never")
    people = linker.clustering.cluster_pairwise_predictions_at_threshold(
        pairs, threshold_match_probability=DOCUMENTED_THRESHOLD
    )
    return con.sql(f"select record_id, cluster_id as customer_id from {people.physical_name}").to_arrow_table()


def main() -> None:
    """Print the figures of each set."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    febrl, fake = febrl3(), fake_1000()
    bare, both = without(febrl, "loyalty_id"), without(two_sources(febrl), "loyalty_id")
    sets = {
        "FEBRL 3": (febrl, "AU", lambda: _febrl(febrl, both=False, has_number=True)),
        "FEBRL 3 without its number": (bare, "AU", lambda: _febrl(bare, both=False, has_number=False)),
        "two sources without a number": (both, "AU", lambda: _febrl(both, both=True, has_number=False)),
        "fake_1000": (fake, "GB", lambda: _fake(fake)),
    }
    print(f"{'':30} {'':13} {'precision':>9} {'recall':>9} {'F1':>9}")
    for name, (records, region, alone) in sets.items():
        truth = pa.Table.from_pylist([{key: r[key] for key in ("record_id", "person")} for r in records])
        found = {"here": accuracy(linked(records, region), records), "Splink alone": pairwise_accuracy(alone(), truth)}
        for who, figures in found.items():
            print(f"{name:30} {who:13} {figures.precision:9.4f} {figures.recall:9.4f} {figures.f1:9.4f}", flush=True)


if __name__ == "__main__":
    main()
