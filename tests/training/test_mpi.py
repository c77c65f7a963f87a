"""Train, interrupt and kill runs on the ranks of a real mpiexec. Without MPI these tests are skipped."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import short_training
import tiny
from large_set import write_large

from numpy_sat.experiment import checkpoint

WORKER = Path(__file__).parents[1] / "mpi_worker.py"
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
IMAGES = 120_000  # about as many as COCO has
SECONDS = 600  # a run that hangs fails after this time
# Open MPI refuses the user root and more ranks than cores unless it is told otherwise.
OPEN_MPI = {
    **{"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"},
    **{"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "OMPI_MCA_rmaps_base_oversubscribe": "1"},
}

pytestmark = [
    pytest.mark.skipif(not find_spec("mpi4py"), reason="needs mpi4py; install '.[mpi]'"),
    pytest.mark.skipif(not MPIEXEC, reason="needs mpiexec; install MPI, or the package mpich"),
    pytest.mark.usefixtures("tiny_preset"),
]


def start(ranks, root, out, *arguments, fault="none", options=()):
    """Run mpi_worker.py on ranks and return the completed process. With one rank, mpiexec is not used."""
    more = ["--out", str(out), *map(str, arguments)]
    return launch(ranks, fault, *(more if "--resume" in more else ["--root", str(root), *more]), options=options)


def launch(ranks, *arguments, options=()):
    """Run mpi_worker.py with these arguments, and mpiexec with these options: see start."""
    environment = os.environ | OPEN_MPI | {"PYTHONPATH": os.pathsep.join([str(WORKER.parents[1]), str(WORKER.parent)])}
    mpiexec = [MPIEXEC, *options, "-n", str(ranks)] if ranks > 1 else []
    command = [*mpiexec, sys.executable, str(WORKER), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)


def params(run, name="last.npz"):
    return checkpoint.load(run / name).params


def difference(run, other):
    ours, theirs = params(run), params(other)
    return np.sqrt(sum(np.square(ours[name].astype(float) - theirs[name]).sum() for name in theirs))


def sentences(result):
    """Return the sentences that begin with "error:". The launcher's own messages do not."""
    return [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("error:")]


def test_three_ranks_write_the_run_of_one(root, tmp_path):
    """Check batches of 4 images, which divide unevenly among 3 ranks. Rank 0 alone prints and writes."""
    result = start(3, root, tmp_path / "three")
    assert result.returncode == 0, result.stderr
    assert tiny.run(root, tmp_path / "one") == 0
    assert difference(tmp_path / "three", tmp_path / "one") < 1e-5
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("three", "one")]
    for ours, theirs in zip(*(map(json.loads, log) for log in logs), strict=True):
        assert ours["step"] == theirs["step"] and ours["loss"] == pytest.approx(theirs["loss"], abs=1e-4)
    files = [{path.name for path in (tmp_path / name).iterdir()} for name in ("three", "one")]
    assert files[0] == files[1]
    assert result.stdout.count("epoch 2/2") == 1 and "Now try" in result.stdout


def test_three_ranks_reach_the_float64_parameters_of_one(tmp_path):
    """Check 20 steps with batches of 7 images, dropout and batch normalization. All ranks have the same parameters."""
    result = launch(3, "float64", str(tmp_path))
    assert result.returncode == 0, result.stderr
    expected, _ = short_training.trained(*short_training.uneven(), tmp_path)
    params_of_ranks = [dict(np.load(tmp_path / f"rank{rank}.npz")) for rank in range(3)]
    for params_of_rank in params_of_ranks:
        assert short_training.difference(params_of_rank, expected) < 1e-9
        assert all((params_of_rank[name] == params_of_ranks[0][name]).all() for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3, 1), (1, 2)])
def test_a_run_resumes_on_another_number_of_ranks(root, tmp_path, sizes):
    assert start(1, root, tmp_path / "whole").returncode == 0
    before, after = sizes
    result = start(before, root, tmp_path / "run", fault="interrupt")
    assert result.returncode == 130 and "stopped at step 9; continue with" in result.stdout, result.stderr
    assert start(after, root, tmp_path / "run", "--resume").returncode == 0
    assert difference(tmp_path / "run", tmp_path / "whole") < 1e-5


@pytest.mark.slow
def test_two_hosts_write_the_run_of_one(root, tmp_path):
    """Let MPICH take two names of this machine for two hosts, each with two ranks. They use the same cache."""
    version = subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True).stdout
    if "HYDRA" not in version:
        pytest.skip("needs the mpiexec of MPICH")
    hosts = tmp_path / "hosts"
    hosts.write_text("localhost:2\n127.0.0.1:2\n")
    result = start(4, root, tmp_path / "four", options=["-launcher", "fork", "-f", str(hosts)])
    assert result.returncode == 0, result.stderr
    assert tiny.run(root, tmp_path / "one") == 0
    assert difference(tmp_path / "four", tmp_path / "one") < 1e-5


@pytest.mark.slow
def test_a_killed_rank_ends_all_and_the_run_resumes(root, tmp_path):
    assert start(1, root, tmp_path / "whole").returncode == 0
    result = start(3, root, tmp_path / "run", fault="kill")
    assert result.returncode != 0 and not sentences(result)  # all processes are killed; the launcher says so
    assert checkpoint.load(tmp_path / "run" / "last.npz").progress["step"] == 8
    assert start(2, root, tmp_path / "run", "--resume").returncode == 0
    assert difference(tmp_path / "run", tmp_path / "whole") < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("full", "best.npz: cannot be written"),
        ("version", "another version of numpy_sat than rank 0: 0.0.9, not"),
        ("command", "another command than rank 0"),
        ("argument", "another command than rank 0"),
        ("cache", "another cache of images (NUMPY_SAT_CACHE) than rank 0"),
        ("data", "another data set than rank 0"),
    ],
)
def test_a_fault_of_one_rank_ends_all_with_one_sentence(root, tmp_path, fault, words):
    result = start(3, root, tmp_path / "run", fault=fault)
    assert result.returncode != 0
    (sentence,) = sentences(result)
    assert words in sentence and "Traceback" not in result.stderr


@pytest.mark.slow
def test_an_unexpected_error_of_one_rank_ends_all(root, tmp_path):
    result = start(3, root, tmp_path / "run", fault="crash")
    assert result.returncode != 0 and result.stderr.count("RuntimeError: a bug") == 1


@pytest.mark.slow
def test_wrong_arguments_are_reported_once(root, tmp_path):
    result = start(3, root, tmp_path / "run", "--bogus")
    assert result.returncode != 0 and result.stderr.count("unrecognized arguments") == 1


@pytest.mark.slow
def test_a_study_and_an_evaluation_use_the_ranks(root, tmp_path):
    """Check that each rank trains other variants, and that the table is that of one process."""
    for ranks, name in ((2, "two"), (1, "one")):
        result = start(ranks, root, tmp_path / name, "--epochs", 1, fault="study")
        assert result.returncode == 0, result.stderr
    tables = [json.loads((tmp_path / name / "table.json").read_text()) for name in ("two", "one")]
    for ours, theirs in zip(*(table["rows"] for table in tables), strict=True):
        assert ours["name"] == theirs["name"] and ours["figures"] == theirs["figures"]


@pytest.mark.slow
def test_a_large_set_in_shards(tmp_path):
    """Decode 120,000 tiny images on several ranks together, and train on their shares of large batches."""
    write_large(tmp_path / "coco", IMAGES, np.random.default_rng(0), size=200)
    settings = "batch_size=500", "captions_per_image=1", "min_word_count=1"
    options = "--data", "coco", "--epochs", 1, "--set", *settings
    result = start(2, tmp_path / "coco", tmp_path / "run", *options)
    assert result.returncode == 0, result.stderr
    assert f"of {IMAGES:,} in train" in result.stdout  # some are held out for a test split
    assert checkpoint.load(tmp_path / "run" / "last.npz").progress["step"] >= 0.8 * IMAGES // 500
