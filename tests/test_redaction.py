"""What is replaced by a mark before a summary is stored, and what is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnkeep.errors import InvalidInput
from turnkeep.redaction import DEFAULT_PATTERNS, Redactor, answer, asked, is_card_number, pair
from turnkeep.summarizers import Extractive

redact = Redactor().redact

FOUND = [
    ("write to hana.w+trip@mail.example.org, please", "write to [mail address], please"),
    ("call 408-247-8880", "call [phone number]"),
    ("call +1 646-490-7348 or +44 20 7946 0958", "call [phone number] or [phone number]"),
    ("call (415) 555-2671", "call [phone number]"),
    ("0555-014-872 / 090-5550-0182 / 030 1234567", "[phone number] / [phone number] / [phone number]"),
    ("card 4111 1111 1111 1111.", "card [card number]."),
    ("card 5500-0055-5555-5559", "card [card number]"),
    ("key sk-abcDEF1234567890abcdef", "key [API key]"),
    ("key sk-ant-api03-abcDEF1234567890_abc-def", "key [API key]"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[API key]"),
    ("AKIAIOSFODNN7EXAMPLE", "[API key]"),
    ("xoxb-123456789012-abcdef", "[API key]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "[API key]"),
    ("Authorization: Bearer abcdef1234567890XYZ", "Authorization: Bearer [token]"),
    ("postgres://user:pw123@host/db", "postgres://[login in an address]@host/db"),
    ("my password is hunter2.", "my password is [password]."),
    ('the wifi password for the guest network is "Tr0ub4dor&3"!', 'the wifi password for the guest network is "[password]"!'),
    ("PIN: 4711", "PIN: [password]"),
    ("das Passwort lautet geheim123, ok", "das Passwort lautet [password], ok"),
    ("mi contraseña es perro99", "mi contraseña es [password]"),
    ("le mot de passe est soleil", "le mot de passe est [password]"),
    ("пароль: кот5", "пароль: [password]"),
    ("パスワードは「ねこ123」です", "パスワードは「[password]」です"),
    ("密码是abc123", "密码是[password]"),
    ("كلمة المرور هي سر12345", "كلمة المرور هي [password]"),
    # cards with digits after them, and with any separators
    ("4111 1111 1111 1111 12/27", "[card number] 12/27"),
    ("4111 1111 1111 1111 123", "[card number] 123"),
    ("4111 1111 1111 1111 2 people", "[card number] 2 people"),
    ("4111\u00a01111\u00a01111\u00a01111, 4111.1111.1111.1111", "[card number], [card number]"),
    ("4111\u20131111\u20131111\u20131111", "[card number]"),
    ('["4111", "1111", "1111", "1111"]', '["[card number]"]'),
    ("卡号4111111111111111", "卡号[card number]"),
    # passwords in so many words
    ("Password:\nhunter2xQ9", "Password:\n[password]"),
    ("My password is\nsunshine", "My password is\n[password]"),
    ('{"user": "ann", "password": "blue moon"}', '{"user": "ann", "password": "[password]"}'),
    ('{"auth":{"api_key":"zzz yyy"}}', '{"auth":{"api_key":"[password]"}}'),
    ('{"passwords": ["moonlight", "sun"]}', '{"passwords": [[password]]}'),
    ("password: 'sun shine Moon' at Sino", "password: '[password]' at Sino"),
    ("**Password:** sunshine", "**Password:** [password]"),
    ("user ann and password sunshine", "user ann and password [password]"),
    ("change my password to sunshine", "change my password to [password]"),
    ("the password will be sunshine", "the password will be [password]"),
    ("the password should be sunshine.", "the password should be [password]."),
    ("The password's sunshine", "The password's [password]"),
    ("hunter2xQ9 is my password", "[password] is my password"),
    ("pw: sunshine, pass: hunter2", "pw: [password], pass: [password]"),
    ("mysql --password sunshine -u root", "mysql --password [password] -u root"),
    ('password is "blue Staple77 moon"', 'password is "[password]"'),
    ("the password is not hunter2", "the password is not [password]"),
    ('{"error":"password hunter2xQ9 refused"}', '{"error":"password [password] refused"}'),
    ("Мой пароль солнце", "Мой пароль [password]"),
    ("我的密码是abc123", "我的密码是[password]"),
    ("メールのパスワードはabc123", "メールのパスワードは[password]"),
    ("my PIN is 4711, CVV 123", "my PIN is [password], CVV [password]"),
    # keys
    ("secret_key=abcdef", "secret_key=[password]"),
    ("client_secret: abcdef", "client_secret: [password]"),
    ("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "export AWS_SECRET_ACCESS_KEY=[password]"),
    (
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\nabc+/def\nghi==\n"
            "-----END RSA PRIVATE KEY----- bye"
        ),
        "[private key] bye",
    ),
    # telephones
    ("Phone:+351912345678", "Phone:[phone number]"),
    ("1-408-247-8880", "[phone number]"),
    ("call 912 345 678", "call [phone number]"),
    ("912 345 678", "[phone number]"),
    ("my number is 9876543210", "my number is [phone number]"),
    ('{"phone": "9876543210"}', '{"phone": "[phone number]"}'),
    # addresses
    ("ann\uff20example.org", "[mail address]"),
    ('{"ann@example.org": "R7X"}', '{"[mail address]": "R7X"}'),
    ("IBAN DE89 3704 0044 0532 0130 00", "IBAN [bank account]"),
]
LEFT = [
    "on 2019-03-12 and 12.05.2026 at 10:30",
    "377 Santana Row #1000, £1,838.80, 2.648,30 €, 100 000 000 people",
    "LIM-20815 QK7-3RD OPS-2291 9a6931b BX 77",
    "the card 4111 1111 1111 1112 is mistyped",
    "192.168.100.200, version 3.11.4",
    "the password is wrong, use the password reset link",
    "pass the salt, a pin is in my wallet",
    "ask-me-anything and task-list-for-tomorrow",
    "The password is free of charge",
    "senha é uma palavra",
    "0815 2024 1930",
    "DE89 3704 0044 0532 0130 01",  # whose checksum is wrong
    "order number 9876543210, order 9876543210",
    "912 345 678 views",
    "max_tokens=4000, token_limit: 300, tokens: 512",
    '{"max_tokens": 4000, "next_page_token": "abc"}',
    "what is my password, this is my password",
    "enter your username and password to log in",
    "call me on the 12 05 2026, or at 10:30 on 2026-03-12",
    "0.4111111111111111",
    "About the password: please reset it",
    "change the password to something stronger",
    "set a password in settings to continue, reset the password to continue",
    "the password is usually printed on the router, the secret key is kept in a vault",
    "there are fields for user and password there",
    "two keys: one for the door, one for the car",
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_a_secret_is_replaced_by_its_mark(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("text", LEFT)
def test_what_is_none_is_left(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", [text for text, _ in FOUND])
def test_a_second_pass_changes_nothing(text: str) -> None:
    assert redact(redact(text)) == redact(text)


# The built-in expressions, of which this one does not know that they are: it spares itself no look.
everywhere = Redactor(
    {name: tuple(f"(?:{one})" for one in ([each] if isinstance(each, str) else each)) for name, each in DEFAULT_PATTERNS.items()}
).redact


@pytest.mark.parametrize("text", [*(text for text, _ in FOUND), *LEFT])
def test_no_secret_is_missed_by_looking_at_what_a_pattern_needs_first(text: str) -> None:
    for form in (text, text.upper(), text.title(), f"So, {text}\nThat's all.", f"{text} 我的密码是abc123", f'{{"k": "{text}"}}'):
        assert redact(form) == everywhere(form)


_SAID = (
    "my the password PIN pin api-key Secret key token time code cvv2 kennwort clave is to : = - ' \" ** sunshine hunter2xQ9 4711 é"
    " change user ann and mot de passe est shopping passenger"
)


@given(st.lists(st.sampled_from(_SAID.split()), max_size=12).map(" ".join))
def test_nor_among_words_that_only_look_like_it(text: str) -> None:
    assert redact(text) == everywhere(text)


@given(st.text(alphabet="0123456789 -+().:/@a,", max_size=60))
def test_any_text_can_be_gone_over_twice(text: str) -> None:
    assert redact(redact(redact(text))) == redact(redact(text))


@given(st.integers(10**15, 10**16 - 1))
def test_one_of_ten_numbers_passes_the_checksum(number: int) -> None:
    passing = [n for n in range(number // 10 * 10, number // 10 * 10 + 10) if is_card_number(str(n))]
    assert len(passing) == 1 or len(set(str(number // 10))) == 1


def test_patterns_are_a_setting() -> None:
    own = Redactor({"badge": r"\bB-\d{4}\b", "code word": r"code word (?P<secret>\w+)"})
    assert own.redact("B-1234, the code word owl, a@b.example") == "[badge], the code word [code word], a@b.example"
    assert Redactor({}).redact("a@b.example") == "a@b.example"
    assert Redactor({**DEFAULT_PATTERNS, "badge": r"B-\d+"}).redact("B-1 a@b.example") == "[badge] [mail address]"


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="badge"):
        Redactor({"badge": "("})


@pytest.mark.parametrize("patterns", [{"badge": "x*"}, {"": "x"}, {" ": "x"}, {"badge": "|x"}])
def test_a_pattern_that_is_everywhere_or_has_no_name_is_refused(patterns: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="redaction_patterns"):
        Redactor(patterns)


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        *[
            (key, True)
            for key in ("password", "dbPassword", "user-pwd", "PIN", "cvv2", "api_key", "apiKey", "X-Api-Key", "accessToken")
        ],
        *[
            (key, True)
            for key in ("AWS_SECRET_ACCESS_KEY", "client_secret", "session_token", "Authorization", "contraseña", "パスワード")
        ],
        *[
            (key, False)
            for key in ("tokens", "max_tokens", "token_limit", "token_count", "pinned", "password_policy", "key", "author")
        ],
    ],
)
def test_a_key_names_a_secret_or_not(key: str, secret: bool) -> None:
    assert pair(redact, key, "any thing") == (key, "[password]" if secret else "any thing")


@pytest.mark.parametrize(
    ("question", "said", "left"),
    [
        ("What is your password?", "sunshine", "[password]"),
        ("Your PIN, please? Type it here.", "It's 4711.", "It's [password]."),
        ("Please enter your PIN", "4711", "[password]"),
        ("What is your password?", "I forgot it", "I forgot it"),
        ("What is your password?", "Why do you need it?", "Why do you need it?"),
        ("What is your phone number?", "9876543210", "[phone number]"),
        ("What is your name?", "sunshine", "sunshine"),
    ],
)
def test_an_answer_is_known_as_a_secret_by_its_question(question: str, said: str, left: str) -> None:
    key = asked(question)
    assert (said if key is None else answer(redact, key, said)) == left


_SECRETS = (
    "password,passcode,passphrase,PIN,pin code,CVV,cvc2,security code,secret key,API key,access token,verification code,Passwort,Kennwort"
    ",Geheimzahl,contraseña,clave,mot de passe,code secret,senha,wachtwoord,lösenord,hasło,heslo,parola,şifre,пароль,パスワード,密码"
)
_NUMBERS = "phone number,mobile no,telephone number,cell number,contact number,Telefonnummer,Handynummer,teléfono,telefone,电话"


@pytest.mark.parametrize(
    ("word", "key"), [(w, "password") for w in _SECRETS.split(",")] + [(w, "phone") for w in _NUMBERS.split(",")]
)
def test_each_word_for_a_secret_asks_for_one(word: str, key: str) -> None:
    assert asked(f"And your {word}?") == asked(f"Please enter your {word}") == key


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "1",
        "1 ",
        "a.a@",
        "password ",
        "password is ",
        "+1",
        "eyJ",
        "a@b.",
        "://",
        "0 ",
        "(0",
        "-----BEGIN PRIVATE KEY-----",
        "1111 ",
        "4111 ",
        "call ",
        "pin: ",
        '"pin":',
        "--pin ",
        "user a ",
        "change ",
        "set pin to ",
        "912 345 678 ",
        "is my ",
        "'a",
        "\\",
    ],
)
def test_long_texts_take_linear_time(part: str) -> None:
    began = time.thread_time()
    redact("password token " + part * (200_000 // len(part)))
    assert time.thread_time() - began < 5


def test_a_summary_holds_no_secret_even_if_it_quotes_only_the_secret() -> None:
    messages: list[dict[str, object]] = [
        {"role": "user", "content": "I'm Zoe, zoe@example.org, my password is Hunter2000, call 408-247-8880."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "function": {"name": "login", "arguments": '{"mail": "zoe@example.org", "phone": "408-247-8880"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": '{"key": "AKIAIOSFODNN7EXAMPLE", "ok": true}'},
        {"role": "assistant", "content": "Done, Zoe: AKIAIOSFODNN7EXAMPLE"},
    ]
    text = Extractive(redact=redact).summarize(messages, max_tokens=300)
    assert "Zoe" in text
    assert not any(secret in text for secret in ("example.org", "Hunter2000", "247-8880", "AKIA"))
    assert "[mail address]" in text
