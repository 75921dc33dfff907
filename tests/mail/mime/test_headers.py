"""Header fields are read leniently, and the sender strictly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.mime.headers import (
    MOST_ADDRESSES,
    MOST_MESSAGE_IDS,
    Fields,
    addresses,
    decode_text,
    message_id,
    message_ids,
    parameterised,
    sender,
)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain words", "plain words"),
        ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?UTF-8?B?0J/RgNC40LLQtdGC?=", "Привет"),
        ("=?utf-8?B?0J/RgNC4?=\r\n =?utf-8?B?0LLQtdGC?=", "Привет"),
        ("=?utf-8?B?0J/R?= =?utf-8?B?gNC4?=", "При"),
        ("=?koi8-r?Q?=F0?= =?utf-8?q?=C3=A9?=", "Пé"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("Re:=?utf-8?q?b?=c", "Re:bc"),
        ("=?utf-8?Q?two words?=", "two words"),
        ("=?utf-8?Q?how are you??=", "how are you?"),
        ("=?utf-8*en?q?hello?=", "hello"),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
        ("=?utf-8?b?cGxhaW4?=", "plain"),
        ("=?utf-8?b?cGxh!aW4=?=", "plain"),
        ("=?utf-8?q?cut off here", "cut off here"),
        ("=?rot13?q?uryyb?=", "uryyb"),
        ("folded\r\n\tline", "folded\tline"),
        ("caf\udcc3\udca9", "café"),
        ("\udccf\udcf0\udce8\udce2\udce5\udcf2, \udcea\udce0\udcea \udce4\udce5\udceb\udce0?", "Привет, как дела?"),
        ("=?utf-8?Q?cut =?utf-8?Q?and_on?=", "cut and on"),
        ("=?utf-8?q?no sign of equality?", "no sign of equality"),
        ("=?utf-8?q?one?==?utf-8?q?_two?=", "one two"),
        ("=?Utf-8?Q?=3D=3Futf-8=3Fq=3Fcaf=3DC3=3DA9=3F=3D?=", "café"),
        ("=??q?no_charset?=", "no charset"),
        ("=?utf-8?q?raw_\udcc3\udca9?=", "raw é"),
        ("=?iso-2022-jp?B?GyRCJCIbKEI=?=", "あ"),
        ('"=?utf-8?q?quoted?="', '"quoted"'),
        ("=?utf-8?b?===?=", ""),
        ("=?x?", "=?x?"),
        ("100 =?= 100", "100 =?= 100"),
    ],
)
def test_unstructured_fields_are_decoded(raw: str, text: str) -> None:
    assert decode_text(raw) == text


@pytest.mark.parametrize(
    ("raw", "value", "parameters"),
    [
        ("Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('text/plain; charset="utf-8', "text/plain", {"charset": "utf-8"}),
        ("text/plain; charset=us-ascii (plain)", "text/plain", {"charset": "us-ascii"}),
        ("text/plain; charset=a; charset=b", "text/plain", {"charset": "a"}),
        ("text/plain;;; ;charset=a;", "text/plain", {"charset": "a"}),
        ("text/plain; name*", "text/plain", {}),
        ("text/plain; =x; y", "text/plain", {}),
        ('multipart/mixed; boundary="a;b (c"', "multipart/mixed", {"boundary": "a;b (c"}),
        ("attachment; filename=plan (2).pdf", "attachment", {"filename": "plan (2).pdf"}),
        (r'attachment; filename="a\"b.txt"', "attachment", {"filename": 'a"b.txt'}),
        (r'attachment; filename="C:\temp\a.txt"', "attachment", {"filename": r"C:\temp\a.txt"}),
        ('attachment; filename="=?utf-8?q?=C3=A9_1=2Etxt?="', "attachment", {"filename": "é 1.txt"}),
        ("attachment; filename*=utf-8'en'%e2%82%ac.txt", "attachment", {"filename": "€.txt"}),
        ("attachment; filename=e.txt; filename*=utf-8''%e2%82%ac.txt", "attachment", {"filename": "€.txt"}),
        (
            "attachment; filename*1=b; filename*0*=utf-8''a%20; filename*2*=%41",
            "attachment",
            {"filename": "a bA"},
        ),
        ("attachment; filename*=%c3%a9%00x", "attachment", {"filename": "é\0x"}),
        ("attachment; filename*=utf-8'a.txt'", "attachment", {"filename": "a.txt"}),
        ("attachment; filename*=\"utf-8''a%20b\"", "attachment", {"filename": "a b"}),
        ("attachment; filename*1*=utf-8''a; filename*3*=%20b; filename*3*=c", "attachment", {"filename": "a b"}),
        ("attachment; filename*=no-such''%c3%a9", "attachment", {"filename": "é"}),
        ("attachment; filename=a.txt; filename*=''", "attachment", {"filename": "a.txt"}),
        ('attachment; filename*0="=?utf-8?q?=C3"; filename*1="=A9?="', "attachment", {"filename": "é"}),
        ("attachment; filename=%D0%9F.txt", "attachment", {"filename": "П.txt"}),
        ("attachment; filename=50%A9.txt", "attachment", {"filename": "50%A9.txt"}),
        ('attachment filename="a b.txt"', "attachment", {"filename": "a b.txt"}),
        ("text/html charset=utf-8; name=a", "text/html", {"charset": "utf-8", "name": "a"}),
        ('"text/html"; charset=utf-8', "text/html", {"charset": "utf-8"}),
        ("text / html", "text/html", {}),
        ("", "", {}),
    ],
)
def test_parameters_are_read(raw: str, value: str, parameters: dict[str, str]) -> None:
    read = parameterised(raw)
    assert (read.value, read.parameters) == (value, parameters)


def test_only_so_many_parameters_are_looked_at() -> None:
    assert len(parameterised("a/b" + "".join(f";p{number}=x" for number in range(500))).parameters) == 128


@pytest.mark.parametrize(
    ("raw", "name", "address"),
    [
        ("ann@example.com", "", "ann@example.com"),
        ("<ann@example.com>", "", "ann@example.com"),
        ("Ann Lee <Ann.Lee@Example.COM>", "Ann Lee", "Ann.Lee@example.com"),
        ('"Lee, Ann" <ann@example.com>', "Lee, Ann", "ann@example.com"),
        ("=?utf-8?b?0JDQvdC90LA=?= <ann@example.com>", "Анна", "ann@example.com"),
        ('"=?utf-8?b?0JDQvdC90LA=?=" <ann@example.com>', "Анна", "ann@example.com"),
        ("\udcd0\udc90\udcd0\udcbd\udcd0\udcbd\udcd0\udcb0 <ann@example.com>", "Анна", "ann@example.com"),
        ('"boss@corp.example" <ann@example.com>', "boss@corp.example", "ann@example.com"),
        ("=?utf-8?q?boss=40corp.example=3E?= <ann@example.com>", "boss@corp.example>", "ann@example.com"),
        ("ann@example.com <ann@example.com>", "ann@example.com", "ann@example.com"),
        ("ann@example.com (Ann Lee)", "Ann Lee", "ann@example.com"),
        ("Ann (Sales) <ann@example.com>", "Ann (Sales)", "ann@example.com"),
        ('"ann.lee"@example.com', "", "ann.lee@example.com"),
        ("Ann\r\n <ann@example.com>", "Ann", "ann@example.com"),
        ("\"'Ann'\" <ann+tag@example.com>", "Ann", "ann+tag@example.com"),
        ("=?utf-8?Q?Lee,_Ann?= <ann@example.com>", "Lee, Ann", "ann@example.com"),
        ("=?utf-8?Q?Lee=2C_Ann?= <ann@example.com>", "Lee, Ann", "ann@example.com"),
        ("Ann Lee<ann@example.com>  ", "Ann Lee", "ann@example.com"),
        ("J. R. O'Neil-Lee <ann@example.com>", "J. R. O'Neil-Lee", "ann@example.com"),
        ("'Ann Lee' <ann@example.com>", "Ann Lee", "ann@example.com"),
        ("'ann@example.com' <ann@example.com>", "ann@example.com", "ann@example.com"),
        ("Ann@Example.COM <ann@example.com>", "Ann@Example.COM", "ann@example.com"),
        ("Ann Lee <ann@example.com> (Sales)", "Ann Lee", "ann@example.com"),
        ("[Desk] Ann <ann@example.com>", "[Desk] Ann", "ann@example.com"),
        ("Ann\t<ann@example.com>", "Ann", "ann@example.com"),
        ('""<ann@example.com>', "", "ann@example.com"),
    ],
)
def test_one_plain_address_is_the_sender(raw: str, name: str, address: str) -> None:
    mailbox = sender([raw])
    assert (mailbox.name, mailbox.address) == (name, address)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["<>"],
        ["Ann"],
        ["boss@corp.example", "ann@example.com"],
        ["boss@corp.example", "boss@corp.example"],
        ["boss@corp.example, ann@example.com"],
        ["Boss <boss@corp.example>, Ann <ann@example.com>"],
        ["boss@corp.example,"],
        ["Group: boss@corp.example;"],
        ["Group: Boss <boss@corp.example>;"],
        ["<@a.example,@b.example:boss@corp.example>"],
        ["Boss <@a.example:boss@corp.example>"],
        ["=?utf-8?q?boss=40corp.example=3E?= ann@example.com"],
        ["=?utf-8?q?boss?=@corp.example"],
        ["Boss <=?utf-8?q?boss=40corp.example?=>"],
        ["boss@=?utf-8?q?corp.example?="],
        ["boss@corp.example (x) <ann@example.com>"],
        ["boss@corp.example <ann@example.com>"],
        ["ann@example.com (boss@corp.example)"],
        ["ann@example.com (<boss@corp.example>)"],
        ["(boss@corp.example) ann@example.com"],
        ["boss(comment)@corp.example"],
        ["boss@(comment)corp.example"],
        ["Boss <boss@corp.example (comment)>"],
        ["boss@corp.example ann@example.com"],
        ["<boss@corp.example> <ann@example.com>"],
        ["<boss@corp.example> ann@example.com"],
        ["<boss@corp.example>, "],
        ["<<boss@corp.example>>"],
        ["Boss <boss@corp.example"],
        ["Boss boss@corp.example>"],
        ['"boss@corp.example"@example.com'],
        ['"boss lee"@corp.example'],
        ['"Boss <boss@corp.example>" <ann@example.com>'],
        ['"unclosed <boss@corp.example>'],
        ["b\udcf6ss@corp.example"],
        ["boss@c\udcf6rp.example"],
        ["boss@corp.example\r\nTo: ann@example.com"],
        ["boss@corp.example\0"],
        ["\0boss@corp.example"],
        ["boss@corp.example\rX: y"],
        ["boss@corp..example"],
        ["boss@.example"],
        ["boss@corp.example."],
        ["boss@[192.0.2.1]"],
        ["boss @corp.example"],
        ["boss@corp@corp.example"],
        ["boss;ann@example.com"],
        ["Boss, Big <boss@corp.example>"],
        ['"Big Boss" <boss@corp.example>;'],
        ["Big Boss boss@corp.example"],
        ["=?utf-8?Q?Boss,_x@y.example?= <boss@corp.example>"],
        ["Boss: <boss@corp.example>"],
        ["boss@corp.example (one (two))"],
        ["Boss <boss@corp.example> (ann@example.com)"],
        ["Boss <boss@corp.example> text"],
        ["Boss @ Corp <boss@corp.example>"],
        ["boss%corp.example"],
        ["corp.example!boss"],
        ["boss@c\udcd0\udcberp.example"],
        ["boss\uff20corp.example"],
        ["boss@corp\u3002example"],
        ["=?utf-8?b?PGJvc3NAY29ycC5leGFtcGxlPg==?="],
        ["Boss <boss@corp.example\n>"],
        ["boss@corp.example\x0b"],
        ["mailto:boss@corp.example"],
        ["\\<boss@corp.example>"],
        ["<boss@corp.example>;<ann@example.com>"],
        ["boss@corp.example/ann@example.com"],
        ["b" * 65 + "@corp.example"],
        ["boss@" + "c" * 250 + ".example"],
        ["x" * 5000 + " <boss@corp.example>"],
    ],
)
def test_every_ambiguous_from_names_nobody_and_keeps_a_name_for_people(values: list[str]) -> None:
    mailbox = sender(values)
    assert mailbox.address == ""
    assert bool(mailbox.name) == any(value.strip() for value in values)


@pytest.mark.parametrize(
    "value",
    [
        "boss%corp.example@example.com",
        "corp.example!boss@example.com",
        '"boss@corp.example" <ann@example.com>',
        "Boss (boss at corp.example) <ann@example.com>",
        "boss.corp.example@example.com",
        "boss@corp.example.example.com",
        "boss@xn--crp-tlc.example",
        "boss+corp.example@example.com",
        ".boss@corp.example",
        "boss.@corp.example",
    ],
)
def test_address_that_only_looks_like_another_one_is_not_the_other(value: str) -> None:
    assert sender([value]).address not in {"", "boss@corp.example"}


def test_raw_bytes_in_headers_may_be_in_the_charset_of_the_text() -> None:
    raw = "\udccf\udcf0\udce8"
    assert decode_text(raw, charset="windows-1251") == "При"
    assert sender([f"{raw} <ann@example.com>"], "windows-1251").name == "При"
    assert decode_text("\udcd0\udc9f\udcd1\udc80", charset="windows-1251") == "Пр"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a@x.example, B <b@X.example>"], ("a@x.example", "b@x.example")),
        (['"Last, First" <a@x.example>'], ("a@x.example",)),
        (["Team: a@x.example, b@x.example;"], ("a@x.example", "b@x.example")),
        (["a@x.example; b@x.example"], ("a@x.example", "b@x.example")),
        (["undisclosed-recipients:;"], ()),
        (["a@x.example (comment, with comma)", "a@x.example"], ("a@x.example",)),
        (['"unclosed, a@x.example, <b@x.example>'], ("a@x.example", "b@x.example")),
        (["<a@x.example", "@,;<>", "\udcff@x.example"], ("a@x.example",)),
    ],
)
def test_addresses_are_found_in_lists(values: list[str], expected: tuple[str, ...]) -> None:
    assert addresses(values) == expected


def test_only_so_many_addresses_are_looked_at() -> None:
    values = [f"a{number}@x.example" for number in range(500)]
    assert len(addresses(values)) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<ant@x.example>", ("ant@x.example",)),
        ("<ant@x.example>\r\n <bee@x.example> <ant@x.example>", ("ant@x.example", "bee@x.example")),
        ("<ant @x.\r\n example>", ("ant@x.example",)),
        ("Your message of Monday <ant@x.example>", ("ant@x.example",)),
        ("ant@x.example", ("ant@x.example",)),
        ("<ant@x.example", ("ant@x.example",)),
        ("<ant <bee@x.example; cat@x.example>>", ("bee@x.example;cat@x.example",)),
        ("<[ant@x.example]>", ("[ant@x.example]",)),
        ("<>", ()),
        ("<" + "a" * 999 + ">", ()),
        ("<" + "a" * 998 + ">", ("a" * 998,)),
        ("words", ()),
    ],
)
def test_message_ids_are_read_without_their_brackets(raw: str, expected: tuple[str, ...]) -> None:
    assert message_ids(raw) == expected


def test_of_too_many_message_ids_the_newest_are_kept() -> None:
    ids = message_ids(" ".join(f"<{number}@x.example>" for number in range(300)))
    assert len(ids) == MOST_MESSAGE_IDS
    assert ids[-1] == "299@x.example"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([""], None),
        (["<>"], None),
        (["<[ant"], "[ant"),
        (["a<n<t"], "ant"),
        (["ant"], "ant"),
        (["", "<ant@x.example>"], "ant@x.example"),
    ],
)
def test_a_message_id_however_odd_is_kept(values: list[str], expected: str | None) -> None:
    assert message_id(values) == expected


def test_fields_are_found_by_name() -> None:
    fields = Fields((("to", "a"), ("to", "b"), ("precedence", "Bulk (x)")))
    assert fields.all("to") == ["a", "b"]
    assert fields.first("cc") == ""
    assert fields.token("precedence") == "bulk"


@pytest.mark.parametrize(
    "bomb",
    [
        ";",
        "(",
        '"',
        "\\",
        '"\\',
        "=?a?b?",
        "=?a?q?",
        "<",
        "<a@",
        "a@b.c,",
        '"(\\"',
        "'",
        "*0*=x;",
        "=?",
        "?=",
        "( ,",
        "a:;",
    ],
)
def test_hostile_fields_cost_next_to_nothing(bomb: str) -> None:
    value = bomb * (300_000 // len(bomb))
    started = time.process_time()
    decode_text(value)
    parameterised("a/b; c=" + value)
    addresses([value] * 5)
    message_ids(value)
    sender([value])
    # Cut at a few KiB, each takes milliseconds; what is quadratic over the whole takes minutes.
    assert time.process_time() - started < 5


@given(st.text(max_size=200))
def test_no_field_raises(value: str) -> None:
    decode_text(value)
    parameterised(value)
    addresses([value])
    message_ids(value)
    message_id([value])
    assert sender([value]).address.count("@") <= 1
