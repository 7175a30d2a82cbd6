"""The pages: HTML made on the server from the same services that REST calls."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gradus.web.pages import (
    dataset_explore,
    dataset_new,
    dataset_quality,
    datasets,
    home,
    job_files,
    jobs,
    model_new,
    model_schedule,
    model_test,
    models,
    plugins,
)

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
PARTS = (
    home, dataset_new, datasets, dataset_explore, dataset_quality, model_new, model_schedule, models, model_test,
    job_files, jobs, plugins,
)  # fmt: skip
for part in PARTS:
    router.include_router(part.router)
