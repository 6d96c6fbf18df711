"""What README and the documentation show works as written, from top to bottom of each page."""

import re
import runpy
import shutil
import wave

import numpy as np
import pytest

from pages import DIGITS, ROOT, Walk, blocks, needs_tensorflow, pages


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A directory with the files that the pages name: a model, its data, and that data as people have it."""
    folder = tmp_path_factory.mktemp("documentation")
    shutil.copytree(DIGITS / "saved_model", folder / "my_saved_model")
    for name in ("calibration.npz", "held_out.npz"):
        shutil.copy(DIGITS / name, folder)
    with np.load(DIGITS / "held_out.npz") as held_out:
        pictures(folder, held_out["image"][:40], held_out["labels"][:40])
        (folder / "arrays").mkdir()
        for number, image in enumerate(held_out["image"][:8]):
            np.save(folder / "arrays" / f"{number}.npy", image)
    sounds(folder)
    return folder


def pictures(folder, images, labels):
    """Grey pictures in a folder for each class, and a table of them."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    rows = ["path,label"]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / "photos" / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pillow.fromarray((image[..., 0] * 255).astype(np.uint8)).save(path)
        rows.append(f"{path.relative_to(folder)},{label}")
    (folder / "photos.csv").write_text("\n".join(rows))


def sounds(folder):
    """A few recordings, and a model that hears them."""
    from octavo.ir.graph import Model, Signature
    from octavo.ir.text import parse
    from octavo.ops import registry
    from octavo.write.tflite import to_bytes

    (folder / "clips").mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(-3000, 3000, 400).astype("<i2")
        with wave.open(str(folder / "clips" / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
            file.writeframes(noise.tobytes())
    text = """main(%audio: float32[batch,400]) {
      %w = const float32[4,400]
      %y = FULLY_CONNECTED(%audio, %w)
      return %y
    }"""
    graph = parse(text, registry().ops)
    signature = Signature("serving_default", graph, ("audio",), ("class",))
    (folder / "sound_model.tflite").write_bytes(to_bytes(Model([graph], signatures=[signature])))


@pytest.fixture
def workplace(furnished, tmp_path, monkeypatch):
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def quick(page):
    return not needs_tensorflow(page)


@pytest.mark.parametrize("page", list(filter(quick, pages())))
@pytest.mark.filterwarnings("ignore::octavo.lite.OctavoWarning")
@pytest.mark.usefixtures("workplace")
def test_a_page_works_from_top_to_bottom(page):
    Walk(page).through()


@pytest.mark.parametrize("page", pages())
def test_what_a_page_shows_and_does_not_run_has_a_reason(page):
    for block in blocks(page):
        if block.is_only_text and block.comment != "test command":
            assert len(block.comment) > len("not run: because"), f"{block} gives no reason"


@pytest.mark.parametrize("page", pages())
def test_every_recipe_of_a_page_is_one(page, workplace):
    import msgspec

    from octavo.recipe import read_recipe

    for block in blocks(page):
        if block.language in ("toml", "json") and not block.is_only_text:
            if block.title:
                (workplace / block.title).write_text(block.text)
            decode = getattr(msgspec, block.language).decode
            assert read_recipe(decode(block.text)), str(block)


@pytest.mark.parametrize("page", pages())
def test_every_page_has_one_title_and_begins_with_what_the_reader_gets(page):
    lines = (ROOT / page).read_text().splitlines()
    assert lines[0].startswith("# ")
    assert (
        len(
            [
                line
                for line in re.sub(r"```.*?```", "", "\n".join(lines), flags=re.DOTALL).splitlines()
                if line.startswith("# ")
            ]
        )
        == 1
    )
    assert next(line for line in lines[1:] if line.strip())[0] not in "#`|-", "the first words are a sentence"


GENERATED = {
    "docs/reference/commands.md": "write_command_reference.py",
    "docs/reference/errors.md": "write_error_reference.py",
    "docs/reference/recipes.md": "write_recipe_reference.py",
    "docs/reference/operations.md": "write_operation_reference.py",
    "docs/architecture.md": "write_architecture.py",
    "docs/decisions/index.md": "write_decision_index.py",
    "docs/peers.md": "write_peers.py",
}


@pytest.mark.parametrize("page", GENERATED)
def test_a_page_that_a_script_writes_is_what_it_writes_now(page):
    written = runpy.run_path(str(ROOT / "tools" / GENERATED[page]))
    assert (ROOT / page).read_text() == written["page"](), "if the change is meant: python tools/write_pages.py"


def test_readme_is_under_150_lines_and_shows_the_report():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) < 150
    picture = ROOT / "docs/images/report.png"
    assert picture.name in text
    assert picture.stat().st_size < 200_000
