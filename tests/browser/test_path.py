"""The whole path by clicking: pictures, dataset, explore, model, live chart, one picture classified."""

import re

from playwright.sync_api import Page, expect


def test_from_a_folder_of_pictures_to_a_model_that_reads_them(page: Page, site) -> None:
    page.goto(site.url)
    page.get_by_text("New", exact=True).click()
    page.locator('.menu-list a[href="/datasets/new/classification"]').click()

    # the path completes, the name follows the folder, the example appears by itself
    page.get_by_label("Training Images", exact=True).press_sequentially(str(site.pictures.parent)[:-2])
    option = page.get_by_role("option", name=str(site.pictures.parent), exact=True)
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_label("Training Images", exact=True).press_sequentially("train")
    page.keyboard.press("Escape")
    page.get_by_label("Width").fill("32")
    page.get_by_label("Height").fill("32")
    expect(page.locator("#example img")).to_have_count(12)
    expect(page.locator("#example")).to_contain_text("in 6 classes")
    page.locator("#maximum_per_class").fill("40")
    page.get_by_label("Dataset Name").fill("Shapes by hand")
    page.get_by_role("button", name="Create").click()

    # the page follows the build without being reloaded
    expect(page).to_have_url(re.compile(r"/datasets/\d{8}-\d{6}-[0-9a-f]{10}$"))
    expect(page.locator("#job-head .status")).to_have_text("Done", timeout=30_000)
    expect(page.locator("#dataset-body .tile").first).to_contain_text("6")
    expect(page.get_by_text("crescent moon").first).to_be_visible()

    # explore by class, one picture large, keys left and right
    page.get_by_role("navigation", name="Parts of this dataset").get_by_role("link", name="Explore").click()
    expect(page.locator(".cells img")).to_have_count(60)
    page.get_by_label("Class").select_option(label="star (30)")
    expect(page.locator(".cells img")).to_have_count(30)
    page.locator(".cells a").first.click()
    first = page.locator("#viewer-shots img").first.get_attribute("src")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-shots img").first).not_to_have_attribute("src", first)
    page.keyboard.press("Escape")
    page.get_by_role("navigation", name="Parts of this dataset").get_by_role("link", name="Overview").click()

    # the model form draws the network for this dataset before anything is trained
    page.get_by_role("link", name="New model from this").click()
    expect(page.get_by_label("Model Name")).to_have_value("Shapes by hand LeNet")
    expect(page.locator("#graph .node")).not_to_have_count(0)
    expect(page.locator("#checks")).to_contain_text("compiles")
    conv = page.locator('#graph .node[data-node="conv1"]')
    expect(conv).to_have_attribute("aria-label", re.compile(r"20×28×28"))  # 32 - 5 + 1, twenty filters
    page.get_by_label("Training epochs").fill("6")
    page.get_by_role("button", name="Create").click()

    # charts grow while it learns
    expect(page).to_have_url(re.compile(r"/models/\d{8}-\d{6}-[0-9a-f]{10}$"))
    expect(page.locator("[data-series='train/loss'] strong")).not_to_have_text("–", timeout=60_000)
    expect(page.locator(".chart-main canvas")).to_be_visible()
    expect(page.locator("#job-head .status")).to_have_text("Done", timeout=120_000)
    expect(page.locator(".chart-summary")).to_contain_text("validation accuracy")
    expect(page.locator("#snapshots .name")).to_have_count(6)

    # classify one: uploaded, then named by path
    page.get_by_role("link", name="Classify an image").click()
    picture = sorted((site.test_pictures / "star").iterdir())[0]
    page.get_by_label("Choose a picture").set_input_files(picture)
    expect(page.locator(".result")).to_have_count(1)
    expect(page.locator(".result .bars [role=listitem]")).to_have_count(5)
    expect(page.locator(".result-note")).to_contain_text("ms")
    page.get_by_label("Image Path").fill(str(picture))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Classify One").click()
    expect(page.locator(".result")).to_have_count(2)
    answers = page.locator(".result-answer").all_inner_texts()
    assert answers[0] == answers[1]


def test_a_custom_network_with_a_mistake_marks_its_line_and_keeps_the_last_drawing(
    page: Page, hostile_model, site
) -> None:
    page.goto(f"{site.url}/models/new/classification?dataset={hostile_model[0]}")
    expect(page.locator("#graph .node")).not_to_have_count(0)
    page.get_by_role("button", name="Customize").click()
    text = page.locator(".cm-content")
    expect(text).to_contain_text("Convolution")
    page.evaluate("document.querySelector('#network-problems').replaceChildren()")
    text.click()
    page.keyboard.press("Control+Home")
    page.keyboard.insert_text('layer { name: "wrong" type: "NoSuchLayer" bottom: "data" top: "x" }\n')
    page.keyboard.press("Control+Enter")
    expect(page.locator("#network-problems")).to_contain_text("NoSuchLayer")
    expect(page.locator("#network-problems")).to_contain_text("Line 1")
    expect(page.locator("#graph.stale .node")).not_to_have_count(0)
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)

    # sent all the same: nothing is lost, and the summary leads to the editor
    page.get_by_label("Model Name").fill("Kept name")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#problems")).to_contain_text("NoSuchLayer")
    expect(page.get_by_label("Model Name")).to_have_value("Kept name")
    expect(page.locator(".cm-content")).to_contain_text("NoSuchLayer")
