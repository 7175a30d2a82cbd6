"""All routes of the API, under `/api/v1`."""

from __future__ import annotations

from fastapi import APIRouter

from gradus.web.api import (
    datasets,
    docs,
    jobs,
    kinds,
    models,
    networks,
    predictions,
    quality,
    secrets,
    system,
    uploads,
)

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX)
for part in (datasets, quality, kinds, uploads, secrets, models, predictions, jobs, networks, system, docs):
    router.include_router(part.router)
