"""Run `python -m numpy_sat.words`: show which words are neighbors in a trained model, alone or in context."""

import sys
from functools import partial

from numpy_sat.evaluation import word_contexts, word_neighbors
from numpy_sat.system import cli
from numpy_sat.training import word_vectors


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    args = _parse(argv)
    if args.context:
        return cli.run(lambda: word_contexts.show(args.run, args.context))
    vectors = {method: partial(word_vectors.train_on_run, method) for method in args.vectors}
    return cli.run(lambda: word_neighbors.show(args.run, args.words, args.out, vectors, args.analogy))


def _parse(argv):
    parser = cli.Parser(
        prog="python -m numpy_sat.words", description="Show which words have similar embeddings in a trained model."
    )
    parser.add_argument("run", type=cli.path, metavar="RUN", help="the folder or checkpoint of a run")
    parser.add_argument("words", nargs="*", metavar="WORD", help="words to show (default: the most frequent ones)")
    parser.add_argument(
        "--out", type=cli.png, metavar="FILE.png", help="map of the words (default: words.png in the folder of RUN)"
    )
    vectors_help = "train word vectors on the captions of the run's training set, and show them beside its embedding"
    parser.add_argument(
        "--vectors",
        nargs="+",
        choices=tuple(word_vectors.METHODS),
        default=[],
        metavar="METHOD",
        help=f"{vectors_help}: {' or '.join(word_vectors.METHODS)}, or both",
    )
    parser.add_argument("--analogy", nargs=3, metavar=("A", "B", "C"), help="find what is to C as B is to A")
    context_help = "show the vectors of each WORD in different captions; needs a run of train --blind --model vlp"
    parser.add_argument("--context", nargs="+", default=[], metavar="WORD", help=context_help)
    args = parser.parse_args(argv)
    if args.context and (args.words or args.out or args.vectors or args.analogy):
        parser.error("--context stands alone: it shows no neighbors in E and draws no map")
    return args


if __name__ == "__main__":
    sys.exit(main())
