"""`python -m benchmarks [NAME...]`: run, print a table, and with `--write` keep it in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import catalogue, digits, report
from benchmarks.measure import Row
from benchmarks.setting import Setting
from gradus.jobs.environment import worker_environment


def main() -> int:
    arguments = _arguments()
    _threads_as_in_workers()
    digits.OUT.mkdir(parents=True, exist_ok=True)
    source = digits.Digits(digits.find_mnist(arguments.mnist))
    rows: list[Row] = []
    for name in arguments.names or catalogue.NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=digits.OUT, prefix=f"{name}-") as work:
            found = catalogue.load(name)(Setting(source, arguments.rounds, Path(work)))
        for row in found:
            print(f"  {report.line(row)}", file=sys.stderr, flush=True)
        rows += found
    report.show(rows)
    if arguments.write:
        report.write(rows, source, arguments.rounds)
    missed = [row.name for row in rows if row.kept is False]
    if missed:
        print(f"not reached: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _threads_as_in_workers() -> None:
    """Let threads wait for each other as they do in Gradus' workers, for us and the peers alike.

    Must be set before PyTorch is loaded.
    """
    for name, value in worker_environment().items():
        if name.startswith(("OMP_", "GOMP_")):
            os.environ.setdefault(name, value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join(catalogue.NAMES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{names}; all of them by default")
    parser.add_argument("--mnist", type=Path, metavar="DIR", help="MNIST's four files (or GRADUS_BENCH_MNIST)")
    parser.add_argument("--rounds", type=int, default=3, help="of each comparison; the median counts")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(catalogue.NAMES))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {names}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
