"""Make a sample company from the command line: `python -m crm_pipeline.sample --people 1500 --seed 7 --out FOLDER`."""

import argparse
from pathlib import Path

from crm_pipeline.sample.company import make_company, write_company


def main() -> None:
    """Read the options, make the company and write its landing files and truth."""
    parser = argparse.ArgumentParser(prog="python -m crm_pipeline.sample", description=__doc__)
    parser.add_argument("--people", type=int, default=1500, help="number of real persons")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same bytes")
    parser.add_argument("--out", type=Path, required=True, help="dataset folder to write landing/ and truth/ into")
    options = parser.parse_args()
    written = write_company(make_company(options.people, options.seed), options.out)
    size = sum(path.stat().st_size for path in written)
    print(f"{len(written)} files, {size / 2**20:.2f} MiB in {options.out}")


if __name__ == "__main__":
    main()
