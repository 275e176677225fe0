"""The words by which people talk about what they said: that it was wrong, that it changes, what they would rather have, who says so.

They name no thing of the world, so a message of such words and one value is about something said before, whatever the words. Stems,
not forms, so that a new inflection is known.

Invariant: a word has one meaning here, wherever it stands; which value it is about is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from turnkeep.summarizers.extractive.words import listed

REPAIRS = 1  # something was said wrong: sorry, mistaken, I meant
CHANGES = 2  # something is to be otherwise: change, instead, rather, postpone
SAYS = 4  # somebody says or wants so: my boss insists
WISHES = 8  # this is what one wants: need, take, let's go with
FILLS = 16  # it only carries the talk on: well, you know, by the way
HESITATES = 32  # um, hmm
CUES = REPAIRS | CHANGES | HESITATES

_HESITATES = re.compile(
    r"e+r+m*|e+h+m*|u+h*m*|a+h+|ä+h*m*|e+u+h+|m*h*m+|a*r*gh+|u+gh+|w?h?oops\w*|o+h+|ach|ay+|uy+|хм+|э+м*|ой|ah+n*"
)
_REPAIRS = re.compile(
    r"sorry|beg|apolog\w*|pardon\w*|forgive|excuse|wrong\w*|incorrect\w*|inaccura\w*|mis(?:took|tak|sp|said|say|typ|under|read|hear|rem"
    r"|count|wr|stat|label|calc|quot|place|match|info)\w*|mix(?:ed|ing)|mixup|mix-up|confus\w*|err(?:or|ed|on)\w*|typos?|slip(?:ped)?"
    r"|correct\w*|accurate\w*|precise\w*|rectif\w*|nonsense|rubbish|fault|blunder|goof\w*|autocorrect\w*|actually|technically"
    r"|reality|meant|scratch|strike|scrap|nope|nah|no|wait|hang|hold|forg[eo]t\w*"
    r"|nein|nee|nö|ne|falsch\w*|irr(?:tum|te|t)|geirrt|vertan|vertippt|versprochen|verwechselt|verschrieben|verlesen|verzeihung"
    r"|entschuldig\w*|quatsch|unsinn|korr(?:ektur|igier)\w*|fehler|versehen|moment|halt|stopp?|eigentlich|vielmehr|gemeint|meinte|stimmt"
    r"|perd[oó]n\w*|disculp\w*|equivo\w*|confund\w*|corrig\w*|corrij\w*|correc\w*|espera|dig[oa]|quise|realidad|dicho|error(?:es)?|erré"
    r"|désolée?|excuse[zr]?|tromp\w*|erreur|corrige\w*|attend[sz]?|attendez|enfin|non|confond\w*|voulais"
    r"|scusa\w*|sbagli\w*|errat\w*|anzi|aspetta|desculp\w*|engan\w*|err(?:ei|ado)|não|corrij\w*|verdade|espere"
    r"|sorry|fout|vergis\w*|verkeerd|нет|извин\w*|прост(?:и|ите)|ошиб\w*|ошибоч\w*|точнее|вернее|неправ\w*|неверн\w*|исправ\w*|перепут\w*"
    r"|оговор\w*|опечат\w*|подожд\w*|стоп|самом|деле|виду|имел[аи]?"
    r"|لا|عفوا\w*|عفواً|آسف\w*|أقصد|قصدت|خطأ|أخطأت|صح[حّ]\w*|الصحيح|الأصح|حقيق\w*|الحقيقة|انتظر|بل|عذر\w*|تصحيح"
)
_CHANGES = re.compile(
    r"instead|rather|longer|anymore|prefer\w*|chang(?:e|es|ed|ing)|switch\w*|swap\w*|replac\w*|updat\w*|modif\w*|edit(?:ed|s)?|amend\w*"
    r"|adjust\w*|alter(?:ed|s)?|revis(?:e|es|ed|ion)|reschedul\w*|postpon\w*|delay(?:ed|s)?|rebook\w*|mov(?:e|es|ed|ing)|push(?:ed)?"
    r"|shift(?:ed)?|reconsider\w*|defer(?:red)?|redo|fix(?:ed)?|nicer|better|decided|convinced|persuaded|reflection|settled"
    r"|lieber|statt\w*|anstatt|änder\w*|geändert\w*|umgeänd\w*|tausch\w*|ersetz\w*|verschieb\w*|verschob\w*|verleg\w*|umbuch\w*|besser"
    r"|sondern|doch|anders|überlegt|umentsch\w*|mejor|prefier\w*|prefer\w*|cambi\w*|c[aá]mbi\w*|muev\w*|mover|pasar|pospon\w*|aplaz\w*"
    r"|retras\w*|adelant\w*|sustitu\w*|reemplaz\w*|modific\w*|lugar|vez|pens\w*|plutôt|préfèr\w*|préfér\w*|chang\w*|modifi\w*|remplac\w*"
    r"|décal\w*|report(?:er|ez|é)|avanc\w*|déplac\w*|finalement|réflexion|meglio|invece|preferi\w*|spost\w*|sostitu\w*|melhor|prefir\w*"
    r"|mud(?:a|ar|e|ei|ou|amos)|troc\w*|adi(?:a|ar|e)|liever|wijzig\w*|verander\w*|лучше|вместо|помен\w*|измен\w*|перен[её]с\w*|замен\w*"
    r"|передум\w*|сдвин\w*|поправ\w*|отлож\w*|переду\w*|удобн\w*|предпоч\w*|всё-таки|все-таки|أفضل|بدل\w*|بدلاً|غي[رّ]\w*|تغيير\w*"
    r"|عد[لّ]\w*|تعديل|رأيي|يناسب\w*|أنسب"
)
_SAYS = re.compile(
    r"sa(?:id|ys|ying)|writes?|wrote|written|texts?|texted|t(?:ells?|old)|hears?|heard|messag(?:e|es|ed)|e-?mail(?:s|ed)?|mail(?:s|ed)?|accord\w*"
    r"|insist\w*|inform\w*|announc\w*|mention\w*|report(?:s|ed)|claims?|repl(?:y|ies|ied)|answered|confirm(?:s|ed)|pinged|rang|phone|phoned|called"
    r"|calls|apparently|remind(?:s|ed)|pointed|asks|asked|asking|talk(?:ed|s)?|spoke|spoken|chat(?:ted)?|checked|per|thinks|wants|needs"
    r"|sagt\w*|schr(?:eibt|ieb)|geschrieben|mein(?:t|te)|laut|angerufen|besteht|anscheinend|zufolge|bittet"
    r"|dit|écri\w*|appel\w*|selon|d'après|veut|dice\w*|dijo|escrib\w*|llam[óo]|según|quiere|pide|detto|scritt\w*|vuole|secondo|disse|escreveu"
    r"|ligou|segundo|quer|говор\w*|сказа\w*|пишет|написа\w*|просит|попросил\w*|хочет|считает|звонил\w*|словам|يقول|تقول|قال\w*|حسب|يريد|تريد|كتب\w*"
)
_WISHES = re.compile(
    r"want|wanted|need|needed|like|love|use|using|take|taking|go|going|put|make|makes|made|set|choose|pick|opt|do|does|get|have|having|give"
    r"|let|let's|lets|suits|works|fits|happy|happier|leaning|towards?|choice|enter|note|brauche|nehme[n]?|nimm|hätte|möchte\w*|wäre|passt|trag"
    r"|mach(?:en)?|legen|setz\w*|ein|soll|sollte|quiero|quisiera|necesito|pon(?:er|ga|me)?|viene|prend\w*|mett\w*|mets|voudrais"
    r"|arrange|faut|vorrei|quero|preciso|pode|seja|хочу|нужн\w*|поставь\w*|пусть|будет|давай\w*|можно|возьм\w*|надо|должн\w*|أريد|أحتاج|اجعل\w*|يمكن|ليكن"
)
_FILLS = listed(
    "well just really please pls plz thanks thank ok okay so then now again before earlier later still also anyway lol haha btw hey hi dear"
    " course know think thinking thought guess suppose idea mind head brain fog memory bad good fine right thing things value one ones way"
    " maybe perhaps probably sense point fact plan plans news quick brief end after today's"
    " after all back been being be should would could might must possible possibly"
    " ok? bother trouble change tired stupid silly me my mine kidding used quite came come comes coming something up turns turned out got"
    " bitte danke nochmal noch mal mir uns leid tut ja gern por favor gracias otra merci svp s'il oui ancora grazie por então"
    " пожалуйста спасибо знаешь это все же ещё مرة فضلك من"
)
_PHRASES = re.compile(
    r"\b(?:after all\b|second thoughts?\b|never mind\b|my bad\b|slept on\b|in the end\b|think(?:ing)? (?:about|of|it)\b"
    r"|come up\b"
    r"|came up\b|still (?:be|do|make|go)\b|(?:tied|held) up\b|double-booked\b|(?:new|change of) plans?\b"
    r"|can(?:no|[’'])?t (?:make|do)\b"
    r"|make (?:it|that|this|them)\b|(?:it|that) (?:should|must|has to) be\b|try\b.{0,30}\bagain\b"
    r"|^(?:yes|yeah|yea|sure|ok|okay)\b.{0,60}\bbut\b"
    r"|coming back to\b|(?:go|get|going|back) (?:back )?to the\b|used to be\b|in fact\b"
    r"|supposed to\b|brought forward\b|bring\b.* forward)"
)
_UNSPACED_REPAIRS = re.compile(
    "^不(?=[，,、]|$)|错|不对|應該|应该|其实|其實|更正|纠正|等等|等一下|抱歉|对不起|不好意思|不是|才对|而是|记混|弄混|啊不|哦不"
    "|違|ちが|間違|まちが|訂正|すみません|ごめん|いえ、|いや、|ではな|じゃな|でなく|実は|本当は|勘違|でした|失礼"
)
_UNSPACED_CHANGES = re.compile(
    "改|换|換|还是|不行|不要|算了|推迟|提前|挪|延期|延后|主意|想了|要不|更好|更喜欢|更方便|更合适|没空|有事|不方便|来不及|取消"
    "|変更|変え|変わ|替え|直し|やっぱり|やはり|考え直|都合|だめ|ダメ|無理|ほうが|方が|より|やめ|代わり|ずら|延期|早め|それより|にして|できれば"
)
_UNSPACED_SAYS = re.compile(
    "说|說|告诉|通知|来电|觉得|让我|要求|言って|言う|言った|だそう|そうです|によると|によれば|連絡|聞いたら"
)


@lru_cache(maxsize=4096)
def meaning(low: str) -> int:
    """What a word says of other words: the flags above, 0 if it says something of the world."""
    if _HESITATES.fullmatch(low):
        return HESITATES
    found = REPAIRS if _REPAIRS.fullmatch(low) else 0
    found |= CHANGES if _CHANGES.fullmatch(low) else 0
    found |= SAYS if _SAYS.fullmatch(low) else 0
    found |= WISHES if _WISHES.fullmatch(low) else 0
    return found | (FILLS if low in _FILLS else 0)


def meanings(lows: Iterable[str], text: str) -> int:
    """What the words of a message say of others, together."""
    found = 0
    for low in lows:
        found |= meaning(low)
    if _PHRASES.search(text.lower()):
        found |= CHANGES
    if not text.isascii():
        found |= REPAIRS if _UNSPACED_REPAIRS.search(text) else 0
        found |= CHANGES if _UNSPACED_CHANGES.search(text) else 0
        found |= SAYS if _UNSPACED_SAYS.search(text) else 0
    return found
