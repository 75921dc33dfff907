"""Whether one text says what another one says: asked where a mail has its words in two forms.

Compared are sets of words; in scripts that put no blanks between words, pairs of signs instead. Addresses of links
and what images show are left out: the one form writes them down, the other does not. Known weakness: where a word is
repeated, or in another order, the texts are still alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A form may leave a little out, such as a line on top of a newsletter; a whole thought left out is another text.
_MOST = 0.75
_LONGEST_NOTE = 300
_LINK = re.compile(r"<?\b(?:(?:https?|ftp|mailto|tel):|www\.)[^\s<>]{1,2000}>?", re.IGNORECASE)
_IMAGE = re.compile(r"\[[^\[\]\n]{1,200}\]")
_WORD = re.compile(r"[^\W_]+")
# Thai, Lao, Tibetan, Burmese, Khmer, and all that is written with Chinese signs or kana.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_NOTE = re.compile(
    r"\bhtml\b|\bbrowser|\bnaviga(?:teur|dor|tore|tor)|браузер|почтов\w{1,4} программ|przeglądar|prohlížeč|webbläs|"
    r"nettleser|tarayıcı|böngésző|selaimessa|דפדפן|متصفح|浏览器|瀏覽器|ブラウザ|브라우저",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, each once."""

    words: frozenset[str]

    def covers(self, other: Words) -> bool:
        """Whether most of the other words are among these."""
        return len(other.words & self.words) >= _MOST * len(other.words)


def words_of(text: str) -> Words:
    """The words of a text without links and images; with them, if it has no others."""
    lowered = text.lower()
    bare = _IMAGE.sub(" ", _LINK.sub(" ", lowered))
    return Words(frozenset(_words(bare)) or frozenset(_words(lowered)))


def is_note(text: str) -> bool:
    """Whether a text only says that one should read the HTML, or how: what programs write, in whatever language."""
    bare = _LINK.sub(" ", text).strip()
    return len(bare) <= _LONGEST_NOTE and _NOTE.search(bare) is not None


def _words(text: str) -> set[str]:
    words: set[str] = set()
    for found in _WORD.finditer(text):
        word = found[0]
        if len(word) > 2 and _UNSPACED.search(word):
            words.update(word[place : place + 2] for place in range(len(word) - 1))
        else:
            words.add(word)
    return words
