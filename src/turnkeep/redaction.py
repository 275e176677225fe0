"""What must not be carried on in a summary: addresses, numbers and secrets, each replaced by a visible mark like `[mail address]`.

Invariants: the log is never touched, only a text made from it; a text that was redacted is not changed by being redacted again. The
work is linear in the text. Patterns find what has a form of its own; a secret that looks like any other word is found only where
somebody calls it a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from turnkeep.errors import InvalidInput

Check: TypeAlias = Callable[[str], bool]

_KEY_FORMS = (
    r"sk-[A-Za-z0-9_\-]{16,}|[srp]k_(?:live|test)_[A-Za-z0-9]{10,}",  # OpenAI, Anthropic; Stripe
    r"gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}",
    r"A(?:KIA|SIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}",  # AWS, Google
    r"xox[abeoprs]-[A-Za-z0-9\-]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_\-]{20,}",
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}|\d{8,10}:[A-Za-z0-9_\-]{35}(?![\w\-])",  # SendGrid, Telegram
    r"[MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6,7}\.[A-Za-z0-9_\-]{27,}",  # Discord
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",  # JSON web tokens
)
_PRIVATE_KEY = r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:[^-]{0,8000}-----END [A-Z ]{0,20}PRIVATE KEY-----)?"
_PASSWORD_WORDS = (
    r"pass(?:word|code|phrase|wd)s?|pwd|pin(?: code| number)?|secret (?:code|key)|api[ _\-]?key|access[ _]token"
    r"|passwort|kennwort|geheimzahl|contraseña|clave(?: secreta)?|mot de passe|code secret|senha|palavra-passe|wachtwoord|lösenord"
    r"|adgangskode|hasło|heslo|jelszó|parola|şifre|пароль|كلمة المرور|كلمة السر|الرقم السري|סיסמה|รหัสผ่าน|mật khẩu"
    r"|パスワード|暗証番号|合言葉|密码|密碼|口令|비밀번호|암호"
)
_SAYS = r"is|was|are|now|ist|lautet|war|heißt|es|era|est|é|è|jest|är|er|это|هي|هو|는|은|は|が|是|为|為"
_ABOUT = r"[ \-](?:reset|link|manager|policy|field|prompt|page|length|rules?|change|recovery)\b"
_SECRET = r"[^\s\"'“”„«»「」『』`<>]{3,64}"
_NO_SECRET = frozenset(
    [
        "wrong",
        "incorrect",
        "correct",
        "not",
        "the",
        "your",
        "his",
        "her",
        "its",
        "the",
        "that",
        "this",
        "what",
        "which",
        "who",
        "now",
        "also",
        "still",
        "very",
        "never",
        "always",
        "again",
        "too",
        "invalid",
        "valid",
        "expired",
        "required",
        "needed",
        "missing",
        "safe",
        "secure",
        "strong",
        "weak",
        "changed",
        "reset",
        "stored",
        "saved",
        "sent",
        "set",
        "only",
        "being",
        "been",
        "case",
        "different",
        "same",
        "and",
        "for",
        "with",
        "falsch",
        "richtig",
        "nicht",
        "das",
        "die",
        "der",
        "ein",
        "eine",
        "mein",
        "abgelaufen",
        "sicher",
        "no",
        "incorrecta",
        "correcta",
        "la",
        "mi",
        "una",
        "pas",
        "incorrect",
        "le",
        "la",
        "mon",
        "and",
        "or",
        "but",
        "to",
        "in",
        "on",
        "at",
        "of",
        "by",
        "from",
        "it",
        "so",
        "if",
    ]
)

DEFAULT_PATTERNS: Mapping[str, str] = {
    "private key": _PRIVATE_KEY,
    "API key": rf"(?<![A-Za-z0-9_\-])(?:{'|'.join(_KEY_FORMS)})",
    "token": r"(?i:\b(?:bearer|basic|token)[ \t:=]{1,3})(?P<secret>(?=[A-Za-z._~+/=\-]{0,60}\d)[A-Za-z0-9._~+/=\-]{12,})",
    "password": rf"(?i:(?<![^\W\d_a-z])(?:{_PASSWORD_WORDS})(?!{_ABOUT})(?:[^\S\n]{{1,3}}[^\s.,;:=!?\"'「]{{1,20}}){{0,4}}?"
    rf"[^\S\n]{{0,3}}(?:(?<!\w)(?:{_SAYS})(?!\w)[^\S\n]{{0,3}}:?|[:=：]|(?:は|が|是|为|為|는|은))[^\S\n]{{0,3}}[\"'“„«「『`]?)(?P<secret>{_SECRET})",
    "login in an address": r"(?<=://)(?P<secret>[^\s/:@]{1,64}:[^\s/@]{1,128})(?=@)",
    "mail address": r"(?<![\w.+\-])[\w][\w.+\-]{0,63}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,6}",
    "card number": r"(?<![\w.,\-])\d(?:[ \-]?\d){12,18}(?![\w\-])",
    "phone number": (
        r"(?<![\w.,:/\-])(?:\+\d{1,3}(?:[ .\-/()\u00a0]{0,2}\d){6,13}"
        r"|\(\d{2,5}\)[ .\-]?\d{2,4}(?:[ .\-]?\d{2,4}){1,3}|\d{3}[ .\-]\d{3}[ .\-]\d{4}"
        r"|0\d{1,4}[ .\-/]\d{2,8}(?:[ .\-/]\d{2,6}){0,4}|0\d{8,11})(?![\w]|[.,:\-/]\d)"
    ),
}


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())


def is_card_number(text: str) -> bool:
    """Whether the digits of a text have the length and the checksum of a payment card (Luhn)."""
    digits = [int(char) for char in _digits(text)]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_phone_number(text: str) -> bool:
    """Whether a text in the form of a telephone number has as many digits as one, and is no date."""
    return 8 <= len(_digits(text)) <= 15 and not re.fullmatch(r"\d{1,2}[.\-/ ]\d{1,2}[.\-/ ]\d{2,4}", text)


def is_secret(text: str) -> bool:
    """Whether the word after "the password is" can be one."""
    word = text.strip(".,;:!?)…。、").casefold()
    return len(word) > 2 and word not in _NO_SECRET and not word.startswith("[")


CHECKS: Mapping[str, Check] = {"card number": is_card_number, "phone number": is_phone_number, "password": is_secret}


class Redactor:
    """Replaces what its patterns find by the pattern's name in square brackets.

    `patterns` maps a name to a regular expression; where it has a group `secret`, only that is replaced. Those of the names in
    `CHECKS` are verified beyond their form. Raises `InvalidInput` for an expression that does not compile.
    """

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        self._patterns = [
            (name, _compiled(name, each)) for name, each in (DEFAULT_PATTERNS if patterns is None else patterns).items()
        ]

    def redact(self, text: str) -> str:
        """The text with marks in the place of what was found."""
        for name, pattern in self._patterns:
            text = pattern.sub(_replacer(name), text)
        return text


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InvalidInput("redaction_patterns", f"the pattern {name!r} is no regular expression: {error}") from error


def _replacer(name: str) -> Callable[[re.Match[str]], str]:
    check, mark = CHECKS.get(name), f"[{name}]"

    def replace(match: re.Match[str]) -> str:
        found = match.groupdict().get("secret")
        if check is not None and not check(match[0] if found is None else found):
            return match[0]
        if found is None:
            return mark
        kept = found[len(found.rstrip(".,;:!?)…。、")) :]
        start, end = match.span("secret")
        return match[0][: start - match.start()] + mark + kept + match[0][end - match.start() :]

    return replace
