"""python -m exercises: the board, and all one does with an exercise."""

import argparse
import sys

from exercises.runner import board, checks, commands, lessons
from numpy_sat.system import cli


def main(argv=None):
    """The command; returns its exit code: 0 where what was asked for is right or done."""
    args = _parse(argv)
    return cli.run(lambda: args.work(args))


def _board(args):
    board.show_board()


def _check(args):
    lesson = lessons.load(args.number)
    board.show_head(lesson)
    result = board.show_results(lesson, checks.watch(args.number), args.term)
    if result.right and lesson.timed:
        from exercises.runner import speed

        speed.report(lesson)
    return 0 if result.right else 1


def _watch(args):
    commands.watch([args.number] if args.number else list(lessons.names()), args.term)


def _hint(args):
    commands.hint(lessons.load(args.number), args.step, args.of)


def _show(args):
    from exercises.runner import array_figures

    return array_figures.show(lessons.load(args.number))


def _plug(args):
    from exercises.runner import plug

    numbers = list(lessons.names()) if args.number == "all" else [args.number]
    return plug.plug([lessons.load(number) for number in numbers])


def _reset(args):
    commands.reset(lessons.load(args.number))


def _solution(args):
    return commands.solution(lessons.load(args.number), args.anyway)


def _number_or_all(text):
    return text if text == "all" else cli.count(text)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m exercises", description="The exercises: what is solved, what is wrong, and where."
    )
    parser.set_defaults(work=_board)
    commands = parser.add_subparsers(metavar="COMMAND", title="without a command, the board of all; else one of")

    def add(name, work, words, number=cli.count, **options):
        sub = commands.add_parser(name, help=words, description=words)
        sub.set_defaults(work=work)
        sub.add_argument("number", type=number, help="the exercise's number", **options)
        return sub

    term = {"action": "store_true", "help": "name the wrong term, too"}
    add("check", _check, "say what is right and what is wrong in an exercise").add_argument("--term", **term)
    add("watch", _watch, "check whenever a file is saved", nargs="?").add_argument("--term", **term)
    hint = add("hint", _hint, "a question, the equation, the term: one step at a time")
    hint.add_argument("step", type=int, choices=(1, 2, 3), nargs="?", default=1, help="1, the default, 2 or 3")
    hint.add_argument("--of", metavar="FUNCTION", help="not on the first function that is not right yet, but on this")
    add("show", _show, "draw every wrong array: yours, the right one, the difference")
    add("plug", _plug, "train the small model on your functions; all: on all that are right", _number_or_all)
    add("reset", _reset, "hand the file out anew; a copy of yours is kept")
    solution = add("solution", _solution, "print the solution, once you have solved it")
    solution.add_argument("--anyway", action="store_true", help="without having solved it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
