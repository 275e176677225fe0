"""What a pattern found, looked at more closely than a regular expression can: checksums, dates, words that are no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator


def listed(words: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(words.split())


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_DATE = re.compile(
    r"\d{1,2}[.\-/ ]\d{1,2}[.\-/ ](?:\d\d|(?:19|20)\d\d)(?!\d)(?:$|\D+\d{1,2}(?!\d))|(?:19|20)\d\d[.\-/]\d\d[.\-/]\d\d"
)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")
_GROUP = re.compile(r"\d+")
_MARKS = ".,;:!?)…。、\"'*`}]"

# Words that follow "the password is" where none is told.
_NO_SECRET = listed(
    "continue proceed access log login unlock get gain use enter view protect choose see count field fields settings pending kept"
    " stuck lots enabled disabled usually located shared managed generated oauth oauth2 ********"
    " wrong incorrect correct not the your his her its that this these those there here what which who where how why when now"
    " also still very never always again too invalid valid expired required needed missing safe secure strong weak changed"
    " reset stored saved sent set only being been case different same and for with without free optional mandatory empty blank"
    " fine good bad unknown forgotten lost encrypted hashed hidden shown displayed protected printed written easy hard simple"
    " complex long short new old temporary default available unavailable accepted rejected refused working visible something"
    " nothing anything everything mine yours ours important necessary used found given asked supposed about like more less one"
    " two out off under over please you have can will would should could must may might just really quite rather ever yet"
    " already my our their any some all each every no yes okay sorry thanks sure between based case-sensitive alphanumeric"
    " sensitive confidential private public known typed entered at-least because since until than then into onto after before"
    " length policy manager field strength hint protected-by true false bearer basic digest none null enough both either"
    " neither per as an a is are was were be do does did has had i we they he she it or but to in on at of by from so if up"
    " via falsch richtig nicht das die der den dem ein eine einen mein meine dein ihr sein abgelaufen sicher kostenlos und"
    " oder mit für von zu incorrecta correcta la las los el mi tu su una uno un gratis necesaria obligatoria y o con de para"
    " por que pas le les mon ton votre une des requis gratuit incorrecte et ou avec du uma um os meu minha seu sua obrigatória"
    " e da com não em il lo mio tuo sbagliata corretta het een niet van mijn fel rätt inte en ett не неверный это мой ваш"
    " неправильный обязателен 何 なに 必要 違います 違う 間違い です 不 不对 错误 什么 什麼 必须 必填"
)


def digits_of(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())


def is_card_number(text: str) -> bool:
    """Whether the digits of a text have the length and the checksum of a payment card (Luhn)."""
    digits = [int(char) for char in digits_of(text)]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    return (sum(digits[-1::-2]) + sum(_DOUBLED[digit] for digit in digits[-2::-2])) % 10 == 0


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in a run of digits and separators: its groups from some on to some other, the longest first."""
    groups = [match.span() for match in _GROUP.finditer(text)]
    if len(groups) > 1 and all(end - start < 3 for start, end in groups) and is_card_number(text):
        yield 0, len(text)
        return
    at = 0
    while at < len(groups):
        last = _last(text, groups, at)
        if last >= 0:
            yield groups[at][0], groups[last][1]
            at = last
        at += 1


def _last(text: str, groups: list[tuple[int, int]], first: int) -> int:
    """The group with which a card number ends that begins with the group `first`, or -1."""
    found, size = -1, 0
    start = groups[first][0]
    for at in range(first, len(groups)):
        length = groups[at][1] - groups[at][0]
        size += length
        if length < 3 or size > 19:
            break
        alone = at == first == len(groups) - 1  # a run of nothing else needs no more than the checksum
        if size >= 13 and (alone or text[start] in "23456") and is_card_number(text[start : groups[at][1]]):
            found = at
    if found >= 0 and "." in text[start : groups[found][1]] and any(end - begin != 4 for begin, end in groups[first:found]):
        return -1
    return found


def is_phone_number(text: str) -> bool:
    """Whether a text in the form of a telephone number has as many digits as one, and is neither a date nor a few times of day."""
    if not 8 <= len(digits_of(text)) <= 15 or _DATE.match(text):
        return False
    groups = _GROUP.findall(text)
    return not (len(groups) > 1 and text[0] != "+" and all(_CLOCK.fullmatch(group) for group in groups))


def is_bank_account(text: str) -> bool:
    """Whether a text is an international bank account number (ISO 13616)."""
    plain = text.replace(" ", "").replace("\u00a0", "").replace("-", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_secret(text: str) -> bool:
    """Whether the word after "the password is" can be one."""
    word = text.strip(_MARKS).casefold()
    return len(word) > 2 and word not in _NO_SECRET and not word.startswith("[")


def looks_secret(text: str) -> bool:
    """Whether a word is one of those that people only type: letters with digits between them, or capitals inside."""
    word = text.strip(_MARKS)
    if len(word) < 5 or word.startswith("["):
        return False
    letters = any(char.isalpha() for char in word)
    return letters and (
        any(char.isdigit() for char in word) or (not word[1:].islower() and not word.isupper() and word.isalpha())
    )


# --- keys

_SECRET_WORDS = listed(
    "password passwords passwd passwort kennwort passphrase passcode passkey pwd pw pin cvv cvc cvv2 cvc2 csc cvn otp totp"
    " secret secrets apikey authtoken accesstoken secretkey privatekey clientsecret authorization auth token jwt credential"
    " credentials geheimzahl contraseña contrasena clave senha wachtwoord lösenord adgangskode hasło heslo jelszó parola şifre"
    " sifre пароль сенха パスワード 暗証番号 密码 密碼 口令 비밀번호 암호 pincode mdp motdepasse userpassword dbpassword"
)
_SECRET_PAIRS = listed(
    "api-key access-key secret-key private-key signing-key encryption-key master-key license-key auth-key auth-code"
    " security-code card-code pin-code pin-number pass-word pass-phrase pass-code secret-code access-code mot-passe de-passe"
    " palavra-passe verification-code one-time-code app-key consumer-key account-key storage-key service-key webhook-key"
    " ssh-key recovery-code backup-code session-id session-key"
)
_NO_TOKEN = listed("max min num page next prev previous continuation count total prompt completion input output pad eos bos stop")
_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^\w]+|_+")


def names_secret(key: str) -> bool:
    """Whether what stands under a key is secret by the key: `api_key`, `dbPassword`, `AWS_SECRET_ACCESS_KEY`; not `max_tokens`."""
    words = [word for word in _JOINT.split(key) if word]
    if not words:
        return False
    lows = [word.casefold() for word in words][-6:]
    if lows[-1] in {"token", "tokens"}:
        return lows[-1] == "token" and _NO_TOKEN.isdisjoint(lows)
    if lows[-1].isdigit() and len(lows) > 1:
        lows.pop()
    return (
        lows[-1] in _SECRET_WORDS
        or "-".join(lows[-2:]) in _SECRET_PAIRS
        or lows[-2:] in (["secret", "value"], ["password", "value"])
    )
