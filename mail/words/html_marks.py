"""Which element of a page is a quote, a signature or a forwarded mail: the names that mail programs give them.

Only names that a program writes itself around what it quotes; none that merely sounds like it. Programs that rewrite
a quoted mail put something before its names (`x_`, `ecx`, `yiv123`, `ydp1a2b3c`, `m_123`) or a number behind them:
both are taken off first. A new program is a name in one of these tables, and a made-up mail in `tests/data/html`.
"""

from __future__ import annotations

import enum
import re

Attributes = dict[str, str | None]


class Mark(enum.Enum):
    """What a mail program means by an element.

    A QUOTE holds the quoted mail and nothing else. A WRAPPER holds an introduction and then a <blockquote>, and what
    people write below or between goes into it too; a LOOSE one is left around their words even without a quote.
    BLOCKQUOTE is one that no program marked, SET_OFF one of Gmail's, whose users set off words with it too. From a
    TAIL on, all is quoted up to the end of the mark around it, if any; from a RULE on too, if a block of From, Sent,
    To, Subject follows. An INTRODUCTION is a line like `On ... wrote:`. FORWARD and SIGNATURE are what they say.
    """

    ROOT = enum.auto()
    BLOCKQUOTE = enum.auto()
    SET_OFF = enum.auto()
    QUOTE = enum.auto()
    WRAPPER = enum.auto()
    LOOSE = enum.auto()
    TAIL = enum.auto()
    RULE = enum.auto()
    INTRODUCTION = enum.auto()
    FORWARD = enum.auto()
    SIGNATURE = enum.auto()


# Classes stand as they are, ids with #, names with @, other attributes with their own name and a colon.
_NAMES: dict[str, Mark] = {}
for _mark, _names in {
    Mark.WRAPPER: """
        protonmail_quote zmail_extra #zmail_extra missive_quote freshdesk_quote
        sh-quoted-content @messageReplySection quotedReply hs_reply outreach-quote fernand_quote
        ik_mail_quote skiff_quote""",
    Mark.LOOSE: """
        gmail_quote gmail_quote_container AppleOriginalContents includetail #mail-editor-reference-message-container
        ms-outlook-mobile-reference-message""",
    Mark.QUOTE: """
        yahoo_quoted #yahoo_quoted iosymail @quote #origbody #reply139content ntes-mailmaster-quote #isReplyContent
        #oriMsgHtmlSeperator #blockquote_zmail tutanota_quote front-blockquote mailru-blockquote notion-mail-quote
        alimail-quote oneComWebmail-html iNotesHistory OutlookQuote #OLK_SRC_BODY_SECTION
        data-marker:__HEADERS__ data-marker:__QUOTED_TEXT__ type:cite data-skiff-mail:""",
    Mark.TAIL: """
        OutlookMessageHeader outlookmessageheader #divRplyFwdMsg #stopSpelling #replySplit #zwchr
        data-marker:__DIVIDER__ yahoo-quoted-begin gorgias-reply-marker title:beforequote:::""",
    Mark.INTRODUCTION: "gmail_attr moz-cite-prefix #reply-intro zmail_extra_hr",
    Mark.FORWARD: "moz-forward-container #isForwardContent forwardContentMessage",
    Mark.SIGNATURE: """
        gmail_signature moz-signature k9mail-signature protonmail_signature_block protonmail_signature_block-user
        sh-signature zmail_signature_below ntes-signature #imail_signature #ms-outlook-mobile-signature
        ms-outlook-mobile-signature #Signature #signature #AppleMailSignature @messageSignatureSection #_rc_sig
        #lineBreakAtBeginningOfSignature xm_write_card #ymail_android_signature #composer_signature -x-evo-signature
        data-smartmail:gmail_signature""",
}.items():
    _NAMES |= dict.fromkeys(_names.split(), _mark)

# Of several names at one element the first of these counts.
_ORDER = (Mark.FORWARD, Mark.TAIL, Mark.INTRODUCTION, Mark.SIGNATURE, Mark.QUOTE, Mark.WRAPPER, Mark.LOOSE)
BLOCKQUOTES = frozenset({Mark.BLOCKQUOTE, Mark.SET_OFF})
WRAPPERS = frozenset({Mark.WRAPPER, Mark.LOOSE})
_PREFIX = re.compile(r"(?:x_|ecx|gmail-|m_-?\d{5,25}|yiv\d{5,12}|ydp[0-9a-f]{5,8})*")
_NUMBER = re.compile(r"_?\d{1,20}$")
_LONGEST_NAMES = 400
_RULE_ABOVE = re.compile(r"border-top(?:-style)?:(?:[\w#.(),]*)?solid|border-style:solidnonenone")


def style_of(attributes: Attributes) -> str:
    """The style of an element without blanks, in lower case."""
    style = attributes.get("style")
    return "".join(style[:2000].lower().split()) if style else ""


def mark_of(tag: str, attributes: Attributes, style: str) -> Mark | None:
    """What a mail program means by the element; nothing for an element like any other."""
    found = {mark for name in _names_of(tag, attributes) if (mark := _NAMES.get(name))}
    is_blockquote = tag == "blockquote"
    # Gmail and others indent by means of a quote without a border.
    if is_blockquote and "border:none" in style and not found:
        return None
    if is_blockquote and (not found or found <= WRAPPERS):
        return Mark.SET_OFF if found else Mark.BLOCKQUOTE
    if found:
        return next((mark for mark in _ORDER if mark in found), None)
    return Mark.RULE if tag in {"div", "p"} and _RULE_ABOVE.search(style) else None


def _names_of(tag: str, attributes: Attributes) -> list[str]:
    names = [_plain(name) for name in (attributes.get("class") or "")[:_LONGEST_NAMES].split()]
    if tag == "includetail":
        names.append(tag)
    if word := attributes.get("id"):
        names.append("#" + _plain(word[:_LONGEST_NAMES]))
    if (word := attributes.get("name")) and tag in {"div", "blockquote"}:
        names.append("@" + _plain(word[:_LONGEST_NAMES]))
    if (word := attributes.get("type")) and tag == "blockquote":
        names.append("type:" + word.strip().lower()[:20])
    others = ((name, attributes.get(name)) for name in ("data-marker", "data-smartmail", "title"))
    names.extend(f"{name}:{word[:40]}" for name, word in others if word)
    if "data-skiff-mail" in attributes:
        names.append("data-skiff-mail:")
    return names


def _plain(name: str) -> str:
    """The name as its own program wrote it."""
    prefix = _PREFIX.match(name)
    return _NUMBER.sub("", name[prefix.end() :] if prefix else name)
