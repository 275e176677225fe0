"""The built-in patterns.

Invariant: each is linear in the text. A pattern may be several expressions, applied one after another: what one of them passes over
the next one sees anew. Of groups, `secret` holds a word that must not be an everyday one (in passwords), `mixed` one that looks like
nothing that is said, `exact` anything; `named` is a key that must name a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Expressions: TypeAlias = str | tuple[str, ...]

_KEY_FORMS = (
    r"sk-[A-Za-z0-9_\-]{16,}|[srp]k_(?:live|test)_[A-Za-z0-9]{10,}",  # OpenAI, Anthropic; Stripe
    r"gh[opusr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}",
    r"A(?:KIA|SIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}",  # AWS, Google
    r"xox[abeoprs]-[A-Za-z0-9\-]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_\-]{20,}",
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}|\d{8,10}:[A-Za-z0-9_\-]{35}(?![\w\-])",  # SendGrid, Telegram
    r"[MNO][A-Za-z0-9_\-]{22,27}\.[A-Za-z0-9_\-]{6,7}\.[A-Za-z0-9_\-]{27,}",  # Discord
    r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",  # JSON web tokens
)
_PRIVATE_KEY = (  # with its head (`Proc-Type: 4,ENCRYPTED`), and as far as it goes where its end was cut off
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:(?:\\[nr]|\s)*(?:(?:Proc-Type|DEK-Info|Comment)[ \t]*:[^\n\\]{0,200}|[A-Za-z0-9+/=]+))*"
    r"(?:\\[nr]|\s)*(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?"
)

# --- passwords

_LATIN = (
    r"pass(?:word|code|phrase|wd)s?|pwd|(?<![^\W_])pin(?: code| number)?|secret (?:access )?(?:code|key)|api[ _\-]?key"
    r"|(?:access|auth|session)[ _]token|client secret|(?<![^\W_])(?:cvv|cvc)2?|security code|one[ -]time code|verification code"
    r"|passwort|kennwort|geheimzahl|contraseña|clave(?: secreta)?|mot de passe|code secret|senha|palavra-passe|wachtwoord|lösenord"
    r"|adgangskode|hasło|heslo|jelszó|parola|şifre|пароль|كلمة المرور|كلمة السر|الرقم السري|סיסמה|mật khẩu"
)
_UNSPACED = r"パスワード|暗証番号|合言葉|密码|密碼|口令|비밀번호|암호|รหัสผ่าน"  # these stand within other letters
_FIRST = "(?=[pscavokgmwlhjşпكاס])"  # letters of those words: most places are passed over by it
_WORD = rf"(?:{_FIRST}(?<![^\W\d_a-z])(?:{_LATIN})|{_UNSPACED})"
_SAYS = (
    r"is|was|are|now|will be|shall be|should be|must be|has to be|would be"
    r"|becomes|reads|equals|ist|lautet|war|heißt|wird|es|era|est|será|sera"
    r"|é|è|jest|är|er|là|это|هي|هو|는|은|は|が|是|为|為|คือ"
)
_ABOUT = r"[ \-](?:reset|link|manager|policy|field|prompt|page|length|rules?|change|recovery)\b"
_BETWEEN = r"(?:[^\S\n]{1,3}[^\s.,;:=!?\"'「]{1,20}){0,4}?"
_CLOSED = r"(?:[\"“”„«「『`*]{1,3}(?P<exact>[^\"“”„«»「」『』`*\n]{1,200})(?=[\"”“»」』`*])|'(?P<exact4>[^'\n]{2,200})'(?!\w))"
_OPEN = r"[\"'“„«「『`*_]{0,3}(?P<secret>(?![a-z]{2,20}(?:ed|ing|ly)[^\S\n][a-z])[^\s\"“”„«»「」『』`<>]{3,})"
_VALUE = rf"(?:{_CLOSED}|{_OPEN})"
_MIXED = r"[\"'“„«「『`*]{0,2}(?P<mixed>[^\s\"'“”„«»「」『』`<>*]{5,})"
_PASSWORDS = (
    # "api_key": "x", at any depth of JSON, also where that is a text in JSON itself
    (
        r"\\{0,3}[\"'](?P<named>[^\"'\\\n]{2,64})\\{0,3}[\"']\s{0,3}:\s{0,3}"
        r"(?:(?P<exact>-?\d[\d.]*)|\\{0,3}\"(?P<exact2>(?:[^\"\\\n]|\\[^\"\n])+)|'(?P<exact3>[^'\n]+)|\[(?P<exact5>[^\[\]\n]{1,400})(?=\]))"
    ),
    # password=x, **Password:** x, pw: x
    (
        rf"(?<![\w\-])(?P<named>[^\W\d][\w\-.]{{0,48}}(?: \w{{1,20}}){{0,2}})"
        rf"[*_`\"'\\]{{0,3}}[^\S\n]{{0,3}}(?:[=：]|:(?!//))[*_`]{{0,3}}\s{{0,3}}{_VALUE}"
    ),
    r"(?:(?<![\w\-])(?<!\w )|(?<=my )|(?<=wifi ))(?i:pass|pw|pwd|mdp|psw)[*_]{0,2} ?[:=] ?[*_]{0,2}\"?(?P<secret>[^\s\"<>]{3,})",
    r"(?<![\w\-])--?(?P<named>[\w\-]{2,40})[ =][\"']?(?P<exact>[^\s\"'\-][^\s\"']*)",
    # the password for ... is x
    (
        rf"(?i:{_WORD})(?!{_ABOUT})(?i:{_BETWEEN}[^\S\n]{{0,3}}(?:(?<!\w)(?:{_SAYS})(?!\w)\s{{0,3}}:?"
        rf"|[:=：]|(?:は|が|是|为|為|는|은|คือ|:))\s{{0,3}}){_VALUE}"
    ),
    (
        rf"(?i:{_WORD}{_BETWEEN}[^\S\n]{{1,3}}(?:is|was|ist|es|est)(?:n[’']t)?[^\S\n]"
        rf"(?:not |nicht |no |pas |now |still |actually |really |just )?){_MIXED}"
    ),
    rf"(?i:{_WORD}[’']s)[^\S\n]{{1,3}}(?:{_CLOSED}|(?P<secret>[^\s\"<>]{{3,}})(?![^\S\n]+\w))",
    # change my password to x
    (
        rf"(?i:\b(?:chang|set|reset|updat|mak|switch|änder|setz|cambi|mud)\w{{0,6}}[^\S\n](?:[^\s.]{{1,20}}[^\S\n]){{0,4}}?{_WORD}(?:[^\S\n][^\s.:=]{{1,20}}){{0,3}}?"
        rf"[^\S\n](?:to|into|as|auf|a|para|por)[^\S\n]"
        rf"(?:be )?){_VALUE}"
    ),
    # user ann and password x; password hunter2xQ9; PIN 4711; мой пароль x
    (
        rf"(?i:\b(?:user(?:name|id)?|login|account|e-?mail|benutzer(?:name)?|usuario|utilisateur)[^\S\n:=]?(?:is |name )?[:=]?"
        rf" ?(?!(?:and|or|und|oder|y|et|ou)\b)[^\s,]{{2,60}},? (?:(?:and|with|und|mit|y|et|e|en|plus)(?: (?:the|my|a))? )?{_WORD}) {_VALUE}"
    ),
    rf"(?i:{_WORD})[*_]{{0,2}}\s{{0,3}}(?:[—–\-]\s{{0,2}})?{_MIXED}",
    r"(?i:(?<![^\W_])(?:pin(?: code| number)?|cvv2?|cvc2?|geheimzahl)) (?P<exact>\d{3,8})(?![\w.,]?\d)",
    r"(?i:(?<!\w)(?:мой|наш|твой|ваш) пароль)[^\S\n]{0,3}[—–\-]?[^\S\n]{1,3}" + _VALUE,
    # x is my password
    (
        rf"[\"'“„«`]?(?<![^\s\"'“„«`(])(?P<secret>[^\s\"“”„«»`<>]{{3,64}})[\"'”“»`]?[^\S\n]{{1,3}}"
        rf"(?i:(?:is|was|will be|ist|es|est|è|é|är|это)[^\S\n]"
        rf"(?:my|our|mein|unser|mi|mon|notre|la mia|minha|a minha|mitt|мой)[^\S\n](?:\w{{1,12}}[^\S\n])?{_WORD})"
    ),
    (
        rf"(?<![^\s\"'“„«`(])(?P<mixed>[^\s\"“”„«»`<>]{{5,64}})[\"'”“»`]?[^\S\n]{{1,3}}"
        rf"(?i:(?:is|was|will be)[^\S\n](?:the|his|her|their|your)[^\S\n](?:\w{{1,12}}[^\S\n])?{_WORD})"
    ),
)
_STEMS = (
    *(
        "pass",
        "pwd",
        "pin",
        "key",
        "token",
        "secret",
        "cvv",
        "cvc",
        "csc",
        "code",
        "auth",
        "kennwort",
        "geheimzahl",
        "contrase",
        "clave",
    ),
    *(
        "senha",
        "wachtwoord",
        "lösenord",
        "adgangskode",
        "hasło",
        "heslo",
        "jelszó",
        "parola",
        "şifre",
        "sifre",
        "пароль",
        "كلمة",
        "السري",
    ),
    *("סיסמה", "mật khẩu", "パスワード", "暗証番号", "合言葉", "密码", "密碼", "口令", "비밀번호", "암호", "รหัสผ่าน"),
    *("pw", "mdp", "psw", "otp", "jwt", "credential", "session"),
)

# --- telephones

_PHONE_WORD = (
    r"(?:tele)?phone|call(?:ing|s|ed)?|mobile|tel|cell|ring|whatsapp|sms|text|reach|(?:my|his|her|their|our) number"
    r"|number is|handy|telefon\w{0,8}"
    r"|rufnummer|ruf|móvil|movil|teléfono|telefone|telemóvel|portable|tél|телефон|номер|電話番号|電話|电话|手机|手機|전화|연락처|هاتف|جوال"
)
_OTHER_NUMBER = (
    r"order|booking|reference|ref\b|invoice|ticket|case|confirmation|account|flight|tracking"
    r"|\bid\b|serial|bestell|pedido|commande|[£$€¥]"
)
_SPACE = r" .\-/\u00a0\u2009\u202f\u2011\u2013"
_NOT_COUNTED = (  # "912 345 678 views" is a number of views
    rf"(?=$|[^\w {_SPACE}]|[.\-]?\s*(?:$|\n)|\.\s|\s(?:[^\w\s£$€¥%]|(?i:or|and|please|thanks|thank|if|is)\b))"
)
_PHONES = (
    (
        r"\\?[\"'](?i:[^\"'\n]{0,40}(?:phone|mobile|\btel\b|telefon|teléfono|telefone|cell|whatsapp|fax|msisdn"
        r"|電話|电话|手机)[^\"'\n]{0,24})\\?[\"']"
        rf"\s{{0,3}}:\s{{0,3}}\[?\s{{0,3}}\\?[\"']?(?P<secret>\+?\(?\d[{_SPACE}()\d]{{5,24}}\d)(?!\d)"
    ),
    (
        rf"(?<![A-Za-z0-9_])(?<!\d[.,:/\-])(?:\+\d{{1,3}}(?:[{_SPACE}()]{{0,2}}\d){{6,13}}"
        rf"|(?<![.,/\-])\(\d{{2,5}}\)[{_SPACE}]?\d{{2,4}}(?:[{_SPACE}]?\d{{2,4}}){{1,3}}"
        rf"|(?<![.,/\-])(?:1[{_SPACE}])?\(?\d{{3}}\)?[{_SPACE}]{{1,2}}\d{{3}}[{_SPACE}]\d{{4}}"
        rf"|(?<![.,/\-])(?<!\d )(?<![£$€¥] )(?<![£$€¥])[6-9]\d\d([{_SPACE}])\d{{3}}\1\d{{3}}{_NOT_COUNTED}"
        rf"|(?<![.,/\-])(?<!\d )0\d{{1,4}}[{_SPACE}]\d{{2,8}}(?:[{_SPACE}]\d{{2,6}}){{0,4}}"
        rf"|(?<![.,/\-])0\d{{8,11}})(?![A-Za-z0-9_]|[.,:\-/]\d)"
    ),
    (
        rf"(?i:(?<![a-z])(?:{_PHONE_WORD})(?![a-z])"
        rf"(?:(?!{_OTHER_NUMBER})[^\d\n+]){{0,25}})(?P<secret>\+?\d(?:[{_SPACE}]?\d){{7,14}})(?![A-Za-z0-9_]|[.,:\-/]\d)"
    ),
)

_GAP = r"[ \-\u00a0\u2007\u2009\u202f\u2010-\u2014]"
DEFAULT_PATTERNS: Mapping[str, Expressions] = {
    "private key": _PRIVATE_KEY,
    "API key": rf"(?<![A-Za-z0-9_\-])(?:{'|'.join(_KEY_FORMS)})",
    "token": r"(?i:\b(?:bearer|basic|token)[ \t:=]{1,3})(?P<secret>(?=[A-Za-z._~+/=\-]{0,60}\d)[A-Za-z0-9._~+/=\-]{12,})",
    "password": _PASSWORDS,
    "login in an address": r"(?<=://)(?P<secret>[^\s/:@]{1,64}:[^\s/@]{1,128})(?=@)",
    "mail address": r"(?<![\w.+\-])[\w][\w.+\-]{0,63}[@＠][\w\-]{1,63}(?:\.[\w\-]{1,63}){1,6}",
    "bank account": r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?:[ \-\u00a0]?[A-Z0-9]{4}){2,7}(?:[ \-\u00a0]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])",
    "card number": (
        rf"(?<![A-Za-z0-9_\-])(?<!\d[.,])\d(?:(?:{_GAP}|(?<=\d{{4}})\.(?=\d{{4}}(?!\d)))?\d){{12,}}(?![A-Za-z_]|[.,\-]\d)",
        r"(?<![\w.,\-])[\"']?(?P<secret>[3-6]\d{3}(?:[\"']?, ?[\"']?\d{4}){3})(?![\w.,\-])",
    ),
    "phone number": _PHONES,
}

# What a text must hold for a name's patterns to find anything in it (small letters): most texts hold none of it, and to see that is
# fast.
HINTS: Mapping[str, tuple[str, ...]] = {
    "private key": ("private key",),
    "token": ("bearer", "basic", "token"),
    "password": _STEMS,
    "login in an address": ("://",),
    "mail address": ("@", "＠"),
}

# What one of several expressions cannot do without in a text of ASCII, in their order: a stem stands in many words, and each expression
# costs a hundred times as much as a look for its own.
_SETS = (":", "=")
_CALLED = (
    *(
        "password",
        "passcode",
        "passphrase",
        "passwd",
        "passwort",
        "pwd",
        "pin",
        "secret",
        "api key",
        "api_key",
        "api-key",
        "apikey",
    ),
    *(
        "token",
        "cvv",
        "cvc",
        "security code",
        "time code",
        "verification code",
        "kennwort",
        "geheimzahl",
        "clave",
        "mot de passe",
    ),
    *("senha", "palavra-passe", "wachtwoord", "adgangskode", "heslo", "parola"),
)
NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "password": ((":",), _SETS, _SETS, ("-",), *[_CALLED] * 7, ("пароль",), *[_CALLED] * 2),
}
