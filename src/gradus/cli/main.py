"""`gradus`: the commands, each in a module of its own. What is heavy is imported by a command when it runs."""

from __future__ import annotations

import os
import sys

from gradus.cli.version import version_line

FAILED = 1


def main() -> None:
    """The entry point. The last boundary: nobody is shown a traceback who has not asked for one."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(version_line() + "\n")
        return
    from gradus.cli.app import app

    try:
        app()
    except Exception as error:  # the boundary: whatever gets here is a mistake of ours
        if os.environ.get("GRADUS_DEBUG"):
            raise
        sys.stderr.write(f"Error: this should not have happened: {type(error).__name__}: {error}\n")
        sys.stderr.write("Hint: run it again with GRADUS_DEBUG=1 to see where, and please report it.\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
