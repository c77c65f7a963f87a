"""The result of a gradient check as text."""


def describe(report):
    """Return a gradcheck.Report as text: first what is wrong, then each gradient with its error."""
    lines = [f"WRONG: {complaint}" for complaint in report.complaints]
    lines += [_describe_array(array) for array in sorted(report.arrays, key=lambda array: array.ok)]
    return "\n".join(lines)


def _describe_array(array):
    """Return a line about one gradient. array: gradcheck.ArrayReport."""
    name, error = f"d{array.name}", f"{array.error:.1e}"
    if array.kink:
        return (
            f"UNDECIDED: {name} at {_entry(array)}: the numerical gradient depends on the step, so the inputs lie at a "
            "corner (relu at 0, two equal maxima); move them apart"
        )
    if array.ok and array.absolute:
        return f"ok: {name} is zero, as it should be (largest value {error})"
    if array.ok:
        return f"ok: {name} (error {error})"
    unit = "" if array.absolute else " of its size"
    return (
        f"WRONG: {name} is off by {error}{unit} ({array.tolerance:.0e} allowed); worst at {_entry(array)}: yours "
        f"{array.analytic:.6g}, finite differences {array.numeric:.6g}{_hint(array)}"
    )


def _entry(array):
    return f"d{array.name}[{', '.join(map(str, array.index))}]"


def _hint(array):
    """Return what a simple ratio of the two values suggests, such as a flipped sign."""
    if abs(array.numeric) < 1e-12 or abs(array.analytic) < 1e-12:
        return "" if array.analytic else " (yours is zero: a term is missing)"
    ratio = array.analytic / array.numeric
    if abs(ratio + 1) < 1e-4:
        return " (the sign is flipped)"
    for factor in (2, 3, 4):
        if abs(ratio - factor) < 1e-4 * factor:
            return f" ({factor} times too large)"
        if abs(ratio * factor - 1) < 1e-4:
            return f" ({factor} times too small)"
    return ""
