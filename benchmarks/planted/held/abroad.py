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
            ("friseur um {v} bitte", "Der Handwerker soll um {v} da sein."),
            "Notiert: {v}.",
            "buchen",
            "uhrzeit",
        ),
        Scene(
            "Tag", "weekday", ("sauna am {v}", "Bitte den Tennisplatz für {v} reservieren."), "Am {v}, ja.", "platz_buchen", "tag"
        ),
        Scene(
            "Farbe",
            "farbe",
            ("ich nehme den teppich in {v}", "Bitte bestellen Sie die Jacke in {v}."),
            "In {v}, schön.",
            "bestellen",
            "farbe",
        ),
    ),
    (
        Offer(
            "welchen tarif soll ich nehmen",
            "Ich empfehle {v}.",
            "{v} ist gebucht.",
            ("Komfort", "Spar", "Premium"),
            "tarif_setzen",
            "tarif",
        ),
    ),
    (Fact(("unser hund heißt {v}",), "unser hund heißt {v}", "Ein guter Name.", ("Waldi", "Struppi", "Balu")),),
    {"hour": ("9:15", "14:50", "11:05"), "weekday": ("Dienstag", "Donnerstag", "Samstag"), "farbe": ("Grün", "Schwarz", "Beige")},
    ("die Kollegin", "Opa"),
    ("In Ordnung.", "Verstanden.", "Danke für den Hinweis."),
    ("prima, so machen wir's", "na gut"),
    """der drucker spinnt mal wieder | Einmal aus- und einschalten, bitte.
wie putzt man silber? | Mit Alufolie, Salz und heißem Wasser.
Kennst du ein Gedicht von Rilke? | Der Panther ist sehr bekannt.
wir haben keine milch mehr | Ich setze Milch auf die Liste.
ist der Bäcker feiertags offen? | Meist nur vormittags.
bin gleich zurück | Bis gleich.""",
)
FRENCH = Half(
    (
        Scene("heure", "heure", ("coiffeur à {v} svp", "Mettez la réunion à {v}."), "À {v}, entendu.", "creer_reunion", "heure"),
        Scene(
            "couleur",
            "couleur",
            ("je prends le canapé en {v}", "Commandez les rideaux en {v}."),
            "En {v}, bon choix.",
            "commander",
            "couleur",
        ),
    ),
    (
        Offer(
            "quel forfait me faut-il",
            "Je vous conseille {v}.",
            "{v} est activé.",
            ("Zen", "Liberté", "Évasion"),
            "forfait",
            "nom",
        ),
    ),
    (Fact(("ma fille fait du {v}",), "ma fille fait du {v}", "C'est un beau sport.", ("judo", "tennis", "patinage")),),
    {"heure": ("9h15", "14h40", "18h20"), "couleur": ("bleu nuit", "vert", "gris")},
    ("Camille", "mon collègue"),
    ("Compris.", "Je m'en occupe.", "Merci de la précision."),
    ("super, allons-y", "oui, prenez-le"),
    """comment cuire le riz | Deux volumes d'eau pour un de riz.
le chat dort encore | Les chats dorment beaucoup.
où est la poste ? | Elle se trouve derrière la mairie.
mon écran clignote | Vérifiez d'abord le câble.
bonne idée de cadeau pour maman ? | Un joli foulard lui plairait.
je reviens | À tout de suite.""",
)
SPANISH = Half(
    (
        Scene("hora", "hora", ("peluquería a las {v}", "Pon la reunión a las {v}."), "A las {v}, bien.", "reunion", "hora"),
        Scene(
            "color",
            "color",
            ("quiero la alfombra en {v}", "Pida las cortinas en {v}."),
            "En {v}, buena elección.",
            "pedir",
            "color",
        ),
    ),
    (
        Offer(
            "qué coche me alquilan", "Tenemos {v}.", "Reservado: {v}.", ("el Ibiza", "el Corsa", "el Panda"), "alquilar", "coche"
        ),
    ),
    (Fact(("mi perro se llama {v}",), "mi perro se llama {v}", "Qué nombre tan bonito.", ("Toby", "Coco", "Rayo")),),
    {"hora": ("9:25", "16:10", "19:35"), "color": ("verde", "gris", "azul marino")},
    ("mi marido", "Lucía"),
    ("Entendido.", "Hecho así.", "Gracias por avisar."),
    ("venga, ese", "sí, adelante"),
    """cómo hago arroz | Dos partes de agua por una de arroz.
la impresora no va | Pruebe a apagarla y encenderla.
dónde está correos | Detrás del ayuntamiento.
se me mueren las plantas | Quizá tienen demasiada agua.
ideas de regalo para mamá? | Un pañuelo de seda.
ahora vuelvo | Hasta ahora.""",
)
CHINESE = Half(
    (
        Scene("时间", "clock", ("帮我约{v}理发", "会议定在{v}"), "好的，{v}。", "book_slot", "time"),
        Scene("颜色", "colour", ("我要{v}的窗帘", "请帮我买{v}的地毯"), "{v}，很好看。", "order_item", "colour"),
    ),
    (Offer("我该选哪个套餐", "建议您选{v}。", "已开通{v}。", ("畅享套餐", "家庭套餐", "校园套餐"), "set_plan", "plan"),),
    (Fact(("我家的狗叫{v}",), "我家的狗叫{v}", "名字真可爱。", ("豆豆", "旺财", "可乐")),),
    {"clock": ("上午九点", "下午四点", "晚上八点"), "colour": ("灰色", "墨绿", "米白")},
    ("同事", "妈妈"),
    ("明白。", "没问题。", "收到。"),
    ("行，要它", "好吧"),
    """打印机坏了 | 先关机再开机试试。
邮局在哪里 | 在市政府后面。
植物总是死 | 可能浇水太多。
送妈妈什么礼物好 | 一条丝巾不错。
怎么去掉咖啡渍 | 用冷水和肥皂。
我马上回来 | 好，等您。""",
)
JAPANESE = Half(
    (
        Scene("時間", "clock", ("{v}に美容院を予約して", "会議は{v}にしてください"), "{v}ですね。", "book_slot", "time"),
        Scene(
            "色", "colour", ("{v}のカーテンが欲しい", "ソファは{v}でお願いします"), "{v}、すてきですね。", "order_item", "colour"
        ),
    ),
    (
        Offer(
            "どのプランがいいですか",
            "{v}がおすすめです。",
            "{v}にしました。",
            ("ライトプラン", "家族プラン", "学生プラン"),
            "set_plan",
            "plan",
        ),
    ),
    (Fact(("犬の名前は{v}です",), "犬の名前は{v}です", "かわいい名前ですね。", ("ハチ", "コタロウ", "モモ")),),
    {"clock": ("午前9時", "午後4時", "午後8時"), "colour": ("グレー", "ネイビー", "ベージュ")},
    ("同僚", "母"),
    ("わかりました。", "かしこまりました。", "はい、大丈夫です。"),
    ("じゃあそれで", "お願いします"),
    """プリンターが動かない | 電源を入れ直してみてください。
郵便局はどこ？ | 市役所の裏です。
植物がすぐ枯れる | 水が多すぎるのかもしれません。
母への贈り物は何がいい？ | スカーフはいかがでしょう。
コーヒーのしみを落とすには？ | 冷たい水と石けんで洗います。
すぐ戻ります | お待ちしています。""",
)

ABROAD: dict[str, tuple[Half, dict[str, str]]] = {
    "de": (
        GERMAN,
        wordings(
            "ne, {new} | das stimmt nicht, {new} bitte",
            "bei {slot} muss {new} stehen, nicht {old} | {slot} bitte korrigieren: {new}",
            "{old}, äh, {new} | {old}, Moment, nein, {new}",
            "och nö, dann eher {new} | das ist mir zu teuer, haben Sie etwas anderes?",
            "mir kommt was dazwischen, {new} bitte | können wir von {old} auf {new} wechseln?",
            "Verzeihung, {fact}, ich hatte {old} geschrieben | stimmt nicht, {fact}",
            "nochmal zu {slot}: jetzt doch {new} | vergiss {old}, wir nehmen {new}",
            "{who} möchte {new} und nicht {old} | laut {who} ist es {new}",
        ),
    ),
    "fr": (
        FRENCH,
        wordings(
            "mais non, {new} | c'est faux, il faut {new}",
            "{slot} : {new} et non {old} | corrigez {slot}, c'est {new}",
            "{old}, euh, {new} | {old}, enfin non, {new}",
            "je préfère {new} | ça ne me plaît pas, vous avez autre chose ?",
            "un empêchement, {new} serait possible ? | passons de {old} à {new}",
            "erreur de ma part, {fact} | c'est {new}, j'avais écrit {old} par erreur",
            "tout compte fait {new}, oubliez {old} | revenons à {slot} : {new}",
            "{who} préfère {new} à {old} | selon {who} c'est {new}",
        ),
    ),
    "es": (
        SPANISH,
        wordings(
            "que no, {new} | está mal, debe ser {new}",
            "corrija {slot}: {new} | {slot} es {new}, me equivoqué con {old}",
            "{old}, no, espera, {new} | {old}, ay, {new}",
            "prefiero {new} | demasiado caro, tiene otra cosa?",
            "me ha surgido algo, {new} por favor | pasemos de {old} a {new}",
            "perdona, {fact} | puse {old} pero es {new}",
            "olvida {old}, que sea {new} | volviendo a {slot}, ahora {new}",
            "{who} quiere {new} y no {old} | según {who} es {new}",
        ),
    ),
    "zh": (
        CHINESE,
        wordings(
            "错了，{new} | 我说的是{new}",
            "{slot}应该是{new}，而不是{old} | 请更正{slot}：{new}",
            "{old}，等等，{new} | {old}，说错了，{new}",
            "我更喜欢{new} | 太贵了，有没有其他的",
            "临时有事，改{new}可以吗 | 从{old}换到{new}吧",
            "打错了，{fact} | 不好意思，是{new}，我写成了{old}",
            "刚才的{slot}还是{new}吧 | 算了，{old}取消，{new}",
            "{who}要{new}，不要{old} | 听{who}说是{new}",
        ),
    ),
    "ja": (
        JAPANESE,
        wordings(
            "違います、{new}です | {new}と言いました",
            "{slot}の訂正です、{new} | {slot}を{old}から{new}に直して",
            "{old}、あ、違う、{new} | {old}、間違えた、{new}",
            "それより{new}をお願いします | ちょっと高いです、別のはありますか",
            "用事ができたので{new}にしてください | {old}は無理になりました、{new}で",
            "訂正します、{fact} | {old}と書きましたが{new}です",
            "考え直して{new}に、{old}はなしで | さっきの{slot}、{new}に変えて",
            "{who}によると{new}だそうです | {who}は{old}じゃなく{new}がいいって",
        ),
    ),
}
