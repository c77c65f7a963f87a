"""Recognize what a user named instead of a photo, for messages: other formats, videos and web addresses."""

from pathlib import Path

START = 64  # bytes that identify a file
# ISO media files name their brand after "ftyp".
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
SUPPORTED_STARTS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
OTHER_STARTS = {  # the first bytes of a file, and what it is
    b"%!PS": "an EPS or PostScript file",
    b"\xc5\xd0\xd3\xc6": "an EPS file",
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop file",
    b"PK\3\4": "a zip",
    b"<svg": "an SVG drawing",
    b"<?xml": "an SVG drawing or another XML file",
    b"<!DOC": "a web page",
    b"<!doc": "a web page",
    b"<html": "a web page",
    b"\x1a\x45\xdf\xa3": "a video",  # Matroska and WebM
    b"\0\0\1\xba": "a video",  # MPEG
    b"\0\0\1\xb3": "a video",
    b"FLV": "a video",
}


def explain(path: object, start: bytes) -> str:
    """Return a message for a file that is not an image of a supported format: what it is and what to do.

    Args:
        path: its path or name.
        start: its first START bytes.
    """
    if start.startswith(SUPPORTED_STARTS):
        return f"{path} cannot be decoded; it is damaged or cut short: get the file again."
    kind = kind_of(start)
    if kind == "an HEIC photo":
        return (
            f"{path} is an HEIC photo, the format of iPhones; install the reader (python -m pip install pillow-heif), "
            "or save the photo as JPEG and name that file."
        )
    if kind == "an AVIF photo":
        return f"{path} is {kind}, which is not supported here; save it as JPEG or PNG and name that file."
    if kind == "a video":
        return f"{path} is a video; save one of its frames as JPEG or PNG and name that file."
    if kind:
        return f"{path} is not an image of a supported format but {kind}; use JPEG or PNG."
    return f"{path} is not an image, or its format is not supported; use JPEG or PNG."


def web_address(path: Path) -> str | None:
    """Return the web address that was given as a path, in its original form, or None for other paths."""
    scheme, *rest = path.parts or ("",)
    return f"{scheme}//{'/'.join(rest)}" if scheme.lower() in ("http:", "https:", "ftp:") else None


def kind_of(start: bytes) -> str | None:
    """Return what a file is by its first bytes, or None if they are not known."""
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        return "an HEIC photo" if brand in HEIC_BRANDS else "an AVIF photo" if brand in AVIF_BRANDS else "a video"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "a video"
    return next((kind for known_start, kind in OTHER_STARTS.items() if start.startswith(known_start)), None)
