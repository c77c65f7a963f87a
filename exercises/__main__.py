"""The command line `python -m exercises`: the board, and the commands on an exercise."""

import sys
from collections.abc import Sequence

from exercises.runner import board, checks, commands, lessons, records
from numpy_sat.system import cli


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 if the exercise is right or the command succeeds."""
    args = _parse(argv)
    return cli.run(lambda: args.work(args))


def _board(args):
    board.show_board()


def _next(args):
    lesson = board.next_lesson()
    if args.open and lesson:
        commands.open_file(lesson.file)


def _check(args):
    if args.json:
        *_, result = checks.run_in_steps(args.number)
        lesson = lessons.load(args.number)
        records.show(records.of_exercise(lesson, lesson.file, result))
        return 0 if result.right else 1
    if args.pencil:
        from exercises.runner import pencil

        return pencil.run(lessons.load(args.number))
    result = commands.check(args.number, args.term, args.all)
    lesson = lessons.load(args.number)
    if result.right and lesson.timed:
        from exercises.runner import speed

        speed.report(lesson)
    return 0 if result.right else 1


def _watch(args):
    commands.watch([args.number] if args.number else list(lessons.names()), args.term, args.all)


def _hint(args):
    commands.hint(lessons.load(args.number), args.step, args.of)


def _show(args):
    from exercises.runner import array_figures

    return array_figures.show(lessons.load(args.number))


def _plug(args):
    from exercises.runner import plug

    numbers = list(lessons.names()) if args.number == "all" else [args.number]
    return plug.plug([lessons.load(number) for number in numbers])


def _grade(args):
    from exercises.runner import grade

    return grade.grade(args.folders, args.json)


def _serve(args):
    from exercises.runner import serve

    serve.serve(args.port)


def _reset(args):
    commands.reset(lessons.load(args.number))


def _solution(args):
    return commands.solution(lessons.load(args.number), args.anyway)


def _number_or_all(text):
    return text if text == "all" else cli.count(text)


def _parse(argv):
    parser = cli.Parser(
        prog="python -m exercises",
        description="Check your solutions, get hints, and train a model with your functions.",
    )
    parser.set_defaults(work=_board)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands (without one, show the board of all exercises)")

    def add_plain(name, work, description):
        command = commands.add_parser(name, help=description, description=description)
        command.set_defaults(work=work)
        return command

    def add(name, work, description, number=cli.count, number_help="number of the exercise", **options):
        command = add_plain(name, work, description)
        command.add_argument("number", type=number, help=number_help, **options)
        return command

    following = add_plain("next", _next, "name the next exercise: one that is begun, or else the first unsolved one")
    following.add_argument("--open", action="store_true", help="open its file in your editor ($EDITOR)")
    check = add("check", _check, "show what is right, what is wrong, and where to look")
    watch_help = "number of the exercise (default: all exercises)"
    watch = add("watch", _watch, "check a file each time you save it", number_help=watch_help, nargs="?")
    _add_options_of_check(check, watch)
    _add_options_of_hint(add("hint", _hint, "show a hint: a question, the equation, the shapes or the term"))
    add("show", _show, "draw each wrong array: yours, the right one, the difference")
    plug_help = "number of the exercise, or all for every exercise that you have solved"
    add("plug", _plug, "train a small model with your functions", _number_or_all, plug_help)
    grade = add_plain("grade", _grade, "judge the exercises of many learners, a folder for each")
    folders_help = "a learner's folder: it holds exNN_*.py files, or a folder exercises with them"
    grade.add_argument("folders", type=cli.path, nargs="+", metavar="FOLDER", help=folders_help)
    grade.add_argument("--json", action="store_true", help="print all results as JSON, for programs")
    serve = add_plain("serve", _serve, "show the exercises on a page in the browser, which follows your files")
    serve.add_argument("--port", type=cli.port, default=8766, help="port; 0 is a free one (default: %(default)s)")
    add("reset", _reset, "restore the file to its original text; yours is kept beside it")
    solution = add("solution", _solution, "print the solution, once you have solved the exercise")
    solution.add_argument("--anyway", action="store_true", help="print it even if the exercise is not solved")
    return parser.parse_args(argv)


def _add_options_of_check(check, watch):
    for command in (check, watch):
        command.add_argument("--term", action="store_true", help="name the wrong term as well")
        command.add_argument("--all", action="store_true", help="list every wrong array, in any number of lines")
    instead = check.add_mutually_exclusive_group()
    instead.add_argument("--json", action="store_true", help="print the whole result as JSON, for programs")
    pencil_help = "run the page's worked example instead, and print each number beside the right one"
    instead.add_argument("--pencil", action="store_true", help=pencil_help)


def _add_options_of_hint(hint):
    step_help = "1 for the question, 2 for the equation, 3 for the shapes, 4 for the term (default: 1)"
    hint.add_argument("step", type=int, choices=(1, 2, 3, 4), nargs="?", default=1, help=step_help)
    function_help = "function to get a hint on (default: the first one that is not right)"
    hint.add_argument("--of", metavar="FUNCTION", help=function_help)


if __name__ == "__main__":
    sys.exit(main())
