"""The form of every kind of dataset in a browser: what is meant is shown, for everyone, and without scripts too."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gradus.core.form import fields_of, shown_of
from gradus.services import kinds

KINDS = [kind.id for kind in kinds.listing()]
OWN = {  # of "Use Image Folder" and so on: some of the fields that are meant, and some that are not
    "Use Text Files": (["labels", "image_folder", "shuffle"], ["minimum_per_class"]),
    "Use Table": (["image_folder", "minimum_per_class"], ["labels", "shuffle"]),
    "Upload Archive": (["minimum_per_class"], ["labels", "image_folder"]),
    "Use Image Folder": (["minimum_per_class"], ["labels", "image_folder", "shuffle"]),
}


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in {"serious", "critical"}]


@pytest.fixture(scope="module")
def marked(site) -> Path:
    """Pictures with one box each, as KITTI writes them."""
    folder = site.pictures.parent.parent / "marked"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(6):
        picture = np.full((60, 100, 3), 40 * number, np.uint8)
        assert cv2.imwrite(str(folder / "images" / f"{number}.png"), picture)
        line = f"Car 0.0 0 0.0 {10 + number} 20 40 50 1 1 1 0 0 0 0\n"
        (folder / "labels" / f"{number}.txt").write_text(line)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_the_form_is_for_everyone_also_with_errors_and_fits_a_phone(page: Page, site, kind) -> None:
    page.goto(f"{site.url}/datasets/new/{kind}")
    for summary in page.locator("main details:visible > summary").all():
        summary.click()
    assert not serious(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems a")).not_to_have_count(0)
    while page.evaluate("document.getAnimations().some((each) => each.playState === 'running')"):
        page.wait_for_timeout(50)
    assert not serious(page)
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_choice_does_not_need_is_not_shown(page: Page, site) -> None:
    page.goto(f"{site.url}/datasets/new/classification")
    for method, (meant, others) in OWN.items():
        page.get_by_text(method, exact=True).click()
        for name in meant:
            expect(page.locator(f"#{name}")).to_be_visible()
        for name in others:
            expect(page.locator(f"#{name}")).to_be_hidden()
    page.get_by_text("Use Table", exact=True).click()
    expect(page.get_by_text("Separate validation images")).to_be_hidden()  # nothing in it is meant
    expect(page.get_by_text("Hugging Face's metadata.csv")).to_be_visible()
    expect(page.locator("[name=train_upload]")).to_be_visible()
    page.get_by_text("Use Image Folder", exact=True).click()
    expect(page.get_by_text("Separate validation images")).to_be_visible()
    expect(page.get_by_text("Hugging Face's metadata.csv")).to_be_hidden()
    expect(page.locator("[name=train_upload]")).to_be_hidden()


def test_what_was_chosen_is_still_chosen_after_a_refusal(page: Page, site) -> None:
    page.goto(f"{site.url}/datasets/new/classification")
    page.get_by_text("Use Text Files", exact=True).click()
    page.locator("#labels").fill("/nowhere/labels.txt")
    page.get_by_text("JPEG (lossy)", exact=True).click()
    page.locator("#quality").fill("200")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#labels")).to_have_value("/nowhere/labels.txt")
    expect(page.locator("#quality")).to_have_value("200")
    expect(page.locator("#minimum_per_class")).to_be_hidden()
    page.locator("#problems a").filter(has_text="quality").click()
    expect(page.locator("#quality")).to_be_focused()
    page.get_by_text("PNG (lossless)", exact=True).click()
    page.get_by_role("button", name="Create").click()  # a quality that is not meant is not wrong
    expect(page.locator("#problems")).not_to_contain_text("quality")


@pytest.mark.parametrize("kind", KINDS)
def test_without_scripts_everything_is_there(chromium: Browser, site, kind) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.house.keys.start_url(site.url))
    page.goto(f"{site.url}/datasets/new/{kind}")
    for summary in page.locator("main details > summary").all():
        summary.click()
    for name, info in fields_of(kinds.model_of(kind)).items():
        shown = shown_of(info)
        if not shown.hidden and not shown.keys:
            field = page.locator(f'[name="{name}"]:not([type=hidden])').first
            expect(field.locator("xpath=ancestor::div[contains(@class, 'cell')]")).to_be_visible()
            if shown.when:
                expect(page.locator(".cell", has=field).get_by_text(re.compile("^Only with "))).to_be_visible()
    page.locator("#name").fill("Of no script")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#name")).to_have_value("Of no script")
    context.close()


def test_boxes_are_shown_before_anything_is_built(page: Page, site, marked) -> None:
    page.goto(f"{site.url}/datasets/new/image-object-detection")
    page.locator("#train_image_folder").fill(str(marked / "images"))
    page.locator("#train_label_folder").fill(str(marked / "labels"))
    page.keyboard.press("Escape")
    expect(page.locator("#name")).to_have_value("marked")
    page.get_by_role("button", name="See example").click()
    expect(page.locator("#example .sample")).not_to_have_count(0, timeout=20_000)
    expect(page.locator("#example")).to_contain_text("1 × car")
    box = page.locator("#example .boxes rect").first.bounding_box()
    picture = page.locator("#example .sample-picture img").first.bounding_box()
    assert box and picture
    assert picture["x"] <= box["x"] < box["x"] + box["width"] <= picture["x"] + picture["width"]
    assert not serious(page)


def test_an_example_that_nobody_asked_for_is_quiet_about_what_is_missing(page: Page, site, marked) -> None:
    page.goto(f"{site.url}/datasets/new/image-segmentation")
    page.locator("#feature_folder").fill(str(marked / "images"))
    page.keyboard.press("Tab")
    expect(page.locator("#example")).to_contain_text("Not yet: Label image folder must not be empty")
    expect(page.locator("#example .is-error")).to_have_count(0)
    page.get_by_role("button", name="See example").click()
    expect(page.locator("#example .is-error")).to_contain_text("Label image folder must not be empty")


def test_new_leads_to_every_kind(page: Page, site) -> None:
    page.goto(site.url)
    page.get_by_text("New", exact=True).click()
    for kind in kinds.listing():
        expect(page.locator(f'.menu-list a[href="/datasets/new/{kind.id}"]')).to_be_visible()
    assert not serious(page)
    page.get_by_role("link", name="Segmentation dataset").click()
    expect(page.locator("h1")).to_have_text("New Image Segmentation Dataset")


def test_every_kind_can_be_jumped_to(page: Page, site) -> None:
    page.goto(site.url)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Page, dataset or model").fill("new text class")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/datasets/new/text-classification$"))
