"""Keys of stores: taken from whoever sends them, and given to the job that needs them. No answer holds them."""

from __future__ import annotations

from typing import TypeVar

from gradus.core.credentials import Credentials
from gradus.core.dataset import DatasetOptions
from gradus.core.job import Job
from gradus.data.remote import secrets
from gradus.services.house import House

O = TypeVar("O", bound=DatasetOptions)  # noqa: E741 - of any kind


def keep(house: House, keys: Credentials) -> str:
    """Keep keys for an hour, or as long as a job needs them; the reference by which a dataset's options name them."""
    return secrets.keep(house.home.path / secrets.FOLDER, keys)


def located(house: House, options: O) -> O:
    """The options with the file of the keys in place of their reference."""
    return secrets.located(options, (house.home.path / secrets.FOLDER,))


def clear(house: House) -> None:
    """Remove keys that were sent and not used."""
    secrets.remove_old(house.home.path / secrets.FOLDER)


def lend(house: House, options: DatasetOptions, job: Job) -> None:
    """Give a job its own copy of the keys that its options refer to."""
    secrets.lend(options, house.home.path / secrets.FOLDER, house.home.job_folder(job.id))
