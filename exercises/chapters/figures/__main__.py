"""Run `python -m exercises.chapters.figures`: draw the figures of the chapters again."""

import sys

from exercises.chapters import figures
from numpy_sat.system import cli


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    drawers = figures.drawers()
    parser = cli.Parser(prog="python -m exercises.chapters.figures", description="Draw the figures of the chapters.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw (default: all)")
    names = parser.parse_args(argv).names or list(drawers)
    if unknown := sorted(set(names) - drawers.keys()):
        parser.error(f"{unknown[0]} is no figure; choose from {', '.join(drawers)}")
    return cli.run(lambda: _draw({name: drawers[name] for name in names}))


def _draw(drawers):
    """Draw figures and print the names of their files."""
    for name, draw in drawers.items():
        path = figures.IMAGES / f"{name}.png"
        figures.save(draw(), path)
        print(path)


if __name__ == "__main__":
    sys.exit(main())
