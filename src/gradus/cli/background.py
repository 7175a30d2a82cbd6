"""`python -m gradus.cli.background HOME`: hosts the app until no job is left to do. Started by `--detach`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gradus.cli.connection import settings_for
from gradus.cli.guard import NO_SERVER, OK
from gradus.cli.hosting import hosted
from gradus.cli.output import complain
from gradus.core.errors import GradusError
from gradus.core.state import ENDED

if TYPE_CHECKING:
    from gradus.services.house import House

IDLE_SECONDS = 15.0  # without a job, in which whoever started us may still ask for something


def stay(house: House) -> None:
    """Return when there has been nothing to do for a while."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < IDLE_SECONDS:
        time.sleep(0.5)
        states = [state for counts in house.store.counts().values() for state, number in counts.items() if number]
        if any(state not in ENDED for state in states):
            idle_since = time.monotonic()


def main() -> int:
    """Host one home."""
    try:
        with hosted(settings_for(Path(sys.argv[1]))) as here:
            stay(here.house)
    except GradusError as error:
        complain(error)
        return NO_SERVER
    return OK


if __name__ == "__main__":
    sys.exit(main())
