"""The Python client of the REST API.

    from gradus import Client
    from gradus.client import ClassificationOptions

    with Client("http://127.0.0.1:5000", token="...") as client:
        job = client.datasets.create(ClassificationOptions(name="pets", train="/data/pets"))
        client.jobs.wait(job.id)

Everything is typed with the nouns of `gradus.core`; a problem that the server answers is raised as
the error of `gradus.core.errors` that it stands for.
"""

from gradus.client.client import Client
from gradus.core.classification import ClassificationOptions
from gradus.core.errors import GradusError
from gradus.core.model import TrainingOptions

__all__ = ["ClassificationOptions", "Client", "GradusError", "TrainingOptions"]
