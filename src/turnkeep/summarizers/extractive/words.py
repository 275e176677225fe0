"""Words of any script, and the few lists of those that say nothing by themselves."""

from __future__ import annotations

import re

import msgspec

CLAUSE_ENDS = frozenset(".!?;\n。！？；…؟۔।|•")
LONGEST_WORD = 48  # characters: what is longer is base64, a hash or a link with a session in it


# What is known of a word wherever it stands
SKIP = 1  # it says nothing by itself
PLAIN = 2  # a value of its own, and no more than a word
LOWER = 4  # it begins with a small letter
DAY = 8  # it may belong to a date
CLOCK = 16  # it may belong to a time of day
OPENS = 64  # a date or a time of day may begin with it
MAYBE = 32  # it may belong to either, as far as its beginning tells
DENIES = 128  # it may deny what stands with it
EXCEPTS = 256  # it denies only what follows it


class Token(msgspec.Struct, frozen=True, gc=False):
    """A word or a mark of punctuation at `start..end` of its text."""

    start: int
    end: int
    text: str
    low: str
    is_word: bool
    role: int = 0  # what is known of the word wherever it stands: the flags of lexicon.py
    ids: tuple[str, ...] = ()  # of a plain word: what it is compared by


def listed(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


# Words that carry no fact by themselves, in the languages most met with. Others get by on how often a word returns.
STOP = listed(
    # English
    "a an the this that these those it its it's i i'm i'd i'll i've me my mine myself you you're you'd you'll"
    " you've your yours he she him his her"
    " hers they them their we us our ours who whom whose which what when where why how and or but if so because as than then"
    " there here of in on at to for from by with without about into over under up down out off is are was were be been being"
    " am do does did doing done have has had having will would shall should can could may might must not no nor yes"
    " ok okay yeah"
    " yep sure please thanks thank very really just also too well now only some any all both each every more most much many"
    " few lot lots other another such same own again still already even ever never always let's let don't doesn't didn't can't"
    " won't isn't aren't wasn't that's there's what's i'd who's he's she's they're we're get got getting go going"
    " goes want wants"
    " wanted need needs like likes know think see look looking find give tell make take help could've would've"
    " something anything"
    " nothing thing things someone anyone one's great good nice fine perfect right correct alright sounds sound"
    " works work hi hello hey bye"
    " sorry oh ah um hmm actually maybe perhaps able indeed enjoy absolutely definitely certainly glad happy welcome"
    " ask say said says use using try come show check"
    # German
    " der die das den dem des ein eine einen einem einer eines und oder aber ich du er sie es wir ihr mich dich sich"
    " uns euch mir"
    " dir ihm ihnen mein meine meinen meinem meiner dein deine sein seine ihre ihren ihrem unser ist sind war waren"
    " bin bist seid"
    " wird werden wurde hat haben hatte habe kann können könnte muss soll sollte will wollen würde möchte nicht kein"
    " keine keinen"
    " ja nein doch auch noch schon nur sehr so wie was wer wo wann warum welche welcher dass daß wenn weil als zu"
    " zum zur von vom"
    " mit ohne für auf aus bei beim nach vor über unter an am im in um durch gegen bis da dann hier dort mal bitte"
    " danke gut gerne gern"
    " ihnen man mehr etwas alles diese dieser dieses diesen einmal gibt guten hallo moment"
    # Spanish, Portuguese
    " el la los las un una unos unas y o pero si no sí que qué de del al en con sin por para como cómo es son era"
    " fue ser estar está"
    " están estoy hay ha he han mi mis tu tus su sus me te se le les lo nos yo él ella usted ustedes muy más menos"
    " ya también este"
    " esta esto ese esa eso quiero quisiera puede puedo gracias favor bien hola bueno vale cuando cuándo donde dónde"
    " cuál porque"
    " os as um uma uns umas e ou mas não sim do da dos das no na nos nas ao pelo pela com sem são foi eu ele ela"
    " você meu minha seu"
    " sua muito já isso este esse obrigado obrigada quero posso"
    # French, Italian, Dutch
    " le les une des du et ou mais où je tu il elle nous vous ils elles mon ma mes ton ta tes son sa ses notre votre"
    " leur ce cet"
    " cette ces qui quoi dont ne pas plus très bien oui non est sont était être avoir ai as avez ont fait pour dans"
    " sur avec sans"
    " chez merci bonjour veux voudrais peut pouvez s'il plaît c'est j'ai d'accord"
    " gli uno della dello degli delle dei nel nella sul sulla che chi cosa perché non ho hai hanno sono sei siamo"
    " mio mia suo sua"
    " molto anche vorrei posso grazie ciao bene per"
    " het een en van ik je jij hij zij wij jullie mijn uw zijn niet geen wel met voor naar bij ook nog dat dit deze"
    " wat hoe graag"
    # Arabic, Russian
    " في من على إلى عن مع هذا هذه ذلك أن إن لا ما هل كان كم يا أنا أنت هو هي نعم أو ثم لكن عند قد لم لن التي الذي كل بعد قبل"
    " و в на с к у о от до по за из для не да нет и а но или что это как я ты он она мы вы они мне меня мой моя ваш"
    " есть был была"
    # Japanese particles and courtesies
    " は が を に で と も の へ や か な ね よ です ます した して する ください ありがとうございます お願いします でお願いします"
    " ですか ますか ました という から まで ので でも では じゃ これ それ あれ この その どの はい いいえ"
    # Chinese, where lexicon.py cuts them off
    " 的 是 吧 了 吗 呢 我 我要 我要去 我要订 我想 我想去 我想订 我们 我们住 我们去 我是说 请 已"
)
# Words of questions that do not name what they ask for
ASKING = listed(
    "what when where which who whom how why wann wo wohin woher welche welcher welches wie wer was qué cuándo dónde cuál cuántos"
    " cuántas cómo quién quand où quel quelle quels quelles combien comment qui quando dove quale quanti"
    " いつ どこ 何 どの 何時 何人 什么 哪 几 多少 provide specify tell enter preference preferred"
)
YES = listed(
    "yes yeah yep yup yea ok okay sure right correct perfect great good fine sounds exactly absolutely definitely"
    " certainly please"
    " agreed confirmed confirm alright awesome wonderful excellent cool lovely brilliant sold deal done indeed suits works"
    " ja gerne genau klar passt gut einverstanden sí si claro vale perfecto bueno sim oui d'accord parfait certo"
    " perfetto bene da да"
    " хорошо نعم حسناً حسنا أجل تمام موافق ممتاز はい ええ うん お願いします 了解 그래 네 좋아요 是 好 好的 对 可以 行 👍 ✅ 👌"
)
NO = listed(
    "no nope nah nö nee not don't doesn't neither none never nein nicht kein keine non pas não nao nee niet нет не لا ليس いいえ いや"
    " ちがう 不 不是 没有 아니 아니요"
)
DENYING = listed(
    "not no never neither nor none cannot nothing nobody nowhere hardly avoid dont doesnt didnt cant wont isnt arent wasnt couldnt"
    " wouldnt shouldnt havent hasnt aint"
    " kein keine keinen keinem keiner keines nicht nie niemals niemand nichts weder"
    " nunca jamás tampoco ni ningún ninguno ninguna nada nadie ne pas jamais aucun aucune non mai né nessun nessuno nessuna niente"
    " não nao nem nenhum nenhuma niet geen nooit niemand inte ikke ingen nie не нет ни нельзя никогда немає لا ليس لم لن नहीं मत 안 못"
    " değil yok"
)
EXCEPTING = listed(
    "without except excepting excluding unless but ohne außer ausser sin excepto salvo sans sauf excepté hormis senza tranne eccetto sem"
    " exceto zonder behalve utan uten bez без кроме غير بدون إلا बिना"
)
OTHER = listed(
    "another other others else different instead more options andere anderes anderen otro otra otros autre autres"
    " altro outro 他 別 别的"
)
NUMBERS = {
    word: str(value)
    for value, words in enumerate(
        [
            "zero null cero zéro",
            "one ein eins eine uno une um uma",
            "two zwei dos deux due dois duas",
            "three drei tres trois tre três",
            "four vier cuatro quatre quattro quatro",
            "five fünf cinco cinq cinque",
            "six sechs seis sei",
            "seven sieben siete sept sette sete",
            "eight acht ocho huit otto oito",
            "nine neun nueve neuf nove",
            "ten zehn diez dix dieci dez",
            "eleven elf once onze",
            "twelve zwölf doce douze",
            "thirteen dreizehn",
            "fourteen vierzehn",
            "fifteen fünfzehn quince",
            "sixteen sechzehn",
            "seventeen siebzehn",
            "eighteen achtzehn",
            "nineteen neunzehn",
            "twenty zwanzig veinte vingt venti",
        ]
    )
    for word in words.split()
}
for _article in ("ein", "eine", "une", "um", "uma", "once", "sei"):  # articles above all
    NUMBERS.pop(_article, None)
ARTICLES = listed("a an ein eine une un una um uma")
_HAN = list("一二三四五六七八九")
NUMBERS |= {word: str(value) for value, word in enumerate(_HAN, 1)} | {"十": "10", "两": "2", "二十": "20"}
NUMBERS |= {f"十{word}": str(10 + value) for value, word in enumerate(_HAN, 1)}
NUMBERS |= {"twelve": "12", "couple": "2", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000"}
NUMBERS |= {
    word: str(value)
    for value, words in enumerate(
        [
            "",
            "واحد واحدة",
            "اثنان اثنين اثنتان",
            "ثلاث ثلاثة",
            "أربع أربعة",
            "خمس خمسة",
            "ست ستة ستّ ستّة",
            "سبع سبعة",
            "ثمان ثماني ثمانية",
            "تسع تسعة",
            "عشر عشرة",
        ]
    )
    for word in words.split()
}
# Words that people say all the time in talk: they tell little, though something. English only, where talk is longest.
EVERYDAY = listed(
    "amazing awesome cool wow wonderful lovely beautiful incredible fantastic super special important interesting excited exciting"
    " proud grateful thankful happy sad fun funny hard tough easy big little small long new old best better worth true full real"
    " feel feeling feels felt feelings love loved loving loves enjoy enjoyed enjoying appreciate hope hoping hopefully keep keeping"
    " kept keeps start started starting stay staying made making makes hear hearing heard believe remember remind reminds guess mean"
    " means happen happened happening happens talk talking talked chat working worked share sharing shared support supporting"
    " supportive bring brings brought learn learning learned grow growing put puts took taking takes taken gave giving gives came"
    " comes coming thought thoughts thinking thinks seems seem seeing saw seen looks looked looking trying tried wait waiting turn"
    " turned deal wanna gonna gotta helps helped helping inspiring inspired inspire rock rocks proud pretty quite"
    " way ways time times life people person moment moments stuff part kind sort world joy experience experiences journey"
    " opportunity chance difference passion strength happiness vibes vibe positive positivity mind heart dream dreams goal goals"
    " forward recently lately truly totally especially probably together soon around away back else though while since until later"
    " almost usually sometimes often anyway completely literally honestly super simply yet"
    " haha lol gosh dude buddy congrats congratulations thx omg hmm aww ah bud mate kudos"
)
_DIGITS = str.maketrans("０１２３４５６７８９٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


def plain(low: str) -> str:
    """A word as it is compared: number words and other digits as ASCII digits, no possessive, no thousands separators."""
    if low in NUMBERS:
        return NUMBERS[low]
    if low[0].isdigit() and (not low.isascii() or "," in low or "." in low):
        low = low.translate(_DIGITS)
        return re.sub(r"[.,](?=\d{3}(?!\d))|[.,]00?$", "", low)
    if low.endswith(("'s", "’s")):
        return low[:-2]
    return low
