"""Where a network's data lies, as the texts that are derived for a training name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sources:
    """What stands in the data layers of the derived text, relative to it; the engine feeds the same data itself.

    `mean_values` are per channel, 0 to 255, in the order of the stored pixels (blue, green, red, or gray).
    """

    train: str = "train_db"
    val: str | None = "val_db"
    mean_file: str | None = None
    mean_values: tuple[float, ...] = ()
    hdf5: bool = False  # the databases are HDF5 files, named by a list in each
