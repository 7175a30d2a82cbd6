"""Speed as ratios: Gradus beside what people would use instead, in one process and in turns.

`python -m benchmarks` runs all of them, `python -m benchmarks training validation` some; `--write`
puts the table into `docs/benchmarks.md`. Nothing here is a test: the figures depend on the machine.
"""
