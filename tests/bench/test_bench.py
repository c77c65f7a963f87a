"""Check that the bench measures the right computations. Its times are not tested."""

import json
import re
import subprocess
import sys
import time

import numba
import numpy as np
import pytest

from numpy_sat.bench import __main__ as command
from numpy_sat.bench import inputs, limits, ours, report, roofline, rungs, size_figure, traffic, workers, works
from numpy_sat.experiment import presets
from numpy_sat.kernels import elementwise, matmul
from numpy_sat.layers import conv

FIELDS = "group work pass rung ms gflops share_of_peak error torch_ms ratio".split()
FIELDS += "bytes limit_ms share_of_limit items outside".split()
STAGES = ((16,), (16, 32))
RECIPE = presets.PRESETS["scenes", True]
MODEL = dict(image_size=8, stages=STAGES, embedding_size=6, hidden_size=5, attention_size=4, label_smoothing=0.1)
TINY = [
    *(works.conv_work(pass_, 2, 8, 16, 32) for pass_ in ("forward", "input gradient", "weight gradient")),
    works.conv_work("forward", 1, 6, 3, 16),
    *(works.net_work("tiny", pass_, 2, 8, STAGES, True) for pass_ in ("forward", "forward + backward")),
    *(
        works.depthwise_work(pass_, 2, 9, 32, *filters)
        for pass_ in ("forward", "backward")
        for filters in ((3, 1), (5, 2))
    ),
    works.lite0_work("tiny lite0", 2, 16, ((32,), (1, 3, 1, 1, 16), (2, 3, 2, 2, 24), (40,))),
    *(works.attention_work("tiny", pass_, 3, 2, 5, 16, 32) for pass_ in ("forward", "forward + backward")),
    works.decoder_work(N=3, L=4, D=6, M=5, S=7, A=3, V=11, T=3),
    works.step_work("tiny", RECIPE.replace(**MODEL, batch_size=2), V=11, T=4),
    works.transformer_work(
        "tiny", RECIPE.replace(model="transformer", hidden_size=8, heads=2, layers=2, batch_size=2), L=4, D=6, V=11, T=3
    ),
    *(
        works.Work("elementwise", name, pass_, [rung], dict(shape=[2, 4, 4, 16]), None, 4096)
        for name, pass_, rung, *_ in works.ELEMENTWISE
    ),
]
CHECKED = {(work.group, work.pass_) for work in TINY if work.group in ("conv", "depthwise", "attention", "decoder")} | {
    (group, "forward") for group in ("net", "lite0")
}
tiny_works = pytest.mark.parametrize("work", TINY, ids=lambda work: f"{work.name} {work.pass_}")


def tiny(group, pass_):
    return next(work for work in TINY if (work.group, work.pass_) == (group, pass_))


def example_results():
    """Yield a result for every convolution and rung with invented times, and a tanh without a time of torch."""
    for work in works.all_works():
        if work.group == "conv":
            yield from (report.Result(work, rung, 1e3 * (k + 1), 3e-7, 4e3) for k, rung in enumerate(work.rungs))
        if work.name == "tanh":
            yield report.Result(work, "numpy", 10.0)


@pytest.mark.slow
@pytest.mark.parametrize("rung", rungs.RUNGS)
@pytest.mark.parametrize("shape", [(2, 5, 6, 16, 32), (1, 6, 7, 3, 16)])
def test_every_rung_is_the_definition(rng, rung, shape):
    N, H, W, C, O = shape
    if "Winograd" in rung and C % 16:
        pytest.skip("Winograd takes whole vectors of channels")
    if rung == "nested loops":
        C = O = 2
    arrays = [rng.standard_normal(shape) for shape in ((N, H, W, C), (3, 3, C, O), (O,))]
    expected, _ = conv.conv_forward(*arrays, 1, 1)
    y = rungs.RUNGS[rung](*(array.astype(np.float32) for array in arrays))
    np.testing.assert_allclose(y, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def correlation_arguments(rng, P, Q):
    """Return integers as float32, whose sums are exact in every order, and an unwritten y."""
    N, H, W, C, O = 2, 4, 5, 3, 6
    shapes = (N, H + P - 1, W + Q - 1, C), (P, Q, C, O), (O,)
    return *(rng.integers(-9, 9, shape).astype(np.float32) for shape in shapes), np.full(
        (N, H, W, O), np.nan, np.float32
    )


@pytest.mark.parametrize(("P", "Q"), [(3, 3), (2, 4), (1, 1)])
def test_the_compiled_loops_are_their_python(rng, P, Q):
    x, W, b, y = correlation_arguments(rng, P, Q)
    originals = [array.copy() for array in (x, W, b)]
    for function in (rungs.correlate, rungs.correlate.py_func):
        y[...] = np.nan
        assert function(x, W, b, y) is None
        np.testing.assert_array_equal(y, conv.conv_forward(*originals, 1, 0)[0])
    assert all(map(np.array_equal, (x, W, b), originals))


def test_the_compiled_loops_are_vector_instructions(rng):
    """Check that numba adds a vector at a time if the innermost loop runs over output channels."""
    correlate = numba.njit(rungs.correlate.py_func)
    correlate(*correlation_arguments(rng, 3, 3))
    (code,) = correlate.inspect_llvm().values()
    assert re.search(r"fadd <\d+ x float>", code)


def test_the_ladder_has_all_rungs():
    assert tuple(rungs.RUNGS) == works.LADDER


def test_nested_loops_are_measured_on_a_part_and_scaled():
    N, H, C, O = 2, 16, 512, 64
    timed = ours.prepare(works.conv_work("forward", N, H, C, O), ["nested loops"])["nested loops"]
    assert timed.call().shape == (1, 1, 1, 2)
    assert timed.scale == N * H * H * O / 2


def test_training_imports_nothing_of_bench_and_our_side_no_torch():
    code = """if True:
        import sys, numpy_sat.train
        assert not any(name.startswith("numpy_sat.bench") for name in sys.modules)
        import numpy_sat.bench.ours, numpy_sat.bench.__main__
        assert "torch" not in sys.modules"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "work",
    [  # most works compile kernels that no other quick test needs
        pytest.param(
            *(work,),
            marks=[] if work.group in ("attention", "decoder", "elementwise") else [pytest.mark.slow],
            id=f"{work.name} {work.pass_}",
        )
        for work in TINY
    ],
)
def test_our_side_runs_a_work_with_small_errors(work):
    work = works.Work(*json.loads(json.dumps(work)))  # a worker gets the work as JSON
    prepared = ours.prepare(work, work.rungs)
    assert list(prepared) == work.rungs
    for timed in prepared.values():
        result = timed.call()
        assert timed.check is None or timed.check(result) < 1e-5
    checked = (work.group, work.pass_) in CHECKED or work.name in ("tanh", "sigmoid")
    assert (timed.check is not None) == checked


@tiny_works
def test_torchs_side_runs_a_work(work):
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    work = works.Work(*json.loads(json.dumps(work)))
    theirs.prepare(work, ["torch"])["torch"].call()


def test_torchs_convolutions_are_ours():
    torch = pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    for pass_ in ("forward", "input gradient"):
        work = tiny("conv", pass_)
        result = theirs.prepare(work, ["torch"])["torch"].call()
        images = result if torch.is_tensor(result) else result[0]
        expected = ours.prepare(work, work.rungs).popitem()[1].call()
        np.testing.assert_allclose(images.permute(0, 2, 3, 1), expected, atol=1e-4)
    dW = theirs.prepare(tiny("conv", "weight gradient"), ["torch"])["torch"].call()[1]
    expected = ours.prepare(tiny("conv", "weight gradient"), ["kernel"])["kernel"].call()
    np.testing.assert_allclose(dW.permute(2, 3, 1, 0), expected, atol=1e-3)


def test_torchs_net_is_ours():
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    work = tiny("net", "forward + backward")
    gradients = theirs.prepare(work, ["torch"])["torch"].call()
    expected = ours.net_gradients(*inputs.net(**work.sizes))
    for k, (dW, db) in enumerate(expected):
        np.testing.assert_allclose(gradients[2 * k].permute(2, 3, 1, 0), dW, atol=1e-4 * np.abs(dW).max())
        np.testing.assert_allclose(gradients[2 * k + 1], db, atol=1e-4 * np.abs(db).max())


def test_torchs_depthwise_convolutions_are_ours():
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    for work in TINY:
        if work.group == "depthwise":
            result = theirs.prepare(work, ["torch"])["torch"].call()
            expected = ours.prepare(work, work.rungs).popitem()[1].call()
            if work.pass_ == "forward":
                np.testing.assert_allclose(result.permute(0, 2, 3, 1), expected, atol=1e-5)
                continue
            dx, dW, db = result
            top = -(-(dx.shape[2] - 9) // 2) if dx.shape[2] > 9 else 0  # first row without padding
            dx = dx[:, :, top : top + 9, top : top + 9]
            gradients = dx.permute(0, 2, 3, 1), dW[:, 0].permute(1, 2, 0), db
            for gradient, expected_gradient in zip(gradients, expected, strict=True):
                np.testing.assert_allclose(gradient, expected_gradient, atol=1e-4)


def test_torchs_lite0_is_ours():
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    work = tiny("lite0", "forward")
    annotations = theirs.prepare(work, ["torch"])["torch"].call()
    expected = ours.prepare(work, work.rungs).popitem()[1].call()
    np.testing.assert_allclose(annotations.permute(0, 2, 3, 1).reshape(expected.shape), expected, atol=1e-4)


def test_torchs_decoder_is_ours():
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    work = tiny("decoder", "forward + backward")
    arrays = inputs.decoder(**work.sizes)
    expected_da, expected = ours.decoder_gradients(*arrays)
    da, *grads = theirs.prepare(work, ["torch"])["torch"].call()
    np.testing.assert_allclose(da, expected_da, atol=1e-6)
    for name, gradient in zip(arrays[0], grads, strict=True):
        np.testing.assert_allclose(gradient, expected[name], atol=1e-5, err_msg=name)


def test_torchs_training_is_ours():
    """Compare some steps, with optimizer and clipping."""
    torch = pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    recipe, params, batch = inputs.step(**tiny("step", "train").sizes)
    recipe = recipe.replace(clip_norm=0.5)
    tensors = theirs.parameters(params)
    optimizer = torch.optim.Adam(tensors.values(), recipe.training.learning_rate)
    images = theirs.image_tensor(batch.inputs, torch.channels_last)
    state, rng = {}, np.random.default_rng(0)
    for _ in range(3):
        loss = theirs.train_step(recipe, tensors, optimizer, images, *map(theirs.tensor, batch[1:4]))
        expected = ours.train_step(recipe, params, batch, state, rng)
        assert loss.item() == pytest.approx(expected.total, rel=1e-5)


def test_torchs_transformer_is_ours():
    """Compare some steps with the same form of GELU, with one sequence per image and one per caption."""
    torch = pytest.importorskip("torch")
    from numpy_sat.bench import their_transformer

    for shared in (True, False):
        recipe, params, a, batch = inputs.transformer(**tiny("transformer", "train").sizes)
        model, state = their_transformer.Transformer(params, "tanh"), {}
        model.requires_grad_(True)
        for layer in model.encoder.layers:
            layer.self_attn.in_proj_bias.requires_grad_(False)  # ours has none
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(parameters, recipe.training.learning_rate)
        arrays = [torch.from_numpy(array.copy()) for array in (a, *batch[1:4])]
        for _ in range(3):
            loss = their_transformer.train_step(model, optimizer, recipe.training.clip_norm, shared, *arrays)
            expected = ours.transformer_step(recipe, params, a, batch, state, np.random.default_rng(0))
            assert loss.item() == pytest.approx(expected.total, rel=1e-5)


def test_the_worker_answers_and_is_killed_after_an_error():
    with pytest.raises(KeyboardInterrupt), workers.Worker(command.OURS, None) as worker:
        work = tiny("conv", "input gradient")
        assert worker.ask("prepare", work, ["kernel"])["kernel"] < 1e-5
        assert worker.ask("measure", "kernel") > 0
        raise KeyboardInterrupt
    assert worker._process.poll() is not None


def test_a_worker_that_ends_is_reported(capfd):
    with pytest.raises(command.InputError, match="process ended"), workers.Worker("1 / 0", None) as worker:
        worker.ask("about")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_the_machines_limits():
    assert limits.peak(tasks=2, repeats=1000) > 0
    assert limits.bandwidth(mebibytes=1) > 0
    about = limits.about()
    assert about["threads"] >= 1 and set(about) == {"threads", "cpu", "lanes", "cache", "numpy", "numba", "blas"}


def test_rows_have_exactly_the_fields_and_are_json():
    for result in example_results():
        row = json.loads(json.dumps(report.row(result, peak=500.0, bandwidth=70.0)))
        assert list(row) == FIELDS
        if row["group"] == "elementwise":
            assert row["gflops"] is row["share_of_peak"] is row["torch_ms"] is row["ratio"] is None
        else:
            assert row["gflops"] == pytest.approx(result.work.flops / 1e6 / row["ms"])
            assert row["share_of_peak"] == row["gflops"] / 500
            assert row["ratio"] == row["ms"] / 4e3


def test_the_direct_definitions_operations():
    work = works.conv_work("forward", 8, 224, 64, 64)
    assert work.flops == 2 * 9 * 64 * 64 * 224 * 224 * 8
    vgg = next(work for work in works.all_works() if work.name == "VGG-16 batch 1")
    assert vgg.flops == pytest.approx(30.69e9, rel=1e-3)


def test_the_table_fits_100_columns():
    lines = [report.head("conv"), *(report.line(result, 500.0, 70.0) for result in example_results())]
    lines += [
        report.line(report.Result(work, work.rungs[0], 2959501.3, 1e-7, 65.8), 500.0, 70.0)
        for work in works.all_works()
    ]
    assert max(map(len, lines)) <= 100
    assert lines[1].split() == "3-64@224 forward nested loops 1000 1.39 2.77 0.00 3e-07 4000 0.25".split()


def test_elementwise_works_have_gigabytes_in_the_table():
    tanh = list(example_results())[-1]
    assert "GB/s" in report.head("elementwise")
    assert report.line(tanh, 500.0, 70.0).split() == "tanh forward numpy 10 6.4 0.914 0.09 - - -".split()


def test_the_limit_is_the_larger_one_of_arithmetic_and_memory():
    work = works.Work("net", "", "", [], {}, flops=5e9, bytes=7e9)
    assert report.limit(work, peak=500.0, bandwidth=70.0) == 100
    assert report.limit(work._replace(bytes=7e6), 500.0, 70.0) == 10
    assert report.limit(work._replace(flops=None, bytes=None), 500.0, 70.0) is None


def test_the_bytes_of_kernels_are_counted_once_for_each_call(rng):
    x, W = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 7), (7, 64)))
    packed, y = matmul.pack(W), np.zeros((5, 64), np.float32)
    once = traffic.count(lambda: matmul.multiply(x, packed, y))
    assert once == x.nbytes + packed.panels.nbytes + packed.bias.nbytes + y.nbytes
    assert traffic.count(lambda: [matmul.multiply(x, packed, y) for _ in range(3)]) == 3 * once
    assert traffic.count(lambda: None) == 0


def test_the_time_outside_of_kernels():
    x = np.zeros((1000, 100), np.float32)
    assert traffic.outside(lambda: time.sleep(0.001)) == 1
    assert 0 < traffic.outside(lambda: elementwise.tanh(x)) < 0.9
    assert "5 MB in the arrays of kernels; 25% of" in report.note(
        report.Result(tiny("step", "train")._replace(bytes=5e6), "numpy_sat", 1.0, outside=0.25)
    )


def test_torchs_attention_is_ours():
    pytest.importorskip("torch")
    from numpy_sat.bench import theirs

    for pass_ in ("forward", "forward + backward"):
        work = tiny("attention", pass_)
        result = theirs.prepare(work, ["torch"])["torch"].call()[0]
        np.testing.assert_allclose(result, ours.prepare(work, ["kernel"])["kernel"].call(), atol=1e-5)


def test_two_runs_are_compared(tmp_path, capsys):
    results = list(example_results())
    for name, factor in (("a", 1.0), ("b", 0.5)):
        rows = [report.row(result._replace(ms=factor * result.ms), 500.0, 70.0) for result in results]
        record = {"machine": limits.about() | {"gflops": 500.0, "gbytes": 70.0, "torch": None, "date": "2026-11-30"}}
        lines = [record, *rows] if name == "a" else rows[:-1]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert command.main(["--compare", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]) == 0
    a, b, _, *table = capsys.readouterr().out.splitlines()
    assert "limits: 500 GFLOP/s" in a and b.endswith("no record of the machine")
    assert len(table) == len(results) - 1  # the works of both
    assert table[0].split() == "conv 3-64@224 forward nested loops 1000 500 0.50 0.00 0.01 0.25 0.12".split()
    (tmp_path / "b.jsonl").write_text("[1]\n")
    assert command.main(["--compare", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]) == 2
    assert "was not written by --json; write it with" in capsys.readouterr().err


@pytest.mark.drawn
def test_the_figure_of_sizes(tmp_path):
    results = [report.Result(work, "numpy_sat", 5.0 + work.items, None, 9.0) for work in works.size_works()]
    size_figure.draw(tmp_path / "sizes.png", results)
    size_figure.draw(tmp_path / "sizes.png", [results[0]._replace(torch_ms=None)])
    assert (tmp_path / "sizes.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.drawn
def test_the_roofline(tmp_path):
    results = [result for result in example_results() if result.work.group == "conv"]
    roofline.roofline_figure(tmp_path / "roof.png", results, 500.0, 70.0)
    roofline.roofline_figure(tmp_path / "roof.png", [r._replace(torch_ms=None) for r in results[:1]], 500.0, 70.0)
    assert (tmp_path / "roof.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_the_command_without_torch(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(works, "all_works", lambda: [tiny("conv", "forward"), TINY[-1]])
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    table, plot = tmp_path / "rows.jsonl", tmp_path / "roof.png"
    assert command.main(["--rounds", "1", "--json", str(table), "--plot", str(plot)]) == 0
    record, *rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert record["machine"]["torch"] is None and record["machine"]["gflops"] > 0
    assert [row["rung"] for row in rows] == [*works.LADDER, "numpy_sat"]
    assert all(list(row) == FIELDS and row["ms"] > 0 and row["torch_ms"] is None for row in rows)
    assert all(row["error"] < 1e-5 for row in rows[:-1])
    output = capsys.readouterr().out
    assert output.count("torch is not installed") == 1 and "Winograd F4" in output
    assert sorted(tmp_path.iterdir()) == [plot, table]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--work", "nothing"],
            "no work of conv, depthwise, net, lite0, attention, decoder, step, transformer, elementwise, size has",
        ),
        (["--json", "missing/rows.jsonl"], "missing/rows.jsonl: cannot be written"),
        (["--json", "."], "cannot be written (it is a folder)"),
        (["--plot", "missing/roof.png"], "missing/roof.png: cannot be written"),
        (["--plot", "roof.png", "--group", "net"], "only convolutions and sizes are drawn"),
        (["--compare", "a.jsonl", "b.jsonl"], "a.jsonl: cannot be read (No such file or directory)"),
    ],
)
def test_bad_arguments_are_reported_before_any_measurement(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "_start", lambda *_: pytest.fail("a worker was started"))
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
