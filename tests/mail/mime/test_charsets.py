"""Bytes and a declared charset become text; nothing raises and nothing but text codecs is used."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.mime.charsets import codec_names, decode


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("Grüße aus Köln", "utf-8", "utf-8"),
        ("Grüße aus Köln", "utf-8", '"UTF-8"'),
        ("Grüße aus Köln", "utf-8", "utf8mb4"),
        ("“quoted” – 5 €", "cp1252", "iso-8859-1"),
        ("“quoted” – 5 €", "cp1252", "latin1"),
        ("Türkçe – ş", "cp1254", "iso-8859-9"),
        ("Привет", "cp1251", "windows-1251"),
        ("Привет", "cp1251", "WIN1251"),
        ("Привет", "koi8-r", "koi8r"),
        ("Їжак", "koi8-u", "KOI8-U"),
        ("鎔基 朱", "gb18030", "gb2312"),
        ("똠방각하", "cp949", "ks_c_5601-1987"),
        ("똠방각하", "cp949", "euc-kr"),
        ("①こんにちは", "cp932", "shift_jis"),
        ("こんにちは", "iso2022_jp", "ISO-2022-JP"),
        ("碁銹裏", "cp950", "big5"),
        ("žluťoučký", "iso8859_2", "ISO_8859-2:1987"),
        ("mañana", "mac_roman", "macintosh"),
        ("Hi Mom ☺", "utf-7", "utf-7"),
        ("Grüße", "utf-16", "utf-16"),
    ],
)
def test_declared_charset_is_read_as_programs_mean_it(text: str, encoding: str, declared: str) -> None:
    assert decode(text.encode(encoding), declared) == text


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("Grüße aus Köln", "utf-8", None),
        ("Grüße aus Köln", "utf-8", "us-ascii"),
        ("Grüße aus Köln", "utf-8", "x-unknown"),
        ("Grüße aus Köln", "utf-8", "utf-16"),
        ("Grüße aus Köln", "cp1252", "utf-8"),
        ("Добрый день! Не печатает принтер в бухгалтерии.", "cp1251", None),
        ("Добрый день! Не печатает принтер в бухгалтерии.", "koi8-r", "us-ascii"),
        ("café au lait", "cp1252", None),
        ("Schöne Grüße", "cp1252", None),
        ("你好，打印机坏了，请帮忙看一下。", "gb18030", "unknown-8bit"),
        ("Grüße", "utf-8-sig", "us-ascii"),
    ],
)
def test_undeclared_and_wrongly_declared_text_is_recognised(text: str, encoding: str, declared: str | None) -> None:
    assert decode(text.encode(encoding), declared) == text


# Made-up sentences as a customer may write them, with the charsets in which they come without being declared.
UNDECLARED = [
    (
        "ru",
        ("cp1251", "koi8-r", "iso8859-5"),
        (
            "Принтер не печатает",
            "Помогите, пожалуйста, не работает вход",
            "Спасибо, всё хорошо",
            "Где мой заказ?",
            "Не могу войти в личный кабинет, пароль не подходит.",
        ),
    ),
    (
        "uk",
        ("cp1251", "koi8-u"),
        (
            "Принтер не друкує, допоможіть",
            "Дякую, все гаразд",
            "Де моє замовлення?",
            "Не можу увійти до кабінету, пароль не підходить.",
        ),
    ),
    (
        "bg",
        ("cp1251",),
        (
            "Принтерът не работи, моля помогнете",
            "Благодаря, всичко е наред",
            "Къде е моята поръчка?",
            "Не мога да вляза в профила си.",
        ),
    ),
    (
        "pl",
        ("cp1250", "iso8859-2"),
        (
            "Drukarka nie działa, proszę o pomoc",
            "Dziękuję, wszystko w porządku",
            "Gdzie jest moje zamówienie?",
            "Nie mogę się zalogować, hasło nie pasuje.",
        ),
    ),
    (
        "cs",
        ("cp1250", "iso8859-2"),
        (
            "Tiskárna netiskne, prosím o pomoc",
            "Děkuji, všechno je v pořádku",
            "Kde je moje objednávka?",
            "Nemohu se přihlásit, heslo nefunguje, děkuji za vyřízení.",
        ),
    ),
    (
        "hu",
        ("cp1250", "iso8859-2"),
        (
            "A nyomtató nem működik, kérem segítsen",
            "Köszönöm, minden rendben",
            "Hol van a rendelésem?",
            "Nem tudok belépni, a jelszó nem jó, kérem küldjön újat.",
        ),
    ),
    (
        "de",
        ("cp1252",),
        (
            "Der Drucker läuft nicht, bitte helfen Sie",
            "Schöne Grüße aus Köln",
            "Wo ist meine Bestellung geblieben, können Sie prüfen?",
            "Überweisung zurück",
        ),
    ),
    (
        "fr",
        ("cp1252",),
        (
            "L’imprimante ne marche plus, à l’aide",
            "Merci, tout est réglé",
            "Où est ma commande passée début février ?",
            "Mot de passe oublié, accès refusé",
        ),
    ),
    (
        "es",
        ("cp1252",),
        (
            "La impresora no funciona, ¿pueden ayudarme?",
            "Gracias, todo está bien",
            "¿Dónde está mi pedido?",
            "Mañana llamaré otra vez por la contraseña",
        ),
    ),
    (
        "pt",
        ("cp1252",),
        (
            "A impressora não funciona, preciso de ajuda",
            "Obrigado, está tudo certo",
            "Não recebi a confirmação",
            "Onde está a minha encomenda?  Atenção à morada",
        ),
    ),
    (
        "sv",
        ("cp1252",),
        (
            "Skrivaren fungerar inte, snälla hjälp",
            "Tack, allt är bra nu",
            "Var är min beställning på två böcker?",
            "Jag kan inte logga in, lösenordet är fel",
        ),
    ),
    (
        "tr",
        ("cp1254",),
        (
            "Yazıcı çalışmıyor, lütfen yardım edin",
            "Teşekkürler, her şey yolunda",
            "Siparişim nerede kaldı?",
            "Giriş yapamıyorum, şifre yanlış görünüyor",
        ),
    ),
    (
        "el",
        ("cp1253", "iso8859-7"),
        ("Ο εκτυπωτής δεν λειτουργεί, παρακαλώ βοηθήστε", "Ευχαριστώ, όλα είναι καλά", "Πού είναι η παραγγελία μου;"),
    ),
    ("he", ("cp1255",), ("המדפסת לא עובדת, אנא עזרו", "תודה, הכל בסדר", "איפה ההזמנה שלי?")),
    ("ar", ("cp1256",), ("الطابعة لا تعمل، أرجو المساعدة", "شكرا لكم، كل شيء على ما يرام", "أين طلبي؟")),
    (
        "ja",
        ("cp932", "euc_jp", "iso2022_jp"),
        ("プリンターが動きません。助けてください。", "ありがとうございます、解決しました", "注文はどこですか"),
    ),
    ("zh", ("gb18030", "big5"), ("打印机坏了，请帮忙看一下", "谢谢，问题已经解决", "我的订单在哪里？")),
    (
        "ko",
        ("cp949",),
        ("프린터가 작동하지 않습니다. 도와주세요", "감사합니다, 다 해결되었습니다", "제 주문은 어디에 있나요?"),
    ),
]


def test_short_undeclared_text_is_recognised_nearly_always() -> None:
    cases = [
        (text, encoding)
        for _, encodings, texts in UNDECLARED
        for text in texts
        for encoding in encodings
        if text.encode(encoding, "replace").decode(encoding) == text
    ]
    wrong = [case for case in cases if decode(case[0].encode(case[1])) != case[0]]
    assert len(cases) > 90
    assert len(wrong) <= len(cases) * 0.05, wrong


@pytest.mark.parametrize(
    "declared", ["iso-8859-1", "windows-1252", "windows-1251", "koi8-r", "iso-8859-2", "macintosh"]
)
def test_utf8_that_is_declared_as_one_byte_a_letter_is_utf8(declared: str) -> None:
    for text in ("Schöne Grüße", "Привет", "你好"):
        assert decode(text.encode(), declared) == text


def test_declaration_is_believed_where_one_pair_may_be_chance_or_letters_have_two_bytes() -> None:
    assert decode("Â© 2026".encode("cp1252"), "iso-8859-1") == "Â© 2026"
    assert decode("陆旅录虏".encode("gb18030"), "gbk") == "陆旅录虏"


@pytest.mark.parametrize("declared", [None, "us-ascii", "utf-8", "iso-8859-1"])
def test_escapes_of_iso_2022_count_whatever_is_declared(declared: str | None) -> None:
    assert decode("こんにちは".encode("iso2022_jp"), declared) == "こんにちは"
    assert decode("안녕하세요".encode("iso2022_kr"), declared) == "안녕하세요"
    assert decode(b"red \x1b[31m text", declared) == "red \x1b[31m text"


def test_charset_that_is_declared_elsewhere_counts_where_the_first_fails() -> None:
    assert decode("Привет".encode("koi8-r"), "us-ascii", "koi8-r") == "Привет"
    assert decode("Привет".encode("cp1251"), "cp1251", "koi8-r") == "Привет"
    assert decode("Привет".encode(), None, "koi8-r") == "Привет"
    assert decode("Привет".encode("koi8-r"), "utf-16", "koi8-r") == "Привет"


@pytest.mark.parametrize("piece", [b"\xff", b"a\xff", b"\xe0", b"\x80\x80a", b"\x1b$B", b"~{", b"+", b"\0"])
@pytest.mark.parametrize("declared", [None, "utf-7", "hz", "iso-2022-jp", "utf-16"])
def test_junk_is_decoded_in_time(piece: bytes, declared: str | None) -> None:
    started = time.process_time()
    decode(piece * (500_000 // len(piece)), declared)
    assert time.process_time() - started < 5


def test_a_torn_character_does_not_make_the_declaration_wrong() -> None:
    assert decode("Грамота ".encode() * 50 + b"\xd0", "utf-8") == "Грамота " * 50 + "\ufffd"


@pytest.mark.parametrize(
    "name",
    [
        "rot13",
        "rot_13",
        "hex",
        "base64",
        "zlib",
        "bz2",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "oem",
        "utf-8\0",
        "../utf_8",
        "x" * 500,
        "",
        "encodings.utf_8",
        "charmap",
        "uu",
    ],
)
def test_what_is_no_text_charset_is_never_a_codec(name: str) -> None:
    assert codec_names(name) in {(), ("utf_8",)}
    assert decode(b"plain", name) == "plain"


@settings(max_examples=50)
@given(
    st.binary(max_size=300), st.text(max_size=20) | st.sampled_from(["utf-7", "hz", "utf-16", "gb2312", "iso-2022-jp"])
)
def test_decoding_never_raises(data: bytes, declared: str) -> None:
    assert isinstance(decode(data, declared), str)
