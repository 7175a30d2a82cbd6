"""A real server on a home of its own, real Chromium, and a page that tells of everything that goes wrong in it."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, sync_playwright

from gradus.core.classification import ClassificationOptions
from gradus.core.model import TrainingOptions
from gradus.core.state import ENDED
from gradus.data.samples.write import write_sample
from gradus.services import datasets, jobs, models
from gradus.services.house import House
from gradus.services.settings import load_settings
from gradus.web.app import create_app
from gradus.web.serve import listen, make_server

CHROMIUM = shutil.which("chromium")
HERE = Path(__file__).parent
# A50: texts that would run, or spoil the page, if anything took them for markup
HOSTILE = '"><img src=x onerror=alert(1)>{{7*7}}${7*7}'
HOSTILE_NAME = "<script>alert(1)</script>\u202e javascript:alert(1) " + HOSTILE
_WATCH = """
window.cspReports = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.cspReports.push(event.violatedDirective + " " + event.blockedURI + " " + event.sample));
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is one of Chromium: Playwright's event loop stays in the process, so they run in their own."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


@dataclass
class Site:
    """The running server."""

    url: str
    house: House
    pictures: Path  # a folder with a sub-folder for each class
    test_pictures: Path

    def wait(self, job_id: str, seconds: float = 120) -> None:
        """Until a job has ended."""
        end = time.monotonic() + seconds
        while jobs.get(self.house, job_id).state not in ENDED:
            assert time.monotonic() < end, f"{job_id} goes on for too long"
            time.sleep(0.1)


@dataclass
class Seen:
    """What a page must not do."""

    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    sample = write_sample("shapes", folder / "data" / "shapes")
    settings = load_settings(home=folder / "home", data_roots=[folder / "data"], auth="token")
    house = House(settings).open()
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = make_server(create_app(house))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        yield Site(url, house, sample.folder / "train", sample.folder / "test")
    finally:
        server.should_exit = True
        thread.join(20)
        house.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def signed_in(chromium: Browser, site: Site) -> StorageState:
    """The cookies of one who has opened the address that the terminal shows."""
    with chromium.new_context() as made:
        made.new_page().goto(site.house.keys.start_url(site.url))
        return made.storage_state()


@pytest.fixture
def context(chromium: Browser, signed_in: StorageState) -> Iterator[BrowserContext]:
    """A signed-in browser of its own."""
    made = chromium.new_context(
        viewport={"width": 1400, "height": 900}, reduced_motion="reduce", storage_state=signed_in
    )
    made.set_default_timeout(15_000)
    made.add_init_script(_WATCH)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; at the end it must have had no error, no dialog and no report of the content policy."""
    opened = context.new_page()
    seen = Seen()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:  # answers that a test asks for
            seen.errors.append(message.text)

    opened.on("console", said)
    opened.on("pageerror", lambda error: seen.errors.append(str(error)))
    opened.on("dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    opened.on("framenavigated", lambda _: None)
    yield opened
    seen.errors.extend(opened.evaluate("window.cspReports ?? []"))
    assert not seen.errors


@pytest.fixture(scope="session")
def hostile_model(site: Site) -> tuple[str, str]:
    """Ids of a dataset and a model, both done, whose names, classes, notes and group are hostile texts."""
    folder = site.pictures.parent.parent / "hostile"
    for name, source in zip((HOSTILE, "=cmd|' '!A0", "x" * 120), sorted(site.pictures.iterdir()), strict=False):
        target = folder / name
        target.mkdir(parents=True)
        for picture in sorted(source.iterdir())[:8]:
            shutil.copy(picture, target / f"{HOSTILE[:20]}{picture.name}")
    (folder / HOSTILE / f"broken{HOSTILE}.png").write_bytes(b"not a picture")
    dataset = datasets.create(
        site.house,
        ClassificationOptions(
            name=HOSTILE_NAME, group=HOSTILE, train=str(folder), width=28, height=28, channels=1, unreadable_percent=50
        ),
    )
    model = models.create(
        site.house,
        TrainingOptions(name=HOSTILE_NAME, group=HOSTILE, dataset=dataset.id, epochs=2, batch_size=8, device="cpu"),
    )
    jobs.edit(site.house, model.id, jobs.JobChange(notes=HOSTILE_NAME))
    jobs.edit(site.house, dataset.id, jobs.JobChange(notes=HOSTILE_NAME))
    site.wait(model.id)
    return dataset.id, model.id
