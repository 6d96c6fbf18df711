"""Writes `docs/images/report.png`: the top of the report of the example, as Chromium shows it.

`python tools/picture_report.py` after a change of how the report looks. Needs playwright and Chromium, as the tests do.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import octavo

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
PICTURE = ROOT / "docs" / "images" / "report.png"
SIZE = {"width": 1100, "height": 1000}


def report() -> str:
    """The page of the digits in int8, judged on held-out pictures."""
    result = octavo.convert(DIGITS / "saved_model", recipe="int8", samples=DIGITS / "calibration.npz")
    command = (
        "octavo convert my_saved_model -o my_model.tflite --recipe int8 --samples calibration.npz --report report.html"
    )
    run = octavo.record(result, held_out=DIGITS / "held_out.npz", source=DIGITS / "saved_model", command=command)
    return run.to_html()


def main() -> None:
    """Write the picture, in few colors: it has to be small."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        (Path(folder) / "report.html").write_text(report(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, device_scale_factor=1.5, color_scheme="light")
        page.goto((Path(folder) / "report.html").as_uri())
        page.wait_for_selector("html[data-ready=true]")
        shot = Path(folder) / "shot.png"
        page.screenshot(path=shot)
        browser.close()
        with Image.open(shot) as image:
            image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
