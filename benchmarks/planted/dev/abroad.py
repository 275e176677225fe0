"""German, French, Spanish, Chinese and Japanese talks of this half: scenes and wordings.

Values stand here in the same grammatical form wherever they are put.
"""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene, wordings

GERMAN = Half(
    (
        Scene(
            "Uhrzeit",
            "hour",
            ("stell bitte einen Wecker auf {v}", "Erinnere mich um {v} ans Brot."),
            "Ich merke mir {v}.",
            "set_alarm",
            "zeit",
        ),
        Scene(
            "Tag",
            "weekday",
            ("die Putzhilfe soll am {v} kommen", "Bitte einen Termin beim Zahnarzt am {v}."),
            "Also {v}.",
            "termin_anlegen",
            "tag",
        ),
        Scene(
            "Ziel", "ort", ("was kostet ein zug nach {v}", "Ich brauche ein Hotel in {v}."), "{v}, gern.", "suche_reise", "ziel"
        ),
    ),
    (
        Offer(
            "ich suche ein restaurant für heute",
            "Wie wäre {v}?",
            "Reserviert: {v}.",
            ("Adria", "Olympia", "Sakura"),
            "reservieren",
            "lokal",
        ),
    ),
    (Fact(("meine schwester wohnt in {v}",), "meine schwester wohnt in {v}", "Schöne Gegend.", ("Passau", "Kiel", "Bremen")),),
    {"hour": ("7:45", "16:20", "18:40"), "weekday": ("Montag", "Mittwoch", "Freitag"), "ort": ("Ulm", "Jena", "Weimar")},
    ("mein chef", "Petra"),
    ("Alles klar.", "Ist notiert.", "Gut, einen Moment."),
    ("ja gern", "ok, das passt"),
    """wie lange kocht man ein weiches ei? | Etwa fünf Minuten.
mein fahrrad quietscht | Etwas Öl auf die Kette hilft oft.
hast du einen filmtipp? | Vielleicht eine Komödie mit Loriot.
Was heißt Danke auf Finnisch? | Es heißt kiitos.
die katze hat schon wieder gekotzt | Oje, vielleicht verträgt sie das Futter nicht.
ich bin müde | Dann lieber früh ins Bett.""",
)
FRENCH = Half(
    (
        Scene(
            "jour",
            "jour",
            ("le plombier peut venir {v} ?", "Prenez rendez-vous chez le dentiste pour {v}."),
            "D'accord pour {v}.",
            "planifier",
            "jour",
        ),
        Scene(
            "ville",
            "ville",
            ("un billet de train pour {v} svp", "Je cherche une chambre à {v}."),
            "Très bien, {v}.",
            "chercher",
            "ville",
        ),
    ),
    (
        Offer(
            "tu me conseilles un resto ?",
            "Je propose {v}.",
            "Réservé : {v}.",
            ("Chez Paul", "Le Zinc", "La Marée"),
            "reserver",
            "resto",
        ),
    ),
    (Fact(("mon frère habite à {v}",), "mon frère habite à {v}", "Belle ville.", ("Brest", "Dijon", "Tours")),),
    {"jour": ("lundi", "mercredi", "vendredi"), "ville": ("Nantes", "Metz", "Annecy")},
    ("ma femme", "le chef"),
    ("C'est noté.", "Très bien.", "Entendu, un instant."),
    ("oui parfait", "d'accord, celui-là"),
    """quel temps fait-il ? | Il y a des nuages.
comment enlever une tache de café | Avec du savon et de l'eau froide.
j'ai mal dormi | Courage, reposez-vous un peu.
un bon livre ? | L'Étranger de Camus, peut-être.
il me faut du pain | J'ajoute du pain à la liste.
merci beaucoup | Avec plaisir.""",
)
SPANISH = Half(
    (
        Scene(
            "día",
            "dia",
            ("la cita con el dentista el {v}", "Quiero la pista de pádel para el {v}."),
            "Anotado, el {v}.",
            "agendar",
            "dia",
        ),
        Scene(
            "ciudad",
            "ciudad",
            ("busca un vuelo a {v}", "Necesito un hotel en {v}, por favor."),
            "Muy bien, {v}.",
            "buscar",
            "ciudad",
        ),
    ),
    (
        Offer(
            "dónde puedo cenar hoy",
            "Le propongo {v}.",
            "Reservado en {v}.",
            ("Casa Lola", "El Faro", "La Parra"),
            "reservar",
            "sitio",
        ),
    ),
    (Fact(("mi hermana vive en {v}",), "mi hermana vive en {v}", "Bonito sitio.", ("Murcia", "León", "Cádiz")),),
    {"dia": ("lunes", "miércoles", "viernes"), "ciudad": ("Bilbao", "Granada", "Vigo")},
    ("mi jefa", "Pablo"),
    ("De acuerdo.", "Apuntado.", "Vale, un momento."),
    ("sí, ese", "perfecto"),
    """qué tiempo hace | Está nublado.
cómo se limpia el horno? | Con bicarbonato y vinagre.
me duele la cabeza | Beba agua y descanse.
una peli buena? | Quizá una de Almodóvar.
hace falta pan | Lo pongo en la lista.
gracias! | De nada.""",
)
CHINESE = Half(
    (
        Scene("日期", "day", ("帮我订{v}的高铁票", "我想{v}去看牙医"), "好的，{v}。", "book_train", "date"),
        Scene("城市", "city", ("查一下去{v}的机票", "我想在{v}订酒店"), "好，{v}。", "search_city", "city"),
    ),
    (Offer("推荐一家餐厅", "{v}怎么样？", "已订{v}。", ("海底捞", "全聚德", "外婆家"), "reserve", "name"),),
    (Fact(("我姐姐住在{v}",), "我姐姐住在{v}", "那里很不错。", ("苏州", "青岛", "厦门")),),
    {"day": ("周一", "周三", "周五"), "city": ("成都", "西安", "杭州")},
    ("老板", "她"),
    ("好的。", "知道了。", "请稍等。"),
    ("好，就这个", "可以"),
    """今天天气怎么样 | 多云，有点风。
怎么煮米饭 | 一份米加一份半水。
我头疼 | 多喝水，休息一下。
推荐一本书 | 可以看看《活着》。
家里没牛奶了 | 我把牛奶加到清单里。
谢谢 | 不客气。""",
)
JAPANESE = Half(
    (
        Scene("日にち", "day", ("{v}に歯医者を予約して", "{v}にテニスコートをお願いします"), "{v}ですね。", "book_day", "day"),
        Scene(
            "行き先",
            "city",
            ("{v}までの新幹線を調べて", "{v}のホテルを探しています"),
            "{v}ですね、かしこまりました。",
            "search_trip",
            "city",
        ),
    ),
    (
        Offer(
            "夕食におすすめの店は？",
            "{v}はいかがですか。",
            "{v}を予約しました。",
            ("すし源", "鳥よし", "天ぷら山"),
            "reserve",
            "shop",
        ),
    ),
    (Fact(("姉は{v}に住んでいます",), "姉は{v}に住んでいます", "いいところですね。", ("仙台", "金沢", "神戸")),),
    {"day": ("月曜日", "水曜日", "金曜日"), "city": ("京都", "広島", "長野")},
    ("上司", "彼女"),
    ("承知しました。", "了解です。", "少々お待ちください。"),
    ("はい、それで", "いいですね"),
    """今の天気は？ | くもりです。
卵はどのくらいゆでる？ | 半熟なら七分です。
頭が痛い | 水を飲んで休んでください。
おもしろい映画ある？ | 七人の侍は有名です。
牛乳がない | 買い物リストに入れます。
ありがとう | どういたしまして。""",
)

ABROAD: dict[str, tuple[Half, dict[str, str]]] = {
    "de": (
        GERMAN,
        wordings(
            "nein, {new} | falsch, {new}, nicht {old}",
            "ändere {slot} auf {new} | bitte bei {slot} {new} statt {old} eintragen",
            "{old}, sorry, {new} | {old}, nein, doch {new}",
            "nein danke, lieber {new} | {old} mag ich nicht, was gibt es noch?",
            "geht auch {new}? {old} klappt nicht | bitte verschieben auf {new}",
            "ach quatsch, {fact}, nicht {old} | ich meinte {new}",
            "hab's mir anders überlegt, {new} statt {old} | doch lieber {new} bei {slot}",
            "{who} schreibt gerade, es ist {new}, nicht {old} | {who} sagt {new}",
        ),
    ),
    "fr": (
        FRENCH,
        wordings(
            "non, {new} | pas {old}, {new}",
            "changez : {slot} {new} au lieu de {old} | pour {slot}, mettez {new}",
            "{old}, pardon, {new} | {old}, non, {new}",
            "non merci, plutôt {new} | bof, autre chose ?",
            "on peut décaler à {new} ? | {old} ne va pas, {new} svp",
            "en fait {fact}, pas {old} | je voulais dire {new}",
            "finalement {new} plutôt que {old} | j'ai changé d'avis pour {slot}, {new}",
            "{who} vient d'écrire que c'est {new}, pas {old} | {who} dit {new}",
        ),
    ),
    "es": (
        SPANISH,
        wordings(
            "no, {new} | {new}, no {old}",
            "cambia {slot} a {new} | en {slot} pon {new} en vez de {old}",
            "{old}, perdón, {new} | {old}, digo, {new}",
            "no gracias, mejor {new} | no me gusta, qué más hay?",
            "se puede mover a {new}? | {old} no puedo, {new}",
            "en realidad {fact}, no {old} | quise decir {new}",
            "lo he pensado mejor, {new} en lugar de {old} | al final {slot}: {new}",
            "{who} acaba de escribir que es {new}, no {old} | {who} dice {new}",
        ),
    ),
    "zh": (
        CHINESE,
        wordings(
            "不，{new} | 不是{old}，是{new}",
            "把{slot}改成{new} | {slot}换成{new}，不要{old}",
            "{old}，哦不，{new} | {old}，不对，{new}",
            "不要，{new}吧 | 不喜欢，还有别的吗",
            "能改到{new}吗 | {old}不行，{new}吧",
            "其实{fact}，不是{old} | 我说错了，是{new}",
            "想了想还是{new}，不要{old}了 | {slot}我改主意了，{new}",
            "{who}刚说是{new}，不是{old} | {who}说{new}",
        ),
    ),
    "ja": (
        JAPANESE,
        wordings(
            "いえ、{new}です | {old}じゃなくて{new}",
            "{slot}を{new}に変更してください | {slot}は{old}ではなく{new}です",
            "{old}、すみません、{new} | {old}、いや、{new}",
            "いえ、{new}がいいです | うーん、他にありますか",
            "{new}に変えられますか | {old}はだめなので{new}で",
            "実は{fact}、{old}ではなく | 間違えました、{new}です",
            "やっぱり{new}にします、{old}はやめて | {slot}ですが、やはり{new}で",
            "{who}から連絡で、{old}ではなく{new}だそうです | {who}が{new}と言っています",
        ),
    ),
}
