"""report.html in headless Chromium: it opens from a file, shows designs, works by keyboard, in the dark and on a phone."""

from __future__ import annotations

import json
import time

import pytest
from chromium import dark, needs_chromium, requests_of
from report_pages import HOSTILE, write_hostile_page
from waiting import PATIENCE_S, within

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return write_hostile_page(tmp_path_factory.mktemp("page")).as_uri()


@pytest.fixture
def page(browser, url):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    dark(browser, False)
    browser.get(url)
    browser.execute_script("localStorage.clear()")
    browser.get(url)
    return browser


def css(browser, selector):
    return browser.find_element("css selector", selector)


def focus(browser):
    return browser.switch_to.active_element


def shown_design(browser):
    return css(browser, "#task0 .panel").text


def test_it_opens_without_an_error_or_a_request(page, url):
    assert requests_of(page, url) == [url]
    assert page.get_log("browser") == []
    assert page.title.startswith("plain/task, </title><b>task</b>")


def test_hostile_names_stay_text(page):
    assert page.execute_script("return document.images.length") == 0
    labels = [each.get_attribute("textContent") for each in page.find_elements("css selector", "summary .name")]
    assert set(HOSTILE[:3]) <= set(labels)
    for point in page.find_elements("css selector", "#task1 svg.wide .pt.best")[:4]:
        page.execute_script("arguments[0].dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))", point)
    assert "owned" not in page.title
    assert page.get_log("browser") == []


def test_pointing_at_a_design_shows_it(page):
    from selenium.webdriver import ActionChains

    before = shown_design(page)
    data = json.loads(css(page, "#data").get_attribute("textContent"))
    points = page.find_elements("css selector", "#task0 .plane:not([hidden]) svg.wide .pt.best")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", points[-1])
    ActionChains(page).move_to_element(points[-1].find_element("css selector", ".mark")).perform()
    after = shown_design(page)
    assert after != before
    task = data["tasks"][0]
    solver, seeds, number = task["planes"][0][int(points[-1].get_attribute("data-point"))]
    design = task["designs"][number]
    assert data["solvers"][solver]["name"] in after
    assert seeds in after
    for value in (*design["metrics"], *design["hardware"]):
        assert value in after
    array = css(page, "#task0 .panel [data-field=array]").get_attribute("aria-label")
    assert f"{design['array'][0]} columns and {design['array'][1]} rows" in array
    assert "chosen" in points[-1].get_attribute("class")


def test_the_keyboard_reaches_every_design(page):
    from selenium.webdriver import Keys

    page.execute_script("document.querySelector('#task0 .on-the-way').focus()")
    page.switch_to.active_element.send_keys(Keys.TAB)
    first = page.switch_to.active_element
    assert first.get_attribute("data-point") == "0"
    seen = {shown_design(page)}
    names = [first.accessible_name]
    for _ in range(4):
        page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
        names.append(page.switch_to.active_element.accessible_name)
        seen.add(shown_design(page))
    assert len(set(names)) == 5
    assert len(seen) > 2
    page.switch_to.active_element.send_keys(Keys.HOME)
    assert page.switch_to.active_element.get_attribute("data-point") == "0"
    page.switch_to.active_element.send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("data-point") is None  # one stop of Tab for a figure


def test_the_skip_link_is_first_and_leads_to_the_results(page):
    from selenium.webdriver import Keys

    css(page, "body").send_keys(Keys.TAB)
    link = page.switch_to.active_element
    assert link.text == "Skip to the results"
    link.send_keys(Keys.ENTER)
    assert within(lambda: focus(page).get_attribute("id") == "main"), (
        "the browser moves it when it draws its next frame"
    )


def test_the_axis_is_switched(page):
    def shown():
        return [each.get_attribute("data-key") for each in charts if each.is_displayed()]

    charts = page.find_elements("css selector", "#task0 .curves[aria-labelledby] .chart")
    assert shown() == ["queries"]
    page.execute_script("document.querySelector('#task0 .curves').scrollIntoView({behavior: 'instant'})")
    css(page, "#task0 .curves input[value=seconds]").click()
    assert shown() == ["seconds"]
    assert "seconds" in css(page, "#task0 .chart[data-key=seconds] svg.wide").text


def test_a_solver_is_hidden_everywhere_and_comes_back(page):
    marks = page.find_elements("css selector", "#task0 svg.wide .end.s0, #task1 svg.wide .pt.best.s0")
    displayed = [each.is_displayed() for each in marks]
    assert any(displayed)
    box = css(page, "#task0 .curves [data-toggle='0']")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", box)
    box.click()
    assert not any(each.is_displayed() for each in marks)
    assert all(not each.is_selected() for each in page.find_elements("css selector", "[data-toggle='0']"))
    stops = page.find_elements("css selector", "#task0 .plane:not([hidden]) svg.wide .pt:not(.off)[tabindex='0']")
    assert len(stops) == 1
    box.click()
    assert [each.is_displayed() for each in marks] == displayed


def background(page):
    return page.execute_script("return getComputedStyle(document.documentElement).backgroundColor")


def test_dark_follows_the_system_and_the_switch(page, url):
    light = background(page)
    dark(page, True)
    at_night = background(page)
    assert at_night != light
    button = css(page, "#theme")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert background(page) == light
    assert button.get_attribute("aria-pressed") == "false"
    page.get(url)
    assert background(page) == light  # it is remembered


_CONTRAST = """
const parse = (color) => {  // rgb(r, g, b) or rgba(r, g, b, a)
  const parts = color.match(/[\\d.]+/g).map(Number);
  return [parts[0], parts[1], parts[2], parts.length > 3 ? 255 * parts[3] : 255];
};
const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const color = parse(getComputedStyle(each).backgroundColor);
    if (color[3] === 255) return color;
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.getClientRects().length || element.closest('.skip, script, noscript, svg')) continue;
  const [one, two] = [luminance(parse(getComputedStyle(element).color)), luminance(ground(element))];
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  if (ratio < 4.5) low.push([element.className, element.textContent.trim().slice(0, 30), ratio]);
}
return low;
"""


@pytest.mark.parametrize("night", [False, True], ids=["light", "dark"])
def test_all_text_has_the_contrast_of_aa(page, night):
    dark(page, night)
    page.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.execute_script(_CONTRAST) == []


def test_a_phone_shows_it_without_scrolling_sideways(page, url):
    metrics = {"width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.get(url)
    page.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.execute_script("return document.documentElement.scrollWidth") == 320
    chart = css(page, "#task0 .chart:not([hidden])")
    assert chart.find_element("css selector", "svg.narrow").is_displayed()
    assert not chart.find_element("css selector", "svg.wide").is_displayed()
    size = page.execute_script(
        "const text = document.querySelector('#task0 .chart svg.narrow text');"
        "return 12 * text.getScreenCTM().a"  # how large a text of 12 px is
    )
    assert size >= 9
    point = css(page, "#task0 .plane:not([hidden]) svg.narrow .pt.best:last-of-type")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", point)
    before = shown_design(page)
    point.find_element("css selector", ".mark").click()
    assert shown_design(page) != before


def test_without_scripts_every_chart_is_there(browser, url):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(url)
        charts = _rendered(browser, "#task0 .chart, #task0 .plane")
        assert len(charts) > 4
        assert all(charts)
        assert _rendered(browser, "#theme") == [False]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def _rendered(browser, selector):
    """Whether each element is drawn, without a script: a node that is not drawn has no box.

    The browser may renumber its nodes once more after a page has loaded; numbers from before are then unknown.
    """
    from selenium.common.exceptions import WebDriverException

    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            root = browser.execute_cdp_cmd("DOM.getDocument", {})["root"]["nodeId"]
            found = browser.execute_cdp_cmd("DOM.querySelectorAll", {"nodeId": root, "selector": selector})
            return [_has_box(browser, node) for node in found["nodeIds"]]
        except WebDriverException as error:
            if "Could not find node" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.1)


def _has_box(browser, node):
    from selenium.common.exceptions import WebDriverException

    try:
        browser.execute_cdp_cmd("DOM.getBoxModel", {"nodeId": node})
    except WebDriverException as error:
        if "compute box model" not in str(error):
            raise
        return False
    return True
