"""What DNS says of the desk's domain: whether its mail arrives (MX), and whether ours is believed (SPF, DKIM, DMARC).

`check_domain` asks, the `judge_…` functions judge what was answered, and are pure. A name that is not there is an
answer; a server that gives none, or says that it failed, is not, and makes the check fail.

Known weakness: SPF is read, not carried out: whether it allows the relay's addresses is not found out. The domain
above, whose DMARC policy counts where there is none of its own, is found by taking off labels, without the list of
public suffixes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from gateway.doctor import Finding, Level

_QUESTION_SECONDS = 4.0
_MOST_MX = 10
_MOST_SPF_LOOKUPS = 10
_SPF_LOOKUP = re.compile(r"[+?~-]?(?:include:|a(?:[:/]|$)|mx(?:[:/]|$)|ptr(?::|$)|exists:|redirect=)", re.IGNORECASE)
_SPF_ALL = re.compile(r"[+?~-]?all", re.IGNORECASE)
# A public key of so many bits takes so many bytes.
_RSA_1024_BYTES, _RSA_2048_BYTES, _ED25519_BYTES = 160, 290, 32


class NoAnswer(Exception):
    """DNS did not answer; the words say how."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One MX record, and whether its host has an address."""

    preference: int
    host: str
    has_address: bool


class Lookup:
    """Asks DNS: the servers of this machine, or the given one."""

    def __init__(self, nameserver: tuple[str, int] | None = None) -> None:
        self._nameserver = nameserver
        self._resolver: dns.asyncresolver.Resolver | None = None

    def _open(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            resolver = dns.asyncresolver.Resolver(configure=self._nameserver is None)
            if self._nameserver is not None:
                resolver.nameservers = [self._nameserver[0]]
                resolver.port = self._nameserver[1]
            resolver.timeout, resolver.lifetime = _QUESTION_SECONDS / 2, _QUESTION_SECONDS
            self._resolver = resolver
        return self._resolver

    async def _ask(self, name: str, kind: str) -> list[dns.rdata.Rdata]:
        try:
            full = dns.name.from_text(name)
            answer = await self._open().resolve(full, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(f"DNS gives no answer for {name} ({type(error).__name__})") from error
        return list(answer.rrset) if answer.rrset is not None else []

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each put together from its pieces."""
        records = await self._ask(name, "TXT")
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]  # type: ignore[attr-defined]

    async def has_address(self, name: str) -> bool:
        return bool(await self._ask(name, "A") or await self._ask(name, "AAAA"))

    async def exchanges(self, domain: str) -> list[Exchange]:
        """The MX records, best first."""
        records = await self._ask(domain, "MX")
        hosts = sorted((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in records)  # type: ignore[attr-defined]
        has = await asyncio.gather(*(self._reaches(host) for _, host in hosts[:_MOST_MX]))
        return [Exchange(number, host, there) for (number, host), there in zip(hosts, has, strict=False)]

    async def _reaches(self, host: str) -> bool:
        return bool(host) and host != "@" and host != "." and await self.has_address(host)


async def check_domain(domain: str, lookup: Lookup, *, selector: str = "") -> list[Finding]:
    """The four findings about a domain; one where there is no DNS to be had."""
    try:
        exchanges, has_address, texts, dmarc, dkim = await asyncio.gather(
            lookup.exchanges(domain),
            lookup.has_address(domain),
            lookup.texts(domain),
            _dmarc_texts(domain, lookup),
            lookup.texts(f"{selector}._domainkey.{domain}") if selector else _nothing(),
        )
    except NoAnswer as error:
        return [Finding(Level.FAIL, f"DNS of {domain}", str(error), "look at /etc/resolv.conf and at the domain")]
    return [
        judge_mx(domain, exchanges, has_address=has_address),
        judge_spf(domain, texts),
        judge_dkim(domain, selector, dkim),
        judge_dmarc(domain, dmarc),
    ]


async def _nothing() -> list[str]:
    return []


async def _dmarc_texts(domain: str, lookup: Lookup) -> list[str]:
    """The policy of the domain, or of the nearest domain above it that has one."""
    labels = domain.split(".")
    for count in range(len(labels) - 1):
        texts = await lookup.texts("_dmarc." + ".".join(labels[count:]))
        if any(_is_dmarc(text) for text in texts):
            return texts
    return []


def judge_mx(domain: str, exchanges: list[Exchange], *, has_address: bool) -> Finding:
    subject = f"MX of {domain}"
    mend = f"publish `{domain}. MX 10 mail.{domain}.`, with the name of the host that takes the desk's mail"
    if not exchanges:
        if has_address:
            return Finding(Level.WARN, subject, "there is none, so mail goes to the address of the domain itself", mend)
        return Finding(Level.FAIL, subject, "there is none, so no mail arrives", mend)
    if all(exchange.host in {"", ".", "@"} for exchange in exchanges):
        return Finding(Level.FAIL, subject, "the domain says that it takes no mail (null MX)", mend)
    lost = [exchange.host for exchange in exchanges if not exchange.has_address]
    if len(lost) == len(exchanges):
        return Finding(Level.FAIL, subject, f"no address for {', '.join(lost)}", "publish A or AAAA records for it")
    if lost:
        words = f"no address for {', '.join(lost)}"
        return Finding(Level.WARN, subject, words, "publish A or AAAA records for it, or take the MX away")
    return Finding(Level.OK, subject, ", ".join(f"{exchange.preference} {exchange.host}" for exchange in exchanges))


def judge_spf(domain: str, texts: list[str]) -> Finding:
    subject = f"SPF of {domain}"
    records = [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not records:
        mend = f'publish the TXT record `{domain}. TXT "v=spf1 mx include:YOUR-RELAY ~all"`'
        return Finding(Level.FAIL, subject, "there is none, so our mail is easily taken for spam", mend)
    if len(records) > 1:
        words = f"there are {len(records)} records, which counts as an error"
        return Finding(Level.FAIL, subject, words, "put them together into one TXT record")
    terms = records[0].split()[1:]
    everything = next((term.lower() for term in terms if _SPF_ALL.fullmatch(term)), "")
    if everything in {"all", "+all"}:
        return Finding(Level.FAIL, subject, f"`{everything}` lets anybody send for it", "end it in `~all` or `-all`")
    if terms and all(_SPF_ALL.fullmatch(term) for term in terms) and everything == "-all":
        words = "it says that nobody sends mail for the domain"
        return Finding(Level.FAIL, subject, words, "name your relay in it: `v=spf1 include:YOUR-RELAY -all`")
    if (count := sum(bool(_SPF_LOOKUP.match(term)) for term in terms)) > _MOST_SPF_LOOKUPS:
        words = f"it takes {count} lookups, more than {_MOST_SPF_LOOKUPS} count as an error"
        return Finding(Level.FAIL, subject, words, "name addresses (ip4:, ip6:) instead of hosts")
    if not everything and not any(term.lower().startswith("redirect=") for term in terms):
        return Finding(Level.WARN, subject, f"`{records[0]}` does not say what holds for others", "end it in `~all`")
    return Finding(Level.OK, subject, records[0])


def judge_dkim(domain: str, selector: str, texts: list[str]) -> Finding:
    subject = f"DKIM of {domain}"
    if not selector:
        words = "our mail is not signed here"
        return Finding(Level.WARN, subject, words, "have your relay sign it, or give the desk a key and a selector")
    name = f"{selector}._domainkey.{domain}"
    mend = f'publish the TXT record `{name}. TXT "v=DKIM1; k=rsa; p=…"` with the public half of the key'
    if not texts:
        return Finding(Level.FAIL, subject, f"there is no key at {name}, so our signatures are worth nothing", mend)
    if len(texts) > 1:
        return Finding(Level.FAIL, subject, f"there are {len(texts)} records at {name}", "leave only one of them")
    tags = _tags(texts[0])
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return Finding(Level.FAIL, subject, f"what stands at {name} is no key", mend)
    try:
        key = base64.b64decode("".join(tags["p"].split()), validate=True)
    except (binascii.Error, ValueError):
        return Finding(Level.FAIL, subject, f"the key at {name} is no base64, it may be cut off", mend)
    if not key:
        return Finding(Level.FAIL, subject, f"the key at {name} is withdrawn (empty p=)", mend)
    if tags.get("k", "rsa") == "ed25519":
        is_right = len(key) == _ED25519_BYTES
        return Finding(Level.OK, subject, f"{name}, ed25519") if is_right else _cut_off(subject, name, mend)
    if len(key) < _RSA_1024_BYTES:
        return _cut_off(subject, name, mend)
    if len(key) < _RSA_2048_BYTES:
        words = f"{name} has less than 2,048 bits"
        return Finding(Level.WARN, subject, words, "make a key of 2,048 bits with another selector")
    return Finding(Level.OK, subject, f"{name}, rsa")


def _cut_off(subject: str, name: str, mend: str) -> Finding:
    return Finding(Level.FAIL, subject, f"the key at {name} is too short, it may be cut off", mend)


def judge_dmarc(domain: str, texts: list[str]) -> Finding:
    subject = f"DMARC of {domain}"
    records = [text for text in texts if _is_dmarc(text)]
    mend = f'publish the TXT record `_dmarc.{domain}. TXT "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"`'
    if not records:
        return Finding(Level.WARN, subject, "there is none, and large providers ask for it", mend)
    if len(records) > 1:
        return Finding(Level.FAIL, subject, f"there are {len(records)} records, so none counts", "leave only one")
    policy = _tags(records[0]).get("p", "").lower()
    if policy not in {"none", "quarantine", "reject"}:
        return Finding(Level.FAIL, subject, f"`{records[0]}` has no policy", "say p=none, p=quarantine or p=reject")
    return Finding(Level.OK, subject, f"policy {policy}")


def _is_dmarc(text: str) -> bool:
    return re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text) is not None


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
