"""Pages that are open while things happen: snapshots as they come, and a server that goes and comes back."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from gradus.core.model import TrainingOptions
from gradus.services import jobs, models
from gradus.web.app import create_app
from gradus.web.serve import listen, make_server


@pytest.fixture
def second_server(site) -> Iterator[tuple[int, Callable[[], Callable[[], None]]]]:
    """Another server of the same house: its port, and how to start it; starting answers how to stop it."""
    keep = listen("127.0.0.1", 0)
    port = keep.getsockname()[1]
    keep.close()
    running: list[Callable[[], None]] = []

    def begin() -> Callable[[], None]:
        server = make_server(create_app(site.house))
        listening = listen("127.0.0.1", port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)

        def end() -> None:
            server.should_exit = True
            thread.join(20)

        running.append(end)
        return end

    yield port, begin
    for end in running:
        end()


def test_every_snapshot_appears_while_it_trains(page: Page, site, hostile_model) -> None:
    model = models.create(
        site.house,
        TrainingOptions(
            name="Many snapshots", dataset=hostile_model[0], epochs=24, batch_size=8, snapshot_interval=1, device="cpu"
        ),
    )
    page.goto(f"{site.url}/models/{model.id}/files")
    rows = page.locator("#snaps tbody tr")
    expect(rows.first).to_be_visible(timeout=30_000)
    expect(page.locator("#job-head .status")).to_have_text("Done", timeout=60_000)
    expect(rows).to_have_count(24)
    jobs.delete(site.house, model.id)


def test_a_page_says_that_it_is_offline_and_comes_back_with_the_truth(
    context, site, hostile_model, second_server
) -> None:
    port, begin = second_server
    end = begin()
    page = context.new_page()  # its errors while nobody answers are no mistake
    page.goto(site.house.keys.start_url(f"http://127.0.0.1:{port}"))
    page.goto(f"http://127.0.0.1:{port}/models/{hostile_model[1]}")
    name = jobs.get(site.house, hostile_model[1]).name
    expect(page.locator("#job-head .status")).to_have_text("Done")
    page.wait_for_timeout(500)
    end()
    expect(page.locator(".offline")).to_contain_text("Offline")
    jobs.edit(site.house, hostile_model[1], jobs.JobChange(name="Renamed meanwhile"))
    begin()
    expect(page.locator(".offline")).to_have_count(0, timeout=20_000)
    expect(page.locator("#job-head h1")).to_have_text("Renamed meanwhile", timeout=10_000)
    jobs.edit(site.house, hostile_model[1], jobs.JobChange(name=name))
    expect(page.locator("#job-head h1")).to_contain_text("alert(1)")
