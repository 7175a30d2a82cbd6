"""Every page: for everyone (axe, light and dark), with hostile names, by keyboard, and without JavaScript."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gradus.core.classification import ClassificationOptions
from gradus.core.model import TrainingOptions
from gradus.services import datasets, jobs, models

PAGES = [
    "/", "/?tab=datasets", "/jobs", "/datasets/new/classification", "/datasets/{dataset}",
    "/datasets/{dataset}/explore",
    "/models/new/classification", "/models/{model}", "/models/{model}/charts", "/models/{model}/test",
    "/models/{model}/network", "/models/{model}/files", "/models/{model}/log", "/plugins", "/no/such/page",
]  # fmt: skip


def address(site, path: str, ids: tuple[str, str]) -> str:
    return site.url + path.format(dataset=ids[0], model=ids[1])


COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def serious(page: Page, options: dict[str, object] | None = None) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in {"serious", "critical"}]


def settle(page: Page) -> None:
    page.wait_for_load_state("load")
    expect(page.locator("[data-module]:not([data-started=yes])")).to_have_count(0)
    page.wait_for_timeout(400)  # drawings come from a worker


@pytest.mark.parametrize("path", PAGES)
def test_page_is_for_everyone_shows_hostile_names_as_text_and_fits_a_phone(
    page: Page, site, hostile_model, path
) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")  # colours that change slowly are none yet
    page.goto(address(site, path, hostile_model))
    settle(page)
    assert not serious(page)
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("h1").count() == 1
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_timeout(300)  # drawings follow
    while page.evaluate("document.getAnimations().some((each) => each.playState === 'running')"):
        page.wait_for_timeout(50)
    assert not serious(page, COLOURS)  # all else is the same in the dark
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_hostile_names_are_read_as_they_are(page: Page, site, hostile_model) -> None:
    page.goto(address(site, "/models/{model}", hostile_model))
    expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")
    expect(page).to_have_title(re.compile(r"<script>alert\(1\)</script>"))
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Page, dataset or model").fill("onerror")
    expect(page.get_by_role("option").first).to_contain_text("{{7*7}}${7*7}")


def test_keyboard_alone(page: Page, site, hostile_model) -> None:
    page.goto(site.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.locator("body").press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Filter by name")).to_be_focused()
    page.keyboard.type("no such name")
    expect(page.locator("#list")).to_contain_text("Nothing is called")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    expect(page.locator("#list table")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile("/jobs$"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/(models|datasets)/[0-9]"))


def test_a_file_of_python_layers_is_read_into_its_field_and_the_network_checked_with_it(page: Page, site) -> None:
    page.goto(f"{site.url}/models/new/classification")
    page.locator('input[name="network"][value="custom"]').check()
    page.locator("summary", has_text="Python layers").click()
    code = b"import caffe\nclass Same(caffe.Layer):\n  def reshape(self, bottom, top):\n    raise ValueError('seen')\n"
    page.locator('textarea[name="network_text"]').evaluate(
        """(field) => { field.value = 'layer { name: "same" type: "Python" bottom: "data" top: "same"'
             + ' python_param { module: "digits_python_layers" layer: "Same" } }'
             + ' layer { name: "prob" type: "Softmax" bottom: "same" top: "prob" }'; }"""
    )
    file = {"name": "mine.py", "mimeType": "text/x-python", "buffer": code}
    page.locator("#python_layers_file").set_input_files(file)
    expect(page.locator("#python_layers")).to_have_value(code.decode())
    expect(page.locator("#network-problems")).to_contain_text("line 4 of module", timeout=30_000)
    expect(page.locator("#network-problems")).to_contain_text("seen")


def test_a_large_network_is_drawn_to_be_read_and_its_layers_are_found(page: Page, site) -> None:
    large = datasets.create(
        site.house,
        ClassificationOptions(name="Large", train=str(site.pictures), minimum_per_class=2, maximum_per_class=4),
    )
    site.wait(large.id)
    page.goto(f"{site.url}/models/new/classification?dataset={large.id}")
    page.locator('input[name="network"][value="googlenet"]').check()
    expect(page.locator('#graph .node[data-node="inception_3a/1x1"]')).to_have_count(1)
    first = page.locator('#graph .node[data-node="conv1/7x7_s2"]')
    assert first.bounding_box()["height"] >= 24  # 40 at full size: its texts can be read
    assert page.locator("#graph .graph-overview").is_visible()
    page.get_by_label("Find a layer").fill("inception_5b")
    page.get_by_label("Find a layer").press("Enter")
    page.locator("#graph").scroll_into_view_if_needed()
    expect(page.locator("#graph .node[aria-pressed=true]")).to_have_attribute("data-node", re.compile("inception_5b"))
    expect(page.locator("#graph .node[aria-pressed=true]")).to_be_in_viewport()
    expect(page.get_by_role("region", name="Layer inception_5b")).to_be_visible()
    page.locator("#graph svg.canvas").focus()
    page.keyboard.press("f")
    expect(page.locator("#graph.filled")).to_have_count(1)
    assert page.locator("#graph").bounding_box()["height"] == page.viewport_size["height"]
    page.keyboard.press("Escape")
    expect(page.locator("#graph.filled")).to_have_count(0)
    before = page.locator("#graph .all").get_attribute("transform")
    page.locator("#graph svg.canvas").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#graph .all")).not_to_have_attribute("transform", before)


def test_theme_stays_chosen(page: Page, site) -> None:
    page.goto(site.url)
    page.get_by_label("Look and help").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 16, 20)")
    page.reload()
    expect(page.locator("body")).to_have_css("background-color", "rgb(14, 16, 20)")


def test_form_keeps_everything_and_leads_to_what_is_wrong(page: Page, site) -> None:
    page.goto(f"{site.url}/datasets/new/classification")
    page.get_by_label("Training Images", exact=True).fill("/etc")
    page.get_by_label("Width").fill("nan")
    page.get_by_label("Dataset Name").fill("Keeps its name")
    page.get_by_text("Grayscale", exact=True).click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems li")).to_have_count(2)
    expect(page.get_by_label("Dataset Name")).to_have_value("Keeps its name")
    expect(page.get_by_label("Grayscale")).to_be_checked()
    page.locator("#problems a").filter(has_text="Width").click()
    expect(page.get_by_label("Width")).to_be_focused()


def test_waiting_running_aborted_and_failed_are_told(page: Page, site) -> None:
    folder = site.pictures
    dataset = datasets.create(
        site.house, ClassificationOptions(name="States", train=str(folder), width=48, height=48, maximum_per_class=60)
    )
    long = models.create(site.house, TrainingOptions(name="Long", dataset=dataset.id, epochs=2000, device="cpu"))
    second = models.create(site.house, TrainingOptions(name="Second", dataset=dataset.id, epochs=2, device="cpu"))
    page.goto(f"{site.url}/models/{long.id}")
    expect(page.locator("#job-head .status")).to_have_text("Running", timeout=30_000)
    expect(page.locator("#job-head progress")).to_be_visible()
    expect(page.locator(".chart-main canvas")).to_be_visible(timeout=30_000)
    page.goto(site.url)
    expect(page.locator(".running-job")).to_contain_text("Long")
    page.goto(f"{site.url}/models/{second.id}")
    expect(page.locator("#job-head")).to_contain_text("Waiting")
    page.get_by_role("button", name="Abort").click()
    expect(page.locator("#job-head .status")).to_have_text("Aborted")
    page.goto(f"{site.url}/models/{long.id}")
    page.get_by_role("button", name="Abort").click()
    expect(page.locator("#job-head .status")).to_have_text("Aborted", timeout=20_000)
    failed = models.create(
        site.house, TrainingOptions(name="Too fast", dataset=dataset.id, epochs=20, learning_rate=1e20, device="cpu")
    )
    page.goto(f"{site.url}/models/{failed.id}")
    expect(page.locator("#job-head .status")).to_have_text("Failed", timeout=60_000)
    expect(page.locator("#job-head .notice")).to_contain_text("learning rate")
    page.goto(f"{site.url}/datasets/{dataset.id}")
    page.get_by_label("More").click()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Too fast")
    for model in (second, long, failed):
        jobs.delete(site.house, model.id)


def test_without_javascript_pages_still_tell_and_classify(chromium: Browser, site, hostile_model) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.house.keys.start_url(site.url))
    page.goto(address(site, "/models/{model}", hostile_model))
    expect(page.locator("#job-head .status")).to_have_text("Done")
    expect(page.get_by_role("link", name="Refresh")).to_be_visible()
    page.goto(address(site, "/models/{model}/test", hostile_model))
    page.get_by_label("Choose a picture").set_input_files(sorted((site.test_pictures / "star").iterdir())[0])
    page.get_by_role("button", name="Classify One").click()
    expect(page.locator(".result img")).to_be_visible()
    expect(page.locator(".result .bar")).to_have_count(3)
    context.close()


def test_signing_in_and_out(chromium: Browser, site) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/jobs")
    expect(page).to_have_url(re.compile("/login"))
    expect(page.locator("h1")).to_have_text("Sign in to Gradus")
    assert not serious(page)
    page.get_by_label("Token").fill("not the token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(site.house.keys.start_token)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/jobs$"))
    page.get_by_label("Look and help").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))
    context.close()
