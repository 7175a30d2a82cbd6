"""The growing end of a worker's log."""

from __future__ import annotations

from pathlib import Path

MOST = 1 << 16  # bytes at once; of a log that grows faster only the newest part is shown


class LogTail:
    """Gives what was added since the last look, whole lines only. The first look only finds the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset: int | None = None

    def read(self) -> str:
        """The new lines; empty where there are none."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                if self._offset is None:
                    self._offset = size
                start = 0 if size < self._offset else self._offset  # it was cut and begins anew
                start = max(start, size - MOST)
                file.seek(start)
                data = file.read(size - start)
        except FileNotFoundError:
            self._offset = 0
            return ""
        end = data.rfind(b"\n") + 1
        self._offset = start + end
        return data[:end].decode(errors="replace")
