"""The command line: help, exit codes, messages, JSON."""

import errno
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import octavo
from octavo.cli.app import app
from octavo.cli.terminal import folded
from octavo.errors import InternalError, Invalid, SamplesError, TargetError, Unsupported
from octavo.runtime import Runtime
from octavo.showing import shortened

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = str(DIGITS / "saved_model")
CALIBRATION = str(DIGITS / "calibration.npz")
HELD_OUT = str(DIGITS / "held_out.npz")
COMMANDS = [
    "convert",
    "evaluate",
    "compare",
    "debug",
    "blame",
    "inspect",
    "report",
    "benchmark",
    "plan",
    "targets",
    "demo",
    "doctor",
]
RUN = [sys.executable, "-c", "from octavo.cli import main; main()"]
IMPATIENT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from octavo.cli import main, progress
progress.PATIENCE = 0.01
main()
"""
"""The command line with a bar that appears at once, however fast the machine is; as in a terminal it can be interrupted, even where the tests
run in the background of a shell, which makes children ignore that."""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="octavo")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A float and an int8 model of the digits."""
    folder = tmp_path_factory.mktemp("converted")
    result = run(
        "convert", MODEL, "-o", folder / "int8.tflite", "-r", "int8", "--samples", CALIBRATION,
        "--save-float", folder / "float.tflite", "--save-plan", folder / "plan.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder, result


def test_help_lists_the_commands_in_the_order_of_a_first_visit():
    result = run("--help")
    listed = [line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line[2:3].isalpha()]
    assert result.exit_code == 0
    assert listed == COMMANDS


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "plan"])  # a group of its own
def test_the_help_of_a_command_is_its_docstring_with_options_in_sections(command):
    text = run(command, "--help").stdout
    assert "What is printed:" in text
    assert "--json" in text
    assert "\\b" not in text


def test_examples_in_the_help_keep_their_lines():
    assert "    octavo convert my_model -o my.tflite -r dynamic\n" in run("convert", "--help").stdout


def test_the_version_is_the_packages():
    assert run("--version").stdout == f"octavo {octavo.__version__}\n"


def test_help_imports_neither_numpy_nor_the_runtime_nor_tqdm():
    code = (
        "import sys\nfrom octavo.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'tqdm', 'ai_edge_litert', 'google.protobuf'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_mistyped_command_brings_the_nearest_to_mind():
    result = run("convret")
    assert result.exit_code == 2
    assert "Did you mean 'convert'?" in result.stderr


def test_a_mistyped_option_brings_the_nearest_to_mind():
    result = run("convert", MODEL, "-o", "x.tflite", "--recip", "int8")
    assert result.exit_code == 2
    assert "--recipe" in result.stderr


def test_a_mistyped_recipe_brings_the_nearest_to_mind(tmp_path):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "in8")
    assert result.exit_code == 2
    assert "did you mean 'int8'" in result.stderr


@pytest.mark.parametrize("command", [
    ("inspect", DIGITS / "saved_mode"),
    ("inspect", DIGITS.parent / "digit" / "saved_model"),
    ("convert", MODEL, "-o", "{tmp}/x.tflite", "-r", "int8", "--samples", DIGITS / "calibratoin.npz"),
])  # fmt: skip
def test_a_mistyped_path_brings_its_nearest_sibling_to_mind(command, tmp_path):
    result = run(*(str(part).replace("{tmp}", str(tmp_path)) for part in command))
    assert result.exit_code == 2
    assert f"did you mean '{DIGITS}" in result.stderr


def test_a_file_of_no_known_format_is_the_model_files_fault(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"not a model at all")
    result = run("inspect", path)
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")
    assert f"  at: {path}\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_truncated_tflite_is_the_model_files_fault(converted, tmp_path):
    folder, _ = converted
    path = tmp_path / "cut.tflite"
    path.write_bytes((folder / "int8.tflite").read_bytes()[:2000])
    assert run("inspect", path).exit_code == 3


@pytest.mark.parametrize(("error", "code"), [
    (Unsupported("no"), 4), (TargetError("no"), 5), (InternalError("no"), 70), (ZeroDivisionError("no"), 70),
])  # fmt: skip
def test_each_kind_of_error_has_its_exit_code(monkeypatch, error, code):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(octavo, "inspect", fails)
    result = run("inspect", MODEL)
    assert result.exit_code == code
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("inspect", MODEL, "--debug").stderr


def test_an_unexpected_error_says_how_to_report_it(monkeypatch):
    monkeypatch.setattr(octavo, "inspect", lambda *_, **__: 1 / 0)
    assert "please report it" in run("inspect", MODEL).stderr


def test_with_json_an_error_is_a_document_too():
    result = run("inspect", DIGITS / "saved_mode", "--json")
    told = json.loads(result.stdout)["error"]
    assert told["kind"] == "UsageError"
    assert told["code"] == result.exit_code == 2


def test_convert_tells_the_size_the_precisions_and_the_next_command(converted):
    folder, result = converted
    assert "of the float model's" in result.stdout
    assert "CONV_2D ×4" in result.stdout
    assert f"next: octavo evaluate {folder}/int8.tflite --reference {folder}/float.tflite" in result.stdout


def test_converting_prints_json_and_nothing_else(tmp_path):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--json", "--rule", "op=SOFTMAX,precision=float32",
                 "-r", "int8", "--samples", CALIBRATION)  # fmt: skip
    told = json.loads(result.stdout)
    assert told["size"] == (tmp_path / "x.tflite").stat().st_size
    assert told["precisions"]["float32"] == {"SOFTMAX": 1}


def test_a_quiet_conversion_prints_nothing(tmp_path):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--quiet")
    assert result.output == ""
    assert (tmp_path / "x.tflite").exists()


def test_a_replayed_plan_gives_the_same_bytes(converted, tmp_path):
    folder, _ = converted
    assert run("convert", MODEL, "-o", tmp_path / "x.tflite", "--plan", folder / "plan.json").exit_code == 0
    assert (tmp_path / "x.tflite").read_bytes() == (folder / "int8.tflite").read_bytes()


def test_a_plan_and_a_recipe_contradict_each_other(converted, tmp_path):
    folder, _ = converted
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--plan", folder / "plan.json", "-r", "int8")
    assert result.exit_code == 2
    assert "leave out --recipe" in result.stderr


def test_a_plan_that_does_not_exist_brings_its_nearest_sibling_to_mind(converted, tmp_path):
    folder, _ = converted
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--plan", folder / "plans.json")
    assert result.exit_code == 2
    assert "plan.json" in result.stderr


def test_a_quantized_model_is_not_quantized_again(converted, tmp_path):
    folder, _ = converted
    result = run("convert", folder / "int8.tflite", "-o", tmp_path / "x.tflite", "-r", "dynamic")
    assert result.exit_code == 4
    assert "quantized already" in result.stderr


def test_what_stays_float_is_grouped_by_reason(tmp_path):
    told = json.loads(run("convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "weight_only", "--json").stdout)
    reasons = {group["reason"]: group["operations"] for group in told["left_float"]}
    assert reasons["it has no weights"]["LOGISTIC"] == 2


@pytest.mark.parametrize(("output", "says"), [
    ("", "this is a directory"), ("missing/x.tflite", "does not exist"),
])  # fmt: skip
def test_an_output_that_cannot_be_written_is_told_before_any_work(tmp_path, monkeypatch, output, says):
    monkeypatch.setattr(octavo, "convert", lambda *_, **__: pytest.fail("work has begun"))
    result = run("convert", MODEL, "-o", tmp_path / output)
    assert result.exit_code == 2
    assert says in result.stderr


def test_the_output_never_replaces_the_input(converted):
    folder, _ = converted
    result = run("convert", folder / "float.tflite", "-o", folder / "float.tflite")
    assert result.exit_code == 2
    assert "would replace the input" in result.stderr


def test_a_failed_conversion_leaves_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"old")
    assert run("convert", MODEL, "-o", path, "-r", "int8").exit_code == 2
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_recipe_that_needs_samples_asks_for_them(tmp_path):
    assert "--samples" in run("convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "int8").stderr


@pytest.mark.parametrize("rule", ["op", "op=", "precision=int9", "ops=SOFTMAX,precision=int8", "op=SOFTMAX"])
def test_a_malformed_rule_is_a_usage_error(tmp_path, rule):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--rule", rule)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("shape", ["image", "image=1,,2", "image=1,x", "image=1,-2", "=1,2"])
def test_a_malformed_shape_is_a_usage_error(tmp_path, shape):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--shape", shape)
    assert result.exit_code == 2
    assert f"--shape '{shape}'" in result.stderr


def test_a_shape_fixes_the_batch(tmp_path):
    assert run("convert", MODEL, "-o", tmp_path / "x.tflite", "--shape", "image=1,20,20,1").exit_code == 0
    assert octavo.inspect(tmp_path / "x.tflite").signatures[0].inputs[0].shape == (1, 20, 20, 1)


def frozen(path):
    """A graph of nodes in a row: wav, image, hidden, scores, trash."""
    from octavo.read.saved_model.protos import message

    graph = message("GraphDef")()
    for name, op, source in [
        ("wav", "Placeholder", ()),
        ("image", "Abs", ("wav",)),
        ("hidden", "Exp", ("image",)),
        ("scores", "Relu", ("hidden",)),
        ("trash", "Floor", ("scores",)),
    ]:
        node = graph.node.add(name=name, op=op, input=source)
        node.attr["dtype" if op == "Placeholder" else "T"].type = 1
    path.write_bytes(graph.SerializeToString())
    return path


def test_a_frozen_graph_is_cut_at_the_nodes_that_are_named(tmp_path):
    source, target = frozen(tmp_path / "frozen.pb"), tmp_path / "x.tflite"
    cut = ("--input-node", "image", "--output-node", "scores", "--shape", "image=2,3")
    assert run("convert", source, "-o", target, *cut).exit_code == 0
    (signature,) = octavo.inspect(target).signatures
    assert [(port.name, port.shape) for port in signature.inputs] == [("image", (2, 3))]
    assert [port.name for port in signature.outputs] == ["scores"]
    assert [node.op for graph in octavo.inspect(target).graphs for node in graph.operations] == ["EXP", "RELU"]


def test_nodes_of_what_is_no_frozen_graph_are_a_usage_error(tmp_path):
    result = run("convert", MODEL, "-o", tmp_path / "x.tflite", "--output-node", "scores")
    assert result.exit_code == 2
    assert "frozen" in result.stderr


def test_evaluate_and_compare_run_the_signature_that_is_named(tmp_path):
    from octavo.ir.graph import Model, Signature
    from octavo.ir.text import parse
    from octavo.ops import registry
    from octavo.write.tflite import to_bytes

    graphs = [
        parse(f"{op}(%x: float32[batch,3]) {{\n %y = {op}(%x)\n return %y\n}}", registry().ops)
        for op in ("NEG", "RELU")
    ]
    keys = ("negative", "positive")
    path = tmp_path / "two.tflite"
    signatures = [Signature(key, graph, ("x",), (key,)) for key, graph in zip(keys, graphs, strict=True)]
    path.write_bytes(to_bytes(Model(graphs, signatures)))
    np.savez(tmp_path / "s.npz", x=np.eye(3, dtype=np.float32), labels=np.arange(3))
    given = ("--samples", tmp_path / "s.npz", "--json", "--signature")
    scored = [json.loads(run("evaluate", path, *given, key).stdout)["evaluation"] for key in keys]
    assert [each["judgements"][0]["score"]["value"] for each in scored] == [0, 1]
    compared = [json.loads(run("compare", path, path, *given, key).stdout) for key in keys]
    assert [each["outputs"][0]["name"] for each in compared] == list(keys)
    assert "no signature" in run("compare", path, path, *given, "odd").stderr


def test_evaluate_scores_both_models_and_tells_chance_from_loss(converted):
    folder, _ = converted
    command = ("evaluate", folder / "int8.tflite", "--samples", HELD_OUT, "--reference", folder / "float.tflite")
    told = json.loads(run(*command, "--json").stdout)
    (judged,) = told["evaluation"]["judgements"]
    assert judged["score"]["low"] < judged["score"]["value"] < judged["score"]["high"]
    # one sample in a hundred is beyond what int8 costs a network with rounding errors 30 dB below its signal
    assert abs(judged["difference"]["value"]) < 0.01
    assert told["evaluation"]["outputs"][0]["agreement"] > 0.99
    text = run(*command).stdout
    assert "95 % interval" in text
    assert " worse; " in text


def test_evaluate_takes_several_metrics_in_one_pass(converted):
    folder, _ = converted
    text = run("evaluate", folder / "int8.tflite", "--samples", HELD_OUT, "--metric", "top2", "--metric", "f1_macro")
    assert [line.split()[0] for line in text.stdout.splitlines() if "%" in line][1:] == ["top2", "f1_macro"]


def test_compare_tells_outputs_layers_size_and_latency(converted):
    folder, _ = converted
    command = ("compare", folder / "float.tflite", folder / "int8.tflite", "--samples", HELD_OUT)
    told = json.loads(run(*command, "--json").stdout)
    assert told["candidate_size"] < told["reference_size"]
    text = run(*command, "--layers", 2).stdout
    assert "Layers that lost most" in text
    assert "latency" in text


def test_comparing_a_model_with_itself_is_equal(converted):
    folder, _ = converted
    result = run("compare", folder / "float.tflite", folder / "float.tflite", "--samples", HELD_OUT)
    assert "equal" in result.stdout


def test_a_directory_cannot_be_evaluated():
    result = run("evaluate", MODEL, "--samples", HELD_OUT)
    assert result.exit_code == 2
    assert "octavo convert" in result.stderr


def test_an_unknown_metric_brings_the_nearest_to_mind(converted):
    folder, _ = converted
    result = run("evaluate", folder / "int8.tflite", "--samples", HELD_OUT, "--metric", "acuracy")
    assert result.exit_code == 2
    assert "did you mean 'accuracy'" in result.stderr


def test_the_demo_measures_every_precision(tmp_path):
    told = json.loads(run("demo", "-o", tmp_path / "demo", "--json").stdout)
    assert {row["mode"]: Path(row["file"]).stat().st_size for row in told["modes"]} == {
        row["mode"]: row["size"] for row in told["modes"]
    }
    assert len(told["modes"]) == 7
    # the float model gets 96.65 % right; each precision is inside the float model's own 95 % interval
    assert all(row["score"]["value"] > 0.9547 for row in told["modes"])
    assert all((tmp_path / "demo" / f"digits_{row['mode']}.plan.json").exists() for row in told["modes"])


def test_a_closed_pipe_is_no_defect():
    command = [*RUN, "inspect", MODEL, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        told = process.stderr.read().decode()
    assert told == ""


SIZELESS = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
"""The environment, without what would say another size than the terminal."""


def in_terminal(*arguments, interrupt_at=b"", environment=None, columns=80):
    """What a command writes to a terminal, and its exit code; it is interrupted once `interrupt_at` appears."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 40, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, *map(str, arguments)], stdin=follower, stdout=follower, stderr=follower, close_fds=True,
        env={**SIZELESS, "TERM": "xterm-256color", **(environment or {})}, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(follower)
        text, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                part = os.read(leader, 4096)
            except OSError:  # what a pseudo-terminal says when its other end is closed
                break
            if not part:
                break
            text += part
            if interrupt_at and interrupt_at in text:
                process.send_signal(signal.SIGINT)
                interrupt_at = b""
        code = process.wait()
    os.close(leader)
    return text.decode(), code


@pytest.fixture
def many_samples(tmp_path):
    """Samples that take some seconds, so that an interrupt comes in their midst."""
    path = tmp_path / "many.npz"
    np.savez(path, image=np.random.default_rng(8).random((2_000, 20, 20, 1), np.float32))
    return path


def test_long_work_shows_its_progress_in_a_terminal_and_goes_on_after_an_interrupt(tmp_path, many_samples):
    command = ("convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "int8", "--samples", many_samples)
    text, code = in_terminal(*command, interrupt_at=b"/2000")
    assert "calibrating" in text
    assert code == 130
    assert "interrupted: no file was left half written" in text
    assert re.search(r"what \d+ samples taught is kept in .*x\.tflite\.statistics: the same command goes on", text)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.npz", "x.tflite.statistics"]
    run(*command)  # the same bytes as without an interrupt, and nothing left over
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many.npz", "x.tflite"]
    assert (tmp_path / "x.tflite").read_bytes() == octavo.convert(MODEL, recipe="int8", samples=many_samples).content


def test_statistics_that_are_kept_save_the_next_conversion_its_runs(tmp_path, monkeypatch):
    kept = tmp_path / "seen.json"
    first = octavo.convert(MODEL, recipe="int8", samples=CALIBRATION, statistics=kept)
    octavo.convert(MODEL, recipe="int16x8", samples=CALIBRATION, statistics=kept)  # joins what is there
    runs = []
    real = Runtime.calibrate
    monkeypatch.setattr(Runtime, "calibrate", lambda self, inputs: runs.append(1) or real(self, inputs))
    again = octavo.convert(MODEL, recipe="int8", samples=CALIBRATION, statistics=kept)
    assert again.content == first.content
    assert again.warnings == first.warnings
    assert len(runs) <= 8  # the first samples are looked at, not learnt from
    other = np.load(CALIBRATION)["image"][::-1]
    with pytest.raises(SamplesError, match="another sample stood here"):
        octavo.convert(MODEL, recipe="int8", samples=other, statistics=kept)
    kept.write_text("{}")
    with pytest.raises(Invalid, match="holds no statistics"):
        octavo.convert(MODEL, recipe="int8", samples=CALIBRATION, statistics=kept)


def test_statistics_of_another_version_are_learnt_anew(tmp_path):
    kept = tmp_path / "kept"
    made = octavo.convert(MODEL, recipe="int8", samples=CALIBRATION, statistics=kept)
    stored = json.loads(kept.read_text())
    for memory in stored["memories"].values():
        for spread in memory["statistics"]["spreads"].values():
            del spread["evened"]  # as the first version was
    kept.write_text(json.dumps({**stored, "version": 1}))
    assert octavo.convert(MODEL, recipe="int8", samples=CALIBRATION, statistics=kept).content == made.content


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal(converted, columns):
    folder, _ = converted
    for command in (
        ("inspect", folder / "int8.tflite"), ("inspect", MODEL, "--tree"), ("plan", "show", folder / "plan.json"),
        ("compare", folder / "float.tflite", folder / "int8.tflite", "--samples", CALIBRATION),
    ):  # fmt: skip
        text, code = in_terminal(*command, columns=columns)
        assert code == 0
        lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line.split("\r")[-1]) for line in text.split("\r\n")]
        assert max(map(len, lines)) <= columns, max(lines, key=len)
        assert "INFO:" not in text  # LiteRT's notes for its developers


def test_help_fits_a_terminal_of_eighty_columns():
    for command in [*COMMANDS, "plan show", "plan diff", "plan schema"]:
        text = run(*command.split(), "--help").stdout
        assert max(map(len, text.splitlines())) <= 80, command


@given(st.text(alphabet="ab/_,;[ ", max_size=60), st.integers(3, 20))
def test_folded_text_keeps_its_letters_and_fits(text, width):
    lines = folded(text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_names_of_what_was_fused_are_shown_by_their_first():
    assert shortened("a/Relu;b/Conv2D;b/BiasAdd") == "a/Relu +2"
    assert shortened("wide ranges; pass samples") == "wide ranges; pass samples"


def refuses_files(monkeypatch, number):
    """A file system on which no file can be made."""

    def refused(self, *_, **__):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_where_nothing_can_be_written_is_known_before_any_work(tmp_path, monkeypatch, number):
    monkeypatch.setattr("octavo.convert", lambda *_, **__: pytest.fail("work began"))
    refuses_files(monkeypatch, number)
    done = run("convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "int8", "--samples", CALIBRATION)
    assert done.exit_code == 2
    assert f"cannot write {tmp_path / 'x.tflite'}: {os.strerror(number)}" in done.stderr
    assert "choose another directory" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_refuses_is_no_defect(monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", "secret.npz")

    monkeypatch.setattr("octavo.inspect", refused)
    done = run("inspect", MODEL)
    assert done.exit_code == 2
    assert done.stderr == "error: the system refused it: Permission denied\n  at: secret.npz\n"


def test_names_that_the_locale_cannot_decode_do_no_harm(tmp_path):
    folder = tmp_path / "modèle é"
    folder.mkdir()
    command = [
        "convert",
        MODEL,
        "-o",
        folder / "ü.tflite",
        "--report",
        folder / "ü.html",
        "--save-plan",
        folder / "ü.json",
    ]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([*RUN, *map(str, command), "--json"], env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout)["report"]
    assert sorted(path.name for path in folder.iterdir()) == ["ü.html", "ü.json", "ü.tflite"]
    assert "modèle é" in (folder / "ü.html").read_text("utf-8")  # in the command that makes it again


def test_a_signature_that_does_not_exist_is_named(tmp_path):
    done = run("convert", MODEL, "-o", tmp_path / "x", "-r", "int8", "--samples", f"servin_default={CALIBRATION}")
    assert done.exit_code == 2
    assert "no signature is called 'servin_default'" in done.stderr
    assert "did you mean 'serving_default'?" in done.stderr


def test_held_out_samples_without_labels_are_refused(tmp_path):
    done = run(
        "convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "int8", "--samples", CALIBRATION, "--held-out", CALIBRATION,
        "--report", tmp_path / "x.html",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "the held-out samples hold no labels" in done.stderr


def test_the_plan_of_a_run_can_be_replayed(tmp_path):
    run(
        "convert", MODEL, "-o", tmp_path / "x.tflite", "-r", "int8", "--samples", CALIBRATION,
        "--save-run", tmp_path / "run.json",
    )  # fmt: skip
    again = run("convert", MODEL, "-o", tmp_path / "y.tflite", "--plan", tmp_path / "run.json")
    assert again.exit_code == 0, again.stderr
    assert (tmp_path / "x.tflite").read_bytes() == (tmp_path / "y.tflite").read_bytes()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("octavo in", {"inspect"}),
        ("octavo convert m --rec", {"--recipe"}),
        ("octavo convert m --recipe int", {"int8", "int16x8"}),
        ("octavo convert m --target ed", {"edgetpu"}),
        ("octavo evaluate m --metric acc", {"accuracy"}),
        ("octavo convert m --inputs ui", {"uint8"}),
    ],
)
def test_the_shell_completes_commands_options_and_values(words, expected):
    *before, begun = words.split()
    found = ShellComplete(app, {}, "octavo", "_OCTAVO_COMPLETE").get_completions(before[1:], begun)
    assert expected <= {item.value for item in found}
    assert {item.value for item in found if item.type == "plain"} == expected


def test_the_shell_completes_the_names_of_files():
    for words in (["convert"], ["convert", "m", "--samples"], ["compare", "m"], ["evaluate", "m", "--reference"]):
        found = ShellComplete(app, {}, "octavo", "_OCTAVO_COMPLETE").get_completions(words, "x")
        assert [item.type for item in found] == ["file"]


def test_no_color_is_honoured_in_a_terminal():
    text, code = in_terminal("inspect", DIGITS / "saved_mode", environment={"NO_COLOR": "1"})
    assert code == 2
    assert "\x1b[" not in text


def test_without_a_terminal_there_is_no_progress(tmp_path):
    done = subprocess.run(
        [*RUN, "demo", "-o", str(tmp_path / "demo")], capture_output=True, check=True, cwd=tmp_path, text=True
    )
    assert done.stderr == ""


def test_blame_tells_who_costs_what_and_the_rule_that_relieves(converted):
    folder, _ = converted
    command = ("blame", MODEL, "--samples", CALIBRATION, "--count", 32)  # on 4 the model may be too near float to mend
    told = json.loads(run(*command, "--json").stdout)
    assert told["suspects"][0]["share"] >= told["suspects"][-1]["share"]
    text = run(*command, "--plan", folder / "plan.json", "--layers", 3).stdout
    assert "Quantized alone" in text
    assert "--rule layer=" in text
