"""A real headless Chromium, and runs to look at."""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

import octavo
from octavo.report.record import Histogram, LayerError, Run

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture(scope="session")
def run():
    """The digits in int8, measured on labelled samples."""
    result = octavo.convert(DIGITS / "saved_model", recipe="int8", samples=DIGITS / "calibration.npz")
    return octavo.record(
        result, held_out=DIGITS / "held_out.npz", source=DIGITS / "saved_model", command="octavo convert …"
    )


@pytest.fixture(scope="session")
def long_run(run):
    """A thousand layers in blocks, with every precision."""
    kinds = ("int8", "int8", "int16x8", "float32", "dynamic", "weight_only", "float16", "exact")
    layers = tuple(
        msgspec.structs.replace(
            run.layers[number % len(run.layers)],
            number=number,
            node=f"net/block_{number // 8}_{number % 8}/out",
            layer=f"net/block_{number // 8}_part_{number % 8}",
            precision=kinds[number % 8],
            error=LayerError(sqnr=40 - number % 37 / 2, own=45.0),
        )
        for number in range(1000)
    )
    drawn = tuple(
        Histogram(tensor=layer.node, graph=layer.graph, made_by=layer.node, seen_low=-2, seen_high=6, dtype="int8",
                  counts=tuple(range(64)), low=-1.5, high=5, scale=0.025, zero_point=-68)
        for layer in layers
    )  # fmt: skip
    return msgspec.structs.replace(run, layers=layers, histograms=drawn)


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra: test)")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no chromium on this machine: apt-get install chromium, or set CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a run as a page; the test fails on whatever the console says, and on any use of the network."""
    complaints, pages = [], []

    def opened(run: Run, *, against=None, width=1180, **context):
        path = tmp_path / f"report{len(pages)}.html"
        path.write_text(run.to_html(against=against))
        page = browser.new_page(viewport={"width": width, "height": 900}, **context)
        pages.append(page)
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
