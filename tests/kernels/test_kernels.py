"""kernels: vectors, threads, functions, products and passes over memory, each against its definition in float64."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from numpy_sat import kernels
from numpy_sat.kernels import attention, cross_entropy, elementwise, functions, lstm, matmul, simd, threads
from numpy_sat.kernels.simd import LANES
from numpy_sat.kernels.threads import kernel, run, taken
from numpy_sat.layers import activations
from numpy_sat.layers import attention as attention_layer
from numpy_sat.layers import lstm as lstm_layer
from numpy_sat.system import machine
from numpy_sat.training import optimizers


def single(*arrays):
    return [array.astype(np.float32) for array in arrays]


def error(found, expected):
    assert found.shape == np.shape(expected) and found.dtype == np.float32
    return np.abs(found - expected).max() / np.abs(expected).max()


@kernel
def _apply(which, x, y):
    for k in range(0, x.size, LANES):
        value = simd.load(x, k)
        if which == 0:
            value = functions.tanh(value)
        elif which == 1:
            value = functions.sigmoid(value)
        else:
            value = functions.exp(value)
        simd.store(value, y, k)


@pytest.mark.parametrize(
    ("which", "definition", "absolute", "relative"),
    [(0, np.tanh, 4e-7, 0), (1, lambda x: 1 / (1 + np.exp(-x)), 2e-7, 0), (2, np.exp, 0, 2e-7)],
    ids=["tanh", "sigmoid", "exp"],
)
def test_stated_errors_of_functions(which, definition, absolute, relative):
    x = np.concatenate([np.linspace(-87, 88, 1 << 16), np.linspace(-10, 10, 1 << 16), [0.0] * LANES])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    _apply(which, x, y)
    expected = definition(x.astype(np.float64))
    assert (np.abs(y - expected) <= absolute + relative * np.abs(expected)).all()


def test_functions_far_out():
    x = np.array([-np.inf, -1e30, -100, 100, 1e30, np.inf] * LANES, np.float32)
    y = np.empty_like(x)
    for which, ends in ((0, (-1, 1)), (1, (0, 1))):
        _apply(which, x, y)
        np.testing.assert_allclose(y, np.tile(np.repeat(ends, 3), LANES), rtol=0, atol=4e-7)
    _apply(2, x, y)
    assert (y[0::6] < 1e-37).all() and (y[5::6] > 1e38).all() and np.isfinite(y).all()


@kernel
def _first_lanes(x, y, count):
    simd.store_first(simd.load_first(x, 0, count), y, 0, count)


@pytest.mark.parametrize("count", [0, 1, LANES - 1, LANES, LANES + 5])
def test_first_lanes_alone_are_read_and_written(rng, count):
    x, y = single(rng.standard_normal(LANES), np.zeros(LANES))
    _first_lanes(x, y, count)
    np.testing.assert_array_equal(y, np.where(np.arange(LANES) < count, x, 0))


def test_vectors_refuse_what_they_cannot_load():
    with pytest.raises(Exception, match="contiguous float32 arrays"):
        _apply(0, np.zeros(LANES), np.zeros(LANES))
    with pytest.raises(Exception, match="contiguous float32 arrays"):
        _apply(0, np.zeros(2 * LANES, np.float32)[::2], np.zeros(LANES, np.float32))


@kernel
def _count(thread, counter, tasks, done, by):
    for task in taken(thread, counter, tasks):
        done[task] += 1
        by[task] = thread


@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 1000])
def test_every_task_is_done_once(tasks):
    done, by = np.zeros(tasks, np.int64), np.full(tasks, -1)
    run(_count, tasks, done, by)
    assert (done == 1).all() and ((0 <= by) & (by < machine.THREADS)).all()


def test_kernels_called_by_several_threads_at_once(rng):
    """As a program that captions in threads of its own would."""
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 90)))
    expected, wrong = matmul.multiply(x, matmul.pack(W)), []

    def work():
        for _ in range(100):
            if not np.array_equal(matmul.multiply(x, matmul.pack(W)), expected):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@kernel
def _fails(thread, counter, tasks, on, sums):
    for task in taken(thread, counter, tasks):
        if thread == on or on < 0:
            raise ValueError("as told")
        for k in range(100_000):  # long enough that every thread gets a task
            sums[task] += np.sqrt(k)


@pytest.mark.parametrize("on", [-1, 0, 1], ids=["all", "the caller", "a helper"])
def test_what_a_thread_raises_is_raised(on):
    if on >= machine.THREADS:
        pytest.skip("needs two threads")
    for _ in range(3):
        with pytest.raises(ValueError, match="as told"):
            run(_fails, 100, on, np.zeros(100))
    test_every_task_is_done_once(100)


@kernel
def _slowly(thread, counter, tasks, done, sums):
    for task in taken(thread, counter, tasks):
        for k in range(100_000):
            sums[task] += np.sqrt(k)
        done[task] += 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_interrupted_anywhere_the_next_run_is_whole():
    """As Ctrl-C in a notebook: no helper may go on with the old arguments and take tasks of the next run."""
    tasks, interrupted = 2 * machine.THREADS + 1, 0

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for k in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-5 * (1 + k))
                run(_slowly, tasks, np.zeros(tasks, np.int64), np.zeros(tasks))
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            done = np.zeros(tasks, np.int64)
            run(_slowly, tasks, done, np.zeros(tasks))
            np.testing.assert_array_equal(done, 1)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 20


def test_more_threads_wanted_than_there_are(rng, monkeypatch):
    x, W = single(rng.standard_normal((50, 70)), rng.standard_normal((70, 900)))
    expected = matmul.multiply(x, matmul.pack(W))
    monkeypatch.setattr(machine, "THREADS", machine.THREADS + 3)
    np.testing.assert_array_equal(matmul.multiply(x, matmul.pack(W)), expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own():
    code = (
        "import os, numpy as np; from numpy_sat.kernels import matmul\n"
        "x = np.ones((200, 200), np.float32); matmul.multiply(x, matmul.pack(x))\n"
        "pid = os.fork()\n"
        "y = matmul.multiply(x, matmul.pack(x))\n"
        "if pid == 0: os._exit(0 if (y == 200).all() else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert result.stdout == "0\n", result.stderr


@pytest.mark.parametrize(("given", "expected"), [("1", "1\n"), ("3", "3\n"), ("0", ""), ("two", "")])
def test_number_of_threads_is_one_variable(given, expected):
    code = "from numpy_sat import machine; import os; assert os.environ['OPENBLAS_NUM_THREADS']; print(machine.THREADS)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"NUMPY_SAT_THREADS": given}
    )
    assert result.stdout == expected
    assert (result.returncode == 0) == bool(expected)
    if not expected:
        assert f"NUMPY_SAT_THREADS={given}: must be a whole number" in result.stderr


def _import_with_cache(folder):
    code = "import numpy_sat, os; print(os.environ['NUMBA_CACHE_DIR'])"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["NUMPY_SAT_CACHE"] = str(folder)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


def test_kernels_are_cached_by_their_sources_and_old_ones_removed(tmp_path):
    old, young = tmp_path / "kernels-old", tmp_path / "kernels-young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    assert _import_with_cache(tmp_path).parent == tmp_path
    assert young.exists() and not old.exists()


def test_where_nothing_can_be_written_kernels_are_cached_elsewhere(tmp_path):
    (tmp_path / "file").write_text("")
    assert tmp_path not in _import_with_cache(tmp_path / "file" / "cache").parents


PRODUCTS = [(1, 1, 1), (5, 7, 3), (6, 16, 64), (200, 300, 70), (13, 600, 129), (3, 0, 5), (0, 4, 5)]


@pytest.mark.parametrize(("M", "K", "O"), PRODUCTS)
def test_matrix_products(rng, M, K, O):
    x, W, b, y = single(*(rng.standard_normal(shape) for shape in ((M, K), (K, O), O, (M, O))))
    right = x.astype(np.float64) @ W
    for layout in (W, np.asfortranarray(W)):
        packed = matmul.pack(layout, bias=b)
        np.testing.assert_allclose(matmul.multiply(x, packed), right + b, rtol=0, atol=1e-6 * (1 + K))
        total = y.copy()
        assert matmul.multiply(x, packed, total) is total
        np.testing.assert_allclose(total, right + y, rtol=0, atol=1e-6 * (1 + K))
    np.testing.assert_allclose(
        matmul.multiply_transposed(x, y), x.T.astype(np.float64) @ y, rtol=0, atol=1e-6 * (1 + M)
    )


def test_a_product_is_not_added_to_a_copy(rng):
    x, W = single(rng.standard_normal((3, 4)), rng.standard_normal((4, 5)))
    with pytest.raises(ValueError, match="contiguous"):
        matmul.multiply(x, matmul.pack(W), np.zeros((3, 9), np.float32)[:, :5])


def test_products_of_sequences(rng):
    x, d = single(rng.standard_normal((4, 5, 6)), rng.standard_normal((4, 5, 7)))
    expected = np.tensordot(x.astype(np.float64), d, axes=((0, 1), (0, 1)))
    assert error(matmul.multiply_transposed(x, d), expected) < 1e-6


@pytest.mark.parametrize("each", [1, 3])
@pytest.mark.parametrize("L", [1, 7, 16, 35])
def test_attention(rng, each, L):
    """Against score, softmax and context of layers/attention.py, with a query instead of h W_h."""
    N, A, D = 3, 2 * LANES, 3 * LANES
    B = N * each
    keys, query, v, a = (rng.standard_normal(shape) for shape in ((N, L, A), (B, A), A, (N, L, D)))
    dz, dalpha = rng.standard_normal((B, D)), rng.standard_normal((B, L))
    z64, alpha64, cache = attention_layer.attend_forward(a, keys, query, np.eye(A), v)
    da64, dkeys64, dquery64, _, dv64 = attention_layer.attend_backward(dz, dalpha, cache)

    keys, query, v, a, dz, dalpha = single(keys, query, v, a, dz, dalpha)
    z, alpha, dquery = (np.empty(shape, np.float32) for shape in ((B, D), (B, L), (B, A)))
    dkeys, dv = np.zeros((N, L, A), np.float32), np.zeros((N, A), np.float32)
    attention.attend(keys, query, v, a, z, alpha)
    attention.attend_backward(dz, dalpha, keys, query, v, a, alpha, dkeys, dv, dquery)
    da = attention.annotation_gradient(alpha[None], dz[None], N)
    for found, right in ((z, z64), (alpha, alpha64), (da, da64), (dv.sum(axis=0), dv64), (dkeys, dkeys64)):
        assert np.abs(found - right).max() <= 1e-5 * max(np.abs(right).max(), 1)
    assert np.abs(dquery - dquery64).max() <= 1e-5 * np.abs(dquery64).max() + 1e-6


@pytest.mark.parametrize("S", [1, LANES, LANES + 3])
def test_lstm_gates(rng, S):
    """Against the LSTM step, its affine map being that of x alone with the unit matrix."""
    B = 9
    affine, c, dh, dc = (rng.standard_normal(shape) for shape in ((B, 4 * S), (B, S), (B, S), (B, S)))
    zeros = np.zeros((S, 4 * S))
    h64, c64, cache = lstm_layer.lstm_forward(affine, np.zeros((B, S)), c, np.eye(4 * S), zeros, np.zeros(4 * S))
    daffine64, _, dc64, *_ = lstm_layer.lstm_backward(dh, dc, cache)

    affine, c, dh, dc = single(affine, c, dh, dc)
    h_next, c_next, tanh_c, ifog, daffine = (np.empty_like(like) for like in (c, c, c, affine, affine))
    lstm.gates(affine, c, h_next, c_next, ifog, tanh_c)
    lstm.gates_backward(dh, dc, c, ifog, tanh_c, daffine)
    for found, right in ((h_next, h64), (c_next, c64), (daffine, daffine64), (dc, dc64)):
        assert error(found, right) < 2e-6


@pytest.mark.parametrize("V", [1, 5, LANES, 3 * LANES + 7])
def test_cross_entropy(rng, V):
    logits, targets = 5 * rng.standard_normal((4, 6, V)), rng.integers(0, V, (4, 6))
    weight = rng.random((4, 6))
    (single_logits, single_weight) = single(logits, weight)
    log_sum, mean = cross_entropy.log_sum_exp(single_logits)
    expected = np.log(np.exp(logits).sum(axis=-1))
    np.testing.assert_allclose(log_sum, expected, rtol=0, atol=3e-6)
    np.testing.assert_allclose(mean, logits.mean(axis=-1), rtol=0, atol=3e-6)
    q = 0.1 / V + 0.9 * np.eye(V)[targets]
    right = weight[..., None] * (np.exp(logits - expected[..., None]) - q)
    found = cross_entropy.gradient(single_logits, log_sum, targets, single_weight, 0.1)
    np.testing.assert_allclose(found, right, rtol=0, atol=3e-6)


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (1, 1), (600, 33), (0, 4)])
def test_relu_backward_and_column_sums(rng, shape):
    dy, x = rng.standard_normal(shape), rng.standard_normal(shape)
    y, cache = activations.relu_forward(x)
    dx, db = elementwise.relu_backward(*single(dy, y))
    right = activations.relu_backward(dy, cache)
    np.testing.assert_allclose(dx, right, rtol=1e-6)
    np.testing.assert_allclose(db, right.sum(axis=tuple(range(x.ndim - 1))), rtol=0, atol=1e-5)
    np.testing.assert_allclose(elementwise.column_sums(*single(dy)), dy.reshape(-1, shape[-1]).sum(0), atol=1e-4)


def test_rows_added_up(rng):
    rows, numbers = rng.standard_normal((50, 21)), rng.integers(0, 7, 50)
    expected = np.zeros((7, 21))
    np.add.at(expected, numbers, rows)
    total = np.zeros((7, 21), np.float32)
    elementwise.add_rows(*single(rows), numbers, total)
    np.testing.assert_allclose(total, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("update", [optimizers.adam_update, optimizers.rmsprop_update])
def test_optimisers_in_one_pass(rng, update):
    """Ten updates of arrays that fill no vector, float32 by the kernel, float64 by the definition."""
    shapes = {"W": (37, 5), "b": (1,), "E": (40_000,)}
    params64 = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params = {name: array.astype(np.float32) for name, array in params64.items()}
    state, state64 = {}, {}
    for _ in range(10):
        grads64 = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        update(params64, grads64, state64, 0.01)
        update(params, {name: array.astype(np.float32) for name, array in grads64.items()}, state, 0.01)
    for name, array in params.items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, params64[name], rtol=0, atol=2e-6)
    assert state.keys() == state64.keys()


def test_optimisers_update_arrays_of_any_layout_in_place(rng):
    W = np.asfortranarray(rng.standard_normal((4, 6)).astype(np.float32))
    before = W.copy()
    optimizers.adam_update({"W": W}, {"W": np.ones_like(W)}, {}, 0.1)
    np.testing.assert_allclose(W, before - 0.1, rtol=0, atol=1e-5)


def test_the_switch_is_set_back_after_an_error():
    x = np.zeros(1, np.float32)
    assert kernels.use_kernels(x, composite=True) and not kernels.use_kernels(x, x.astype(np.float64), composite=True)
    with pytest.raises(ZeroDivisionError), kernels.unfused():
        assert not kernels.use_kernels(x, composite=True) and kernels.use_kernels(x)
        raise ZeroDivisionError
    assert kernels.use_kernels(x, composite=True)


def test_helpers_hold_on_to_nothing():
    """What a finished kernel worked on can be freed: no thread keeps its arguments."""
    done = np.zeros(100, np.int64)
    references = sys.getrefcount(done)
    run(_count, 100, done, done.copy())
    for _ in range(1000):
        if sys.getrefcount(done) == references:
            break
        threading.Event().wait(0.001)
    assert sys.getrefcount(done) == references
    assert threads._pool().counter[threads.TAKEN] >= 100
