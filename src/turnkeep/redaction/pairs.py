"""Secrets that their surroundings tell: the key a value stands under, the question before an answer.

Both are put into the form of JSON and redacted in it, so that whatever goes over texts goes over them, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from turnkeep.redaction.checks import is_secret, listed, looks_secret

Redact = Callable[[str], str]
_ASKS_SECRET = re.compile(
    r"(?i)\b(?:pass(?:word|code|phrase)|pin(?: code| number)?|cvv2?|cvc2?|security code|secret key|api key|access token|verification code"
    r"|passwort|kennwort|geheimzahl|contraseña|clave|mot de passe|code secret|senha|wachtwoord|lösenord|hasło|heslo|parola|şifre)\b"
    r"|пароль|パスワード|暗証番号|密码|密碼|비밀번호|كلمة المرور"
)
_ASKS_NUMBER = re.compile(
    r"(?i)\b(?:phone|mobile|telephone|cell|contact) (?:number|no)|\b(?:telefon|handy)nummer|teléfono"
    r"|telefone|numéro de tél|電話番号|电话|手机"
)
_MAY_ASK = re.compile(  # what the two need in a text of ASCII, in small letters: most questions have none of it
    r"pass[wcp]|pin|cv[vc]|code|secret|api key|access token|kennwort|geheimzahl|clave|mot de passe|senha|wachtwoord|heslo|parola"
    r"|(?:phone|mobile|cell|contact) n|nummer|telefone"
)
_ASKS = re.compile(
    r"[?？؟]|(?i:\b(?:enter|tell|give|send|type|provide|share|need|bitte|por favor|veuillez)\b)|ください|请|введите"
)
_WORD = re.compile(r"\S+")
_LAST = 240  # characters of a message that ask
_LONGEST = 120  # characters of an answer that is one
_FEW = 4  # words of a secret without anything else


def pair(redact: Redact, key: str, value: str) -> tuple[str, str]:
    """A key and its value, redacted as what they are to each other."""
    try:
        given = msgspec.json.encode({key: value}).decode()
        left = redact(given)
        if left == given:
            return key, value
        [(key_then, value_then)] = msgspec.json.decode(left, type=dict[str, str]).items()
    except (msgspec.DecodeError, UnicodeEncodeError, ValueError):
        return redact(key), redact(value)  # a pattern that takes quotation marks with it
    return key_then, value_then


def asked(text: str) -> str | None:
    """The key under which the answer to a message would stand, if its last words ask for a secret or a number."""
    end = text[-_LAST:]
    if not _may_ask(end) or not _ASKS.search(end):
        return None
    return "password" if _ASKS_SECRET.search(end) else "phone" if _ASKS_NUMBER.search(end) else None


def _may_ask(text: str) -> bool:
    """Whether a closer look is worth its time."""
    return not text.isascii() or _MAY_ASK.search(text.lower()) is not None


def answer(redact: Redact, key: str, text: str) -> str:
    """A short answer to a message that asked for a secret, without the secret."""
    if len(text) > _LONGEST or "?" in text:
        return text
    words = _WORD.findall(text)
    if key != "password":
        return pair(redact, key, text)[1]
    if any(looks_secret(word) or _is_number(word) for word in words):
        return _WORD.sub(lambda match: _one(redact, key, match[0], looks_secret(match[0]) or _is_number(match[0])), text)
    telling = [word for word in words if is_secret(word)]
    if len(words) <= _FEW and telling and words[0].strip(".,!").casefold() not in _NO_ANSWER:
        return _WORD.sub(lambda match: _one(redact, key, match[0], is_secret(match[0])), text)
    return text


_NO_ANSWER = listed(
    "no nope yes i i'm i've i'd why nein ja non oui sí si não forgot never cancel stop help skip sorry thanks what"
)


def _is_number(word: str) -> bool:
    return sum(char.isdigit() for char in word) >= 3


def _one(redact: Redact, key: str, word: str, secret: bool) -> str:
    if not secret:
        return word
    kept = word[len(word.rstrip(".,;:!?")) :]
    return pair(redact, key, word[: len(word) - len(kept)])[1] + kept
