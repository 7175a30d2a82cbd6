"""Log lines as programs that were written for Caffe take them apart."""

from __future__ import annotations

import io
import os
import re
from datetime import datetime
from pathlib import Path

from gradus.engine.caffe.log import Log

# What DIGITS 6 takes a line apart with: severity, month and day, time, thread, place, words.
LINE = re.compile(r"^([IWEF])(\d{4} \d{2}:\d{2}:\d{2}\.\d{6}) +(\d+) ([\w.]+:\d+)\] (.*)$")


def test_a_line_has_the_parts_of_glog_s() -> None:
    stream = io.StringIO()
    Log(stream)("solver.cpp:218", "Iteration 0, loss = 2.3")
    found = LINE.match(stream.getvalue())
    assert found is not None
    assert found.group(1, 4, 5) == ("I", "solver.cpp:218", "Iteration 0, loss = 2.3")
    when = datetime.strptime(f"{datetime.now().year}{found[2]}", "%Y%m%d %H:%M:%S.%f")
    assert abs((datetime.now() - when).total_seconds()) < 60
    # `awk '{print $9}'` of Caffe's parse_log.sh takes the rate from "... Iteration 0, lr = 0.01".
    stream.seek(0)
    Log(stream)("sgd_solver.cpp:105", "Iteration 0, lr = 0.01")
    assert stream.getvalue().split("\n")[0].split()[8] == "0.01"


def test_little_may_be_left_out_but_nothing_fatal() -> None:
    stream = io.StringIO()
    log = Log(stream, least=4)
    log("a.cpp:1", "information")
    log.warn("a.cpp:1", "warning")
    log("a.cpp:1", "fatal", "F")
    assert [line.split("] ")[1] for line in stream.getvalue().splitlines()] == ["fatal"]


def test_a_folder_gets_a_file_and_a_link_to_the_newest(tmp_path: Path) -> None:
    log = Log(io.StringIO(), folder=tmp_path / "logs")
    log("solver.cpp:218", "Iteration 0")
    log.close()
    link = tmp_path / "logs" / "caffe.INFO"
    assert link.is_symlink()
    assert str(os.getpid()) in str(link.readlink())
    lines = link.read_text().splitlines()
    assert lines[0].startswith("Log file created at: ")
    assert lines[2] == "Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg"
    assert LINE.match(lines[3])
