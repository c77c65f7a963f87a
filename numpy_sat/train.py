"""Run `python -m numpy_sat.train`: train a captioner of images, or a translator of phrases."""

import sys

from numpy_sat.experiment import arguments
from numpy_sat.system import cli, mpi
from numpy_sat.training import loop


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    mpi.silence_others()
    args = arguments.parse(argv)
    return cli.run_on_ranks(lambda: loop.train(args))


if __name__ == "__main__":
    sys.exit(main())
