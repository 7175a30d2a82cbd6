"""Flags in all the ways in which gflags takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.engine.caffe.flags import UsageError, parse


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "-solver", "s.prototxt", "-iterations", "7"],
        ["train", "--solver", "s.prototxt", "--iterations", "7"],
        ["train", "-solver=s.prototxt", "-iterations=7"],
        ["--solver=s.prototxt", "train", "--iterations=7"],
        ["--iterations=9", "--iterations=7", "--solver=s.prototxt", "train"],  # the last one counts
    ],
)
def test_a_flag_may_be_written_in_four_ways(arguments: list[str]) -> None:
    read = parse(arguments)
    assert (read.words, read.solver, read.iterations) == (["train"], "s.prototxt", 7)


def test_defaults_are_caffe_s() -> None:
    read = parse([])
    assert (read.iterations, read.level, read.sigint_effect, read.sighup_effect) == (50, 0, "stop", "snapshot")
    assert read.solver == read.weights == read.gpu == read.stage == read.phase == ""


@pytest.mark.parametrize(
    ("argument", "value"),
    [("--help", True), ("--nohelp", False), ("--help=false", False), ("-help=T", True), ("--help=0", False)],
)
def test_a_switch_is_on_or_off(argument: str, value: bool) -> None:
    assert parse([argument]).help is value


def test_the_switches_of_glog_are_taken() -> None:
    read = parse(["train", "-logtostderr", "--noalsologtostderr", "-v", "1", "--log_dir=/tmp/log"])
    assert (read.words, read.log_dir) == (["train"], "/tmp/log")


def test_after_two_dashes_come_words_only() -> None:
    assert parse(["draw", "--", "-in", "--out"]).words == ["draw", "-in", "--out"]


def test_a_value_may_begin_with_a_dash() -> None:
    assert parse(["--level", "-1"]).level == -1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--slover=x"], ["--slover", "--solver"]),
        (["--solver"], ["--solver", "lacks"]),
        (["--iterations=many"], ["--iterations", "many"]),
        (["--help=perhaps"], ["--help", "perhaps"]),
        (["--nosolver"], ["--nosolver"]),
    ],
)
def test_what_is_wrong_is_named(arguments: list[str], words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(arguments)
    said = f"{caught.value} {caught.value.problem.hint}"
    assert all(word in said for word in words)


def test_a_list_is_parted_at_commas() -> None:
    assert parse(["--weights= a.caffemodel, b.caffemodel,"]).listed("weights") == ["a.caffemodel", "b.caffemodel"]


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_command_line_is_read_or_refused(arguments: list[str]) -> None:
    try:
        read = parse(arguments)
    except UsageError:
        return
    assert sum(len(word) for word in read.words) <= sum(len(argument) for argument in arguments)
