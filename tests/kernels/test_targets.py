"""Check the kernels on other processors, as far as this processor can run their instructions."""

import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import pytest

FEATURES = llvmlite.binding.get_host_cpu_features()

TESTS = (
    *("kernels/test_conv.py::test_forward_and_gradients", "kernels/test_conv.py::test_winograd_of_any_size"),
    *("kernels/test_conv.py::test_pooled_and_rectified_in_one_pass", "kernels/test_functions.py"),
    *("kernels/test_simd.py::test_only_the_first_lanes_are_read_and_written",),
    *("kernels/test_matmul.py::test_matrix_products", "kernels/test_attention.py", "kernels/test_lstm.py"),
    *("kernels/test_soft_recurrence.py", "kernels/test_caption_attention.py", "layers/test_token_shift.py"),
    *("kernels/test_cross_entropy.py", "kernels/test_updates.py"),
    *("layers/test_layer_norm.py", "layers/test_gelu.py", "layers/test_self_attention.py"),
    "decoders/fast/test_recurrence.py::test_the_whole_models_fast_gradients_are_the_plain_ones",
)
# Processor and features for numba, lanes of a vector, and the feature that this machine needs to run the code.
TARGETS = {
    "AVX2": ("haswell", "+avx2,+fma,+avx,+sse4.2,+bmi,+bmi2,+popcnt", 8, "avx2"),
    "SSE, vectors of four as on ARM": ("x86-64", "+sse2", 4, "sse2"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("cpu", "features", "lanes", "needed_feature"), TARGETS.values(), ids=TARGETS)
def test_kernels_compiled_for_another_processor(tmp_path, cpu, features, lanes, needed_feature):
    if not FEATURES.get(needed_feature):
        pytest.skip(f"this processor has no {needed_feature}")
    environment = os.environ | {
        **{"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features},
        **{"NUMBA_CACHE_DIR": str(tmp_path), "EXPECTED_LANES": str(lanes)},
    }
    code = (
        "import os, sys, pytest; from numpy_sat.kernels import simd\n"
        "assert str(simd.LANES) == os.environ['EXPECTED_LANES'], simd.LANES\n"
        "sys.exit(pytest.main(['-q', '-x', '-m', '', '-p', 'no:cacheprovider', *sys.argv[1:]]))"
    )
    folder = Path(__file__).parents[1]
    test_paths = [f"{folder}/{test}" for test in TESTS]
    result = subprocess.run([sys.executable, "-c", code, *test_paths], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
