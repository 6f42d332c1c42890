"""The report in headless Chromium: what only a browser can tell. Skipped where there is none.

On Debian and Ubuntu `apt-get install chromium chromium-driver`. Contrast is checked in tests/unit.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from iam_hardening.commands.report import write
from iam_hardening.commands.report.recorded import Rehearsed
from tests.unit.reports import HOSTILE, a_report

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_READY_WITHIN_SECONDS, _ANSWER_WITHIN_SECONDS = 30, 120
_PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
_DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
_TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not (_CHROMIUM and _DRIVER), reason="no chromium and chromedriver on this machine"),
]


class Browser:
    """One page, driven by WebDriver and Chromium's own protocol."""

    def __init__(self, session_url: str) -> None:
        self._url = session_url

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(f"{self._url}/{path}", json=body, timeout=_ANSWER_WITHIN_SECONDS)
        answer.raise_for_status()
        return answer.json()["value"]

    def open(self, page: Path) -> None:
        self._ask("url", {"url": page.as_uri()})

    def look(self, script: str) -> Any:
        return self._ask("execute/sync", {"script": script, "args": []})

    def command(self, name: str, **parameters: Any) -> Any:
        return self._ask("goog/cdp/execute", {"cmd": name, "params": parameters})

    def press_tab(self) -> None:
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, **_TAB)

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self._ask("se/log", {"type": "browser"})]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = subprocess.Popen([str(_DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    profile = tmp_path_factory.mktemp("profile")
    options = {"binary": _CHROMIUM, "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
    wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
    session = ""
    try:
        _wait_until_ready(url)
        made = requests.post(
            f"{url}/session", json={"capabilities": wanted}, timeout=_ANSWER_WITHIN_SECONDS
        ).json()
        session = f"{url}/session/{made['value']['sessionId']}"
        yield Browser(session)
    finally:
        if session:
            requests.delete(session, timeout=_ANSWER_WITHIN_SECONDS)
        driver.terminate()
        driver.wait(10)


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            requests.get(f"{url}/status", timeout=1)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"chromedriver was not ready within {_READY_WITHIN_SECONDS} s")


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    _show(browser, tmp_path, a_report())
    browser.command("Emulation.setDeviceMetricsOverride", **_DESK)
    browser.command("Emulation.setEmulatedMedia", features=[])
    return browser


def _show(browser: Browser, folder: Path, report: dict[str, Any]) -> None:
    (folder / "report.html").write_text(write.html(Rehearsed.model_validate(report)), encoding="utf-8")
    browser.complaints()  # about earlier pages
    browser.open(folder / "report.html")


@pytest.mark.parametrize("screen", [_PHONE, _DESK], ids=["phone", "desk"])
def test_the_page_never_scrolls_sideways(page: Browser, screen: dict[str, Any]) -> None:
    page.command("Emulation.setDeviceMetricsOverride", **screen)
    for opened in ("false", "true"):
        page.look(f"document.querySelectorAll('details').forEach(each => each.open = {opened})")
        assert page.look("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("screen", [_PHONE, _DESK], ids=["phone", "desk"])
def test_the_matrix_keeps_its_headings_in_sight(page: Browser, screen: dict[str, Any]) -> None:
    # So low that even the small matrix of the test is longer.
    page.command("Emulation.setDeviceMetricsOverride", **{**screen, "height": 120})
    below, across = page.look(
        "const matrix = document.querySelector('.matrix');"
        "matrix.scrollTop = matrix.scrollHeight; matrix.scrollLeft = 40;"
        "const box = matrix.getBoundingClientRect();"
        "const at = name => matrix.querySelector(name).getBoundingClientRect();"
        "return [[matrix.scrollTop, at('thead th:last-child').top - box.top],"
        "        at('thead th').left - box.left]"
    )
    assert below[0] > 0
    assert abs(below[1]) <= 2
    assert abs(across) <= 2


def test_the_style_sheet_counts_under_the_content_security_policy(page: Browser) -> None:
    assert page.look("return getComputedStyle(document.querySelector('.skip')).position") == "absolute"
    assert page.complaints() == []


def test_nothing_is_asked_from_anywhere(page: Browser) -> None:
    assert page.look("return performance.getEntriesByType('resource').length") == 0


def test_a_script_that_got_in_would_not_run(page: Browser) -> None:
    page.look(
        "const own = document.createElement('script'); own.textContent = 'window.ran = true';"
        "document.body.append(own)"
    )
    assert page.look("return window.ran === undefined")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_shown_as_text(browser: Browser, tmp_path: Path, hostile: str) -> None:
    _show(browser, tmp_path, a_report(named=hostile))
    assert browser.look("return document.querySelectorAll('script, img, iframe').length") == 0
    shown = browser.look("return document.querySelector('#compared tbody th').firstChild.textContent")
    assert shown == hostile
    assert browser.complaints() == []


def test_dark_is_dark_and_light_is_light(page: Browser) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.command("Emulation.setEmulatedMedia", features=features)
        colours.add(page.look("return getComputedStyle(document.body).backgroundColor"))
    assert colours == {"rgb(251, 250, 248)", "rgb(22, 24, 28)"}


def test_the_keyboard_reaches_every_link_and_reason_and_the_focus_is_seen(page: Browser) -> None:
    wanted = page.look("return document.querySelectorAll('a, summary, [tabindex=\"0\"]').length")
    reached = []
    for _ in range(wanted):
        page.press_tab()
        reached.append(
            page.look(
                "const here = document.activeElement, style = getComputedStyle(here);"
                "return [here.outerHTML.slice(0, 200), here.tagName, style.outlineStyle, style.outlineWidth]"
            )
        )
    hidden = page.look("return document.querySelectorAll('details:not([open]) [tabindex=\"0\"]').length")
    seen = [each for each in reached if each[1] != "BODY"]
    assert len(seen) >= wanted - hidden
    assert {(style, width) for _, _, style, width in seen} == {("solid", "3px")}
