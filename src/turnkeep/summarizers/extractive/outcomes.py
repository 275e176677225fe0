"""What came of a tool call, in a few words: ok, failed, no result, pending, or the result's own words.

Invariant: a call is told as done only when its result says so, and says nothing against it. A result that is made of data and says
neither is called that; what nobody here knows is shown as it is, rather than taken for a success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from turnkeep.summarizers.extractive.lexicon import tokens
from turnkeep.summarizers.extractive.reading import parsed
from turnkeep.summarizers.extractive.words import DENIES, listed

FAILED, EMPTY, UNKNOWN, PENDING, DATA, DONE = "failed", "no result", "outcome unknown", "pending", "data", "ok"
_ERRORS = listed(
    "error errors err exception traceback failure failures failed fault iserror haserror haserrors errormessage errormsg errorcode"
    " errordescription errortype errordetail fehler fehlermeldung erreur erro errore エラー 错误"
)
_GOOD_KEYS = listed(
    "ok success successful succeeded issuccess done completed booked isbooked reserved confirmed created sent updated deleted saved"
    " paid accepted approved delivered scheduled valid erfolg erfolgreich gebucht"
    " confirmation confirmationcode confirmationnumber confirmationid receipt receiptnumber"
)
_ASKED_KEYS = listed("available isavailable found exists instock")  # a question's answer: "no" is no failure
_STATUS_KEYS = listed(
    "status state result outcome statustext bookingstatus orderstatus paymentstatus verdict disposition ergebnis"
)
_NUMBERED_KEYS = listed("status statuscode httpstatus httpcode httpstatuscode responsecode code")
_EXIT_KEYS = listed("exitcode exitstatus returncode exit rc")
_COUNTS = listed("total count found totalcount totalresults numresults resultcount hits matches results rows size length n")
_RESULTS = listed("results result items data hits matches records rows entries list documents slots options content contents")
_WRAPPERS = listed(
    "meta header operation task job payload reply answer"
    " data result results response body payload output content structuredcontent value d"
)
_REASONS = ("error", "fehler", "code", "reason", "message", "detail", "errors", "error_message", "stderr", "status", "result")
_BAD_WORDS = listed(
    "error errors err failed fail failure fehler rejected denied timeout unavailable false invalid refused declined expired aborted"
    " forbidden unauthorized unauthorised blocked no not none unable unsuccessful bad conflict full soldout sold missing exceeded"
    " unpaid unconfirmed incomplete undelivered bounced fehlgeschlagen abgelehnt ausgebucht rechazado fallido refusé échoué"
    " rifiutato recusado failing timedout ko nok 失敗 失败 エラー"
)
_OWN_WORDS = listed("cancelled canceled storniert cancelado annulé annullato")  # what a call to cancel is meant to say
_PENDING_WORDS = listed(
    "pending queued processing progress waiting waitlist waitlisted awaiting hold onhold running submitted requires requested started"
    " ausstehend pendiente"
)
_DONE_WORDS = listed(
    "ok okay success successful successfully succeeded done completed complete confirmed booked reserved created sent updated saved paid"
    " approved accepted active ready delivered found available open true yes passed finished valid deleted removed added 成功 完了 已完成"
)
_NOTHING_WRONG = re.compile(
    r"(?i)\b(?:no|0|zero|without(?: any)?|keine?|sin|sans|aucune?) (?:new |known )?(?:errors?|failures?|failed|exceptions?"
    r"|fehler|errores|erreurs?)(?: (?:found|occurred|detected))?"
    r"|\b(?:errors?|failures?|failed|exit(?: code| status)?)[:= ] ?(?:0|none|null|false)\b"
)
_EMPTY_TEXT = re.compile(
    r"(?i)^\W*(?:null|none|nil|undefined|empty|nothing(?: found)?|\[\]|\{\}|n/a"
    r"|(?:no|0|zero) (?:results?|matches|hits|records|rows|items|entries|data)\b"
    r".{0,40}|keine (?:ergebnisse|treffer)\b.{0,30}|sin resultados|aucun résultat.{0,20}|nenhum resultado.{0,20}"
    r"|ничего не найдено|لا توجد نتائج|(?:没有|未)找到.{0,10}|(?:無|无)结果|.{0,10}見つかりません.{0,10}|該当.{0,12}ありません)\W*$"
)
_BAD_TEXT = re.compile(
    r"(?i)\b(?:errors?|err_\w+|\w*error|\w*exception|traceback|fail(?:s|ed|ure|ing)?|denied|refused|rejected|declined|aborted|forbidden"
    r"|time[sd]?[ -]?out|unavailable|unable|unauthori[sz]ed|invalid|sorry|unfortunately|sold out|no such|does(?:n[o'’]t| not) exist"
    r"|(?:fully|already|over)[ -]?booked|no longer|cannot|can[’']t|could(?:n[’']t| not)|not (?:available|found|possible|allowed|permitted"
    r"|booked|sent|confirmed|made|completed|supported|done|saved|reserved)|(?:was|is|has|have|did|does)n[’']t"
    r"|http(?:/\d(?:\.\d)?)?[ :]*(?:status |code )?[45]\d\d|exit(?:ed)?(?: with)?(?: code| status)?[ :=]+[1-9]\d*"
    r"|fehler|fehlgeschlagen|leider|ausgebucht|nicht (?:möglich|verfügbar|gefunden)|lo siento|no (?:disponible|se pud[oe])|désolée?"
    r"|échec|échoué|erreur|impossible|non disponibile|não foi possível)\b"
    r"|エラー|失敗|できません|満席|错误|失败|抱歉|无法|خطأ|فشل|ошибк|не удалось"
)
_SAYS_ERROR = re.compile(r"(?i)(?:error|fehler|exception|traceback|failed)\b")
_PENDING_TEXT = re.compile(r"(?i)\b(?:pending|queued|in progress|processing|on hold|waitlisted|awaiting|still running)\b")
_DONE_TEXT = re.compile(
    r"(?i)\b(?:ok|okay|done|success(?:ful(?:ly)?)?|succeeded|completed?|confirmed|booked|reserved|created|sent|saved|updated|deleted"
    r"|removed|passed|added|finished|paid|scheduled|true|erledigt|gebucht|gespeichert|reservado|reservada|réservé|fertig)\b|成功|完了"
    r"|http(?:/\d(?:\.\d)?)?[ :]*2\d\d"
)
_TOLD_FAILED = re.compile(  # that it was not done, whatever else the message says
    r"(?i)\b(?:could|can|was|were|has|have)(?:n[’']t| ?not) (?:be |been )?(?:able to )?(?:made?|book(?:ed)?|reserved?|completed?|processed?"
    r"|confirm(?:ed)?|sent|send|saved?|done|place[d]?|finali[sz]ed?|schedul(?:ed?)|purchased?|cancel(?:l?ed)?|go(?:ne)? through)\b"
    r"|\bunable to (?:make|book|reserve|complete|process|confirm|send|save|place|schedule|purchase|do|cancel|finali[sz]e)\b"
    r"|\b(?:reservation|booking|payment|purchase|order|request|transaction|transfer|call) (?:has |was |just )?(?:failed|declined|rejected"
    r"|refused|did(?:n[’']t| not) (?:go|work))|\bdid(?:n[’']t| not) (?:go through|work|succeed)|\bwas not successful\b"
    r"|konnte[n]? (?:leider )?(?:\w+ ){0,5}nicht (?:\w+ ){0,2}(?:werden|reservier|buch)|no se (?:pudo|ha podido)|n[’']a pas pu"
    r"|não foi possível|non è stato possibile|(?:予約|確保|完了)?できませんでした|(?:预订|預訂)?失败了?|没能|无法(?:预订|完成)"
)
_MAY_DENY = re.compile(
    r"not|n't|unable|failed|declined|rejected|refused|nicht|no se pu|pas pu|no se ha"
)  # what that needs in ASCII
_DOUBTFUL = re.compile(  # in a code or a state, or a key: that it did not go as it should
    r"(?i)fail|err(?:or|_|$)|reject|refus|den(?:y|ied)|declin|abort|forbid|unauth|block|time(?:d)?_?out|expire|invalid|unavail|exceed|limit"
    r"|conflict|missing|not_|no_|_no$|unable|unsuc|unknown|unproc|unreach|unsupp|insuff|inactiv|closed|suspend|lock|throttl|retry|overload"
    r"|busy|down$|offline|broken|crash|panic|fatal|killed|corrupt|mismatch|out_of|disconn|revert|roll|stale|skip|ignor|drop|cancel|quota"
    r"|too_|bad_|wrong|lost|dead|stuck|hold|halt|stopp|void|never|denegad|rechaz|erron|fallid|échou|refus|abgel|fehl|失|错|錯|误|誤|無効|无效|拒"
)
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:_[a-z]+)+")
_TOLD_AS = (
    "message",
    "msg",
    "detail",
    "text",
    "note",
    "info",
    "hint",
    "warning",
    "reason",
    "title",
    "description",
    "explanation",
)
_MOST = 40  # characters of a reason or of a result's own words
_READ = 160  # characters of a text that tell how it ended
_DEEPEST = 3


def outcome(content: str) -> tuple[str, Any]:
    """How a call ended, in words, and its result as JSON if it is that."""
    result = parsed(content)
    if result is None:
        return _of_text(content), None
    said = _mcp_text(result)
    if said is not None:
        return outcome(said) if parsed(said) is None or said != content else (_of_text(said), None)
    if isinstance(result, list) and len(result) > 1:
        return _of_list(result), result
    single = result[0] if isinstance(result, list) and result else result
    found = _of_value(single)
    return found, None if found == EMPTY or found.startswith(FAILED) else result


def told_otherwise(outcome: str, said: str) -> str:
    """The outcome, unless the assistant said right after it that it was not done."""
    if outcome not in (DONE, DATA) or (said.isascii() and not _MAY_DENY.search(said.lower())):
        return outcome
    return FAILED if _TOLD_FAILED.search(said[:2000]) else outcome


def _of_list(items: Sequence[Any]) -> str:
    """Of several things found: data has states of its own, so only errors count."""
    failed = [item for item in items if isinstance(item, Mapping) and _errs(item)]
    if len(failed) == len(items):
        return FAILED + _reason(failed[0])
    return f"{len(failed)} of {len(items)} failed" if failed else f"{len(items)} found"


def _of_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return _of_object(value, 0)
    if isinstance(value, bool):
        return DONE if value else FAILED
    if isinstance(value, str):
        return _of_text(value)
    return EMPTY if value in ([], None) else DATA if isinstance(value, list) else str(value)[:_MOST]


def _of_object(result: Mapping[str, Any], depth: int) -> str:
    if _errs(result):
        return FAILED + _reason(result)
    told = _statuses(result, depth)
    for kind in (FAILED, PENDING, "own"):
        for found, words in told:
            if found == kind:
                return FAILED + (_reason(result) or words) if kind == FAILED else words
    if _is_empty(result):
        return EMPTY
    if any(found == DONE for found, _ in told):
        return DONE
    answers = [f"{key}=false" for key, value in result.items() if _plain(key) in _ASKED_KEYS and _is_no(value)]
    if answers:
        return answers[0][:_MOST]
    found = _of_message(result)
    return UNKNOWN if found in {DONE, DATA} and _is_doubtful(result) else found


def _is_doubtful(result: Mapping[str, Any]) -> bool:
    """Whether an object that says nothing of its outcome has a key, a code or a sentence that speaks against a success."""
    for key, value in result.items():
        low = str(key).casefold()
        if _doubts(low) and not _is_nothing(value) and not isinstance(value, Mapping | list):
            return True
        if isinstance(value, str) and len(value) <= _READ:
            if _CODE.fullmatch(value) and _doubts(value):
                return True
            if low in _TOLD_AS and (_BAD_TEXT.search(value) or _denies(value)):
                return True
    return False


@lru_cache(maxsize=1024)  # the same few keys come with every result
def _doubts(said: str) -> bool:
    return _DOUBTFUL.search(said) is not None


def _denies(text: str) -> bool:
    return any(word.role & DENIES for word in tokens(text[:_READ]))


def _of_message(result: Mapping[str, Any]) -> str:
    """Of an object that says nothing but in prose, or nothing at all: then it is data."""
    for key in ("message", "msg", "detail", "text"):
        value = result.get(key)
        if isinstance(value, str) and value.strip():
            found = _of_text(value)
            return found if found == DONE or len(result) <= 2 or found.startswith((FAILED, UNKNOWN)) else DATA
    return DATA


def _errs(result: Mapping[str, Any]) -> bool:
    """Whether an object says that something failed: by an error, or by a success that it was not."""
    for key, value in result.items():
        low = _plain(key)
        if low in _ERRORS and not _is_nothing(value):
            return True
        if low in _GOOD_KEYS and _is_no(value):
            return True
        if low in _EXIT_KEYS and _number(value) not in (None, 0):
            return True
    return False


def _statuses(result: Mapping[str, Any], depth: int) -> list[tuple[str, str]]:
    """What the object's states and those of the objects wrapped in it say: the kind, and it in words."""
    found: list[tuple[str, str]] = []
    for key, value in result.items():
        low = _plain(key)
        if low in _GOOD_KEYS and not _is_no(value) and value is not None:
            found.append((DONE, DONE))
        if low in _EXIT_KEYS and _number(value) == 0:
            found.append((DONE, DONE))
        number = _number(value) if low in _NUMBERED_KEYS else None
        if number is not None:
            found += [(FAILED, f": {key} {number}")] if 400 <= number < 600 else [(DONE, DONE)] if 200 <= number < 300 else []
        elif isinstance(value, Mapping) and depth < _DEEPEST and (low in _WRAPPERS or len(result) == 1):
            found.append(_kind(_of_object(value, depth + 1)))
        elif low in _STATUS_KEYS and isinstance(value, bool):
            found.append((DONE, DONE) if value else (FAILED, ""))
        elif isinstance(value, str) and (low in _STATUS_KEYS or low == "code"):
            found += _status(low, value)
    return found


def _kind(words: str) -> tuple[str, str]:
    """The outcome of an object inside another as a state of that one."""
    if words.startswith(FAILED):
        return FAILED, words[len(FAILED) :]
    return (words, words) if words in {EMPTY, DATA, DONE} else ("own", words)


def _status(key: str, value: str) -> Iterator[tuple[str, str]]:
    words = _words(value)
    some = frozenset(words) | {"".join(words)}
    if not words:
        return
    if not some.isdisjoint(_OWN_WORDS):
        yield "own", value.strip()[:_MOST]
    elif not some.isdisjoint(_BAD_WORDS):
        yield FAILED, f": {_own(value)}"
    elif not some.isdisjoint(_PENDING_WORDS):
        yield PENDING, value.strip()[:_MOST]
    elif key not in {"code", "state"}:  # a voucher and a part of a country say nothing of the call
        yield (DONE, DONE) if not some.isdisjoint(_DONE_WORDS) else _kind(_of_text(value))


def _is_empty(result: Mapping[str, Any]) -> bool:
    """Whether nothing was found: no values at all, or none in what results come in."""
    if not result:
        return True
    lows = {_plain(key): value for key, value in result.items()}
    none = [
        low
        for low, value in lows.items()
        if value in ([], "", None) or _hollow(value) or (low in _COUNTS and _number(value) == 0)
    ]
    rest = [low for low in lows if low not in none]
    if not none or set(none) <= _ERRORS:
        return False
    if any(isinstance(lows[low], list | dict) and not _hollow(lows[low]) for low in rest):
        return False
    names = _RESULTS | _COUNTS
    return all(low in _GOOD_KEYS or low in _ERRORS or _hollow(lows[low]) for low in rest) or any(low in names for low in none)


def _hollow(value: Any) -> bool:
    return isinstance(value, Mapping) and _is_empty(value)


def _of_text(text: str) -> str:
    """How a call ended whose result is prose."""
    text = text.strip()
    if not text or _EMPTY_TEXT.match(text[:80]):
        return EMPTY
    if text.casefold() in {"false", "no", "nein"}:
        return FAILED
    head = _NOTHING_WRONG.sub("ok", text[:_READ])
    if _BAD_TEXT.search(head):
        return FAILED if _SAYS_ERROR.match(text) else f"{FAILED}: {_own(text)}"
    if _PENDING_TEXT.search(head):
        return PENDING
    done = _DONE_TEXT.search(head)
    if done is None:
        return _own(text)
    return f"{FAILED}: {_own(text)}" if _denies(head[: done.start()]) else UNKNOWN if _denies(head) else DONE


def _own(text: str) -> str:
    """The first words of a text."""
    text = " ".join(text[: 4 * _MOST].split())
    return text if len(text) <= _MOST else text[:_MOST].rsplit(" ", 1)[0] + "…"


def _reason(result: Mapping[str, Any]) -> str:
    for key in _REASONS:
        value = result.get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, Mapping):
            value = value.get("message") or value.get("code") or value.get("text")
        if isinstance(value, str) and value.strip() and value.casefold() not in {"true", "false", "error", "failed"}:
            return f": {_own(value)}"
    wrapped = result.get("content")
    said = _mcp_text({"content": wrapped})
    return f": {_own(said)}" if said else ""


def _mcp_text(result: Any) -> str | None:
    """The text of a result in the form of the Model Context Protocol, unless it says that it is an error."""
    parts = result
    if isinstance(result, Mapping):
        parts = result.get("content") if not result.get("isError") and set(result) <= {"content", "isError", "_meta"} else None
    if not isinstance(parts, list) or not parts:
        return None
    if not all(isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str) for part in parts):
        return None
    return "\n".join(part["text"] for part in parts)


def _plain(key: Any) -> str:
    """A key as it is compared: small letters, no joints."""
    return str(key).replace("_", "").replace("-", "").replace(" ", "").casefold()


def _words(value: str) -> list[str]:
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value[:80]).casefold())[:6]


def _is_no(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.strip().casefold() in {"false", "no", "0"}) or _is_zero(value)


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _is_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in {"", "none", "null", "no", "false", "0", "ok", "no error"}
    return value is None or value is False or _is_zero(value) or value in ([], {})


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 else None
