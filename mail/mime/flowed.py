"""Text that was sent as `format=flowed` (RFC 3676) in the lines that its writer meant.

A line that ends in a blank goes on in the next one, if that one is quoted as deeply; a blank in front of a line that
begins like a quote or like `From ` was put there for the journey. Deliberately not as the standard says: an empty line
ends a paragraph and stays, since many programs leave blanks at the ends of paragraphs.
"""

from __future__ import annotations

SIGNATURE_LINE = "-- "


def unflow(text: str, *, drop_blanks: bool) -> str:
    """The text with its paragraphs in one line each; with `drop_blanks` (DelSp) the blank at a joint is no blank."""
    paragraphs: list[tuple[int, list[str]]] = []
    is_open = False
    for line in text.replace("\r\n", "\n").split("\n"):
        words = line.lstrip(">")
        depth = len(line) - len(words)
        words = words.removeprefix(" ")
        is_flowed = words.endswith(" ") and words != SIGNATURE_LINE and bool(words.strip())
        piece = words[:-1] if is_flowed and drop_blanks else words
        if is_open and words.strip() and words != SIGNATURE_LINE and paragraphs[-1][0] == depth:
            paragraphs[-1][1].append(piece)
        else:
            paragraphs.append((depth, [piece]))
        is_open = is_flowed
    return "\n".join(_line(depth, "".join(pieces)) for depth, pieces in paragraphs)


def _line(depth: int, words: str) -> str:
    return f"{'>' * depth} {words}" if depth and words else ">" * depth + words
