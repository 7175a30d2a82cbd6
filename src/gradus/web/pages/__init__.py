"""The pages: HTML made on the server from the same services that REST calls."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from gradus.web.pages import dataset_new, datasets, home, jobs, model_new, model_schedule, model_test, models

router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
for part in (home, dataset_new, datasets, model_new, model_schedule, models, model_test, jobs):
    router.include_router(part.router)
