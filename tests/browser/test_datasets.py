"""A dataset's pages in Chromium: marks over the samples, one of them large, keys, findings, and for everyone."""

import shutil

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_pages import COLOURS, serious, settle

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.flaw import Flaw
from gradus.services import datasets, kinds, quality, samples

TABS = ("", "/explore", "/quality", "/files", "/log")


@pytest.fixture(scope="module")
def boxed(site) -> str:
    """The 40 stars of the test pictures, each with its box."""
    stars = [site.pictures.parent / f"test{kind}" / "star" for kind in ("", "_boxes")]
    options = kinds.model_of("image-object-detection").model_validate(
        {"name": "stars", "train_image_folder": str(stars[0]), "train_label_folder": str(stars[1])}
        | {"padding_image_width": None, "padding_image_height": None, "custom_classes": "dontcare,star"}
    )
    job = datasets.create(site.house, options)
    site.wait(job.id)
    return job.id


@pytest.fixture(scope="module")
def leaky(site) -> str:
    """Two classes of which validation has three pictures of training."""
    root = site.pictures.parent.parent / "leaky"
    for name in ("star", "circle"):
        for split, source in (("train", site.pictures), ("val", site.test_pictures)):
            shutil.copytree(source / name, root / split / name)
    for number in range(3):
        shutil.copy(site.pictures / "star" / f"{number:04d}.png", root / "val" / "star" / f"again{number}.png")
    job = datasets.create(
        site.house,
        ClassificationOptions(
            name="leaky", train=str(root / "train"), validation=str(root / "val"), width=32, height=32
        ),
    )
    site.wait(job.id)
    return job.id


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("kind", ["boxed", "leaky"])
def test_every_tab_is_for_everyone_and_fits_a_phone(page: Page, site, request, kind: str, tab: str) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.goto(f"{site.url}/datasets/{request.getfixturevalue(kind)}{tab}")
    settle(page)
    assert not serious(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_timeout(300)
    while page.evaluate("document.getAnimations().some((each) => each.playState === 'running')"):
        page.wait_for_timeout(50)
    assert not serious(page, COLOURS)
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_boxes_lie_over_what_they_mark_and_go_with_a_key(page: Page, site, boxed: str) -> None:
    page.goto(f"{site.url}/datasets/{boxed}/explore")
    settle(page)
    cells = page.locator(".cells > li")
    assert page.locator(".boxes rect").count() == cells.count() > 30
    image, drawn = (page.locator(f".cells > li:first-child .shot > {tag}").bounding_box() for tag in ("img", "svg"))
    assert image == drawn
    marks = page.locator(".boxes").first
    expect(marks).to_have_css("opacity", "1")
    page.keyboard.press("o")
    expect(marks).to_have_css("opacity", "0")
    page.keyboard.press("o")
    expect(marks).to_have_css("opacity", "1")
    page.locator(".legend a", has_text="dontcare").hover()
    expect(page.locator(".boxes rect").first).to_have_class("is-faded")


def test_one_sample_large_with_all_that_is_known_of_it_by_keys_alone(page: Page, site, leaky: str) -> None:
    page.goto(f"{site.url}/datasets/{leaky}/explore")
    settle(page)
    links = page.locator(".cells a")
    links.nth(0).focus()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).not_to_be_focused()
    links.nth(1).focus()
    page.keyboard.press("Enter")
    viewer = page.locator("#viewer")
    expect(viewer).to_be_visible()
    first = page.locator("#viewer-key").inner_text()
    assert first.startswith("00000001_")
    facts = page.locator("#viewer-facts")
    expect(facts).to_contain_text("64 × 64")  # the size of the file
    expect(facts).to_contain_text(".png")
    expect(page.locator("#viewer-similar img").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-key")).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(viewer).not_to_be_visible()


def test_the_large_view_turns_the_page_at_the_last_sample(page: Page, site, leaky: str) -> None:
    page.goto(f"{site.url}/datasets/{leaky}/explore")
    settle(page)
    page.locator(".cells a").last.click()
    expect(page.locator("#viewer-key")).to_contain_text("00000059_")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**page=2**")
    expect(page.locator("#viewer-key")).to_contain_text("00000060_")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**page=1**")
    expect(page.locator("#viewer-key")).to_contain_text("00000059_")


def test_leaks_are_warned_of_until_they_are_dealt_with(page: Page, site, leaky: str) -> None:
    page.goto(f"{site.url}/datasets/{leaky}")
    expect(page.locator("#leaks")).to_contain_text("samples leak")
    page.get_by_role("link", name="Look at them").click()
    page.locator(".finding", has_text="in another split too").get_by_role("link", name="Show", exact=True).click()
    assert page.locator(".cells > li").count() >= 3
    flawed = samples.listing(site.house, leaky, Split.VAL, problem=Flaw.LEAKS).items
    files = {quality.detail(site.house, leaky, Split.VAL, each.index).file.rpartition("/")[2] for each in flawed}
    assert {f"again{number}.png" for number in range(3)} <= files
    page.go_back()
    boxes = page.locator(".finding input[type=checkbox]")
    ticked = [boxes.nth(number) for number in range(boxes.count()) if boxes.nth(number).is_checked()]
    for box in ticked:
        box.uncheck()
    page.get_by_role("button", name="Make the version").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is ticked")
    assert not page.locator(".finding input[type=checkbox]:checked").count()
    page.locator(".finding", has_text="in another split too").get_by_role("checkbox").check()
    page.get_by_role("button", name="Make the version").click()
    page.wait_for_url(lambda url: leaky not in url)
    made = page.url.rpartition("/")[2]
    site.wait(made)
    page.reload()
    expect(page.locator("#leaks")).to_have_count(0)
    expect(page.get_by_role("link", name="leaky", exact=True)).to_be_visible()  # what it was made of
    page.goto(f"{site.url}/datasets/{leaky}/quality")
    page.locator("#note").fill("a test of the page")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#leaks")).to_have_count(0)
    expect(page.locator("body")).to_contain_text("a test of the page")
    page.get_by_role("button", name="Warn again").click()
    expect(page.locator("#leaks")).to_be_visible()
