"""The solver's part of the model form: what is shown, sent and drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from gradus.core.model import TrainingOptions
from gradus.services import jobs, models

FORM = "{}/models/new/classification?dataset={}"


def shown(page: Page) -> set[str]:
    """The settings that can be seen."""
    return {
        place.get_attribute("data-setting") or ""
        for place in page.locator("[data-setting]").all()
        if place.is_visible()
    }


@pytest.fixture
def form(page: Page, site, hostile_model) -> Iterator[Page]:
    page.goto(FORM.format(site.url, hostile_model[0]))
    page.locator("summary", has_text="Advanced learning rate").click()
    expect(page.locator("#schedule canvas")).to_have_count(1)
    yield page


def test_only_the_settings_of_the_chosen_ones_are_shown(form: Page) -> None:
    always = {"learning_rate", "weight_decay"}
    assert shown(form) == always | {"momentum", "step_percent", "gamma"}
    form.get_by_label("Solver type").select_option("adam")
    form.get_by_label("Policy").select_option("poly")
    assert shown(form) == always | {"momentum", "momentum2", "delta", "power"}
    expect(form.get_by_label("Base Learning Rate")).to_have_attribute("placeholder", "0.001")
    form.get_by_label("Solver type").select_option("adagrad")
    form.get_by_label("Policy").select_option("fixed")
    assert shown(form) == always | {"delta"}


def test_the_curve_follows_what_is_typed(form: Page) -> None:
    caption, drawing = form.locator("#schedule figcaption"), form.locator("#schedule [role=img]")
    expect(caption).to_contain_text("1e-5 after 30 epochs")
    form.get_by_label("Policy").select_option("sigmoid")
    form.get_by_label("Training epochs").fill("1")
    expect(caption).to_contain_text(re.compile(r"6\.\d+e-5 after 1 epoch$"))
    expect(drawing).to_have_attribute("aria-label", re.compile("^Learning rate from 0.0099"))
    form.get_by_label("Policy").select_option("multistep")
    form.get_by_label("Step Values").fill("60,20")
    expect(form.locator("#schedule")).to_contain_text("Step Values must be percentages in rising order")
    form.get_by_label("Step Values").fill("20,60")
    expect(caption).to_contain_text("0.0025 after 1 epoch")
    form.locator("#schedule .u-over").hover(position={"x": 2, "y": 20})
    expect(caption).to_contain_text("0.01 at epoch 0")


def test_a_clone_changes_its_solver_without_what_the_old_one_had(form: Page, site, hostile_model) -> None:
    """The values that were recorded are the old solver's own: they give way. What a person chose stays."""
    model = models.create(
        site.house,
        TrainingOptions(name="To clone", dataset=hostile_model[0], epochs=1, gamma=0.3, device="cpu"),
    )
    site.wait(model.id)
    form.goto(f"{site.url}/models/new/classification?clone={model.id}")
    form.locator("summary", has_text="Advanced learning rate").click()
    expect(form.get_by_label("Momentum", exact=True)).to_have_value("0.9")
    form.get_by_label("Solver type").select_option("adagrad")
    form.get_by_label("Policy").select_option("exp")
    expect(form.get_by_label("Gamma")).to_have_value("0.3")
    expect(form.get_by_label("Base Learning Rate")).to_have_value("")
    form.get_by_label("Model Name").fill("Cloned")
    form.get_by_role("button", name="Create").click()
    expect(form).to_have_url(re.compile(r"/models/[0-9]"))
    expect(form.locator("main")).to_contain_text("Exponential Decay")
    made = models.options_of(site.house, form.url.rsplit("/", 1)[1])
    assert (made.momentum, made.delta, made.gamma, made.step_percent) == (None, 1e-8, 0.3, None)
    jobs.abort(site.house, form.url.rsplit("/", 1)[1])


def test_without_scripts_every_setting_can_be_typed(chromium, signed_in, site, hostile_model) -> None:
    with chromium.new_context(java_script_enabled=False, storage_state=signed_in) as plain:
        page = plain.new_page()
        page.goto(FORM.format(site.url, hostile_model[0]))
        page.locator("summary", has_text="Advanced learning rate").click()
        assert {"momentum2", "rms_decay", "delta", "step_values", "power"} <= shown(page)
        expect(page.locator("[data-setting=rms_decay]")).to_contain_text("For rmsprop.")
        page.locator("#solver").select_option("rmsprop")
        page.locator("#rms_decay").fill("0.9")
        page.locator("#name").fill("Plain")
        page.locator("#device").select_option("cpu")
        page.get_by_role("button", name="Create").click()
        assert re.search(r"/models/[0-9]", page.url)
        made = page.url.rsplit("/", 1)[1]
        assert models.options_of(site.house, made).rms_decay == 0.9
        jobs.abort(site.house, made)
