"""German, French, Portuguese, Russian, Chinese and Japanese talks of this part, see dev/abroad.py."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene, wordings

GERMAN = Half(
    (
        Scene(
            "Beginn",
            "clock",
            ("das Meeting fängt um {v} an", "Plane das Meeting für {v}."),
            "Meeting um {v}.",
            "meeting_planen",
            "beginn",
        ),
        Scene("Termin", "day", ("Friseur am {v} bitte", "ich möchte am {v} zum Friseur"), "{v} beim Friseur.", "friseur", "tag"),
        Scene(
            "Sorte", "sorte", ("eine Kugel {v} bitte", "ich nehme ein Eis, Sorte {v}"), "Ein Eis, {v}.", "eis_bestellen", "sorte"
        ),
    ),
    (
        Offer(
            "welchen Tarif soll ich nehmen",
            "Ich würde {v} empfehlen.",
            "Sie haben jetzt {v}.",
            ("Smart M", "Flat Plus", "Basis S"),
            "tarif",
            "name",
        ),
    ),
    (Fact(("mein bruder arbeitet bei {v}",), "mein bruder arbeitet bei {v}", "Große Firma.", ("Bosch", "Bayer", "Lidl")),),
    {"clock": ("8:10", "14:50", "17:05"), "day": ("Montag", "Mittwoch", "Sonntag"), "sorte": ("Vanille", "Pistazie", "Mango")},
    ("meine Mutter", "der Kollege"),
    ("Geht klar.", "Mach ich.", "Okay."),
    ("ja, den", "super, nehme ich"),
    """wer hat Faust geschrieben | Johann Wolfgang von Goethe.
die Spülmaschine stinkt | Reinigen Sie das Sieb.
wie backt man Brot? | Mehl, Wasser, Hefe, Salz, dann ab in den Ofen.
mir ist kalt | Eine Decke hilft.
warum schnurren Katzen | Meist, weil sie zufrieden sind.
tausend Dank | Keine Ursache.""",
)
FRENCH = Half(
    (
        Scene(
            "heure",
            "heure",
            ("un taxi pour {v} s'il vous plaît", "Réveillez-moi à {v}."),
            "C'est noté pour {v}.",
            "reveil",
            "heure",
        ),
        Scene(
            "destination", "ville", ("je veux partir à {v}", "Cherche un vol pour {v}."), "{v}, entendu.", "vol", "destination"
        ),
        Scene(
            "couleur",
            "couleur",
            ("je voudrais le sac en {v}", "Commandez le sac en {v}."),
            "Le sac en {v}.",
            "commander",
            "couleur",
        ),
    ),
    (
        Offer(
            "un hôtel pas cher ?",
            "Je vous propose {v}.",
            "Réservé à {v}.",
            ("Hôtel du Lac", "Auberge Bleue", "Le Refuge"),
            "reserver",
            "hotel",
        ),
    ),
    (Fact(("mon chat s'appelle {v}",), "mon chat s'appelle {v}", "Joli nom.", ("Minou", "Félix", "Caramel")),),
    {
        "heure": ("6h20", "11h45", "20h30"),
        "ville": ("Lisbonne", "Prague", "Naples"),
        "couleur": ("bordeaux", "turquoise", "beige"),
    },
    ("mon mari", "la cliente"),
    ("Bien sûr.", "D'accord.", "Parfait."),
    ("oui, celui-ci", "super, je prends"),
    """qui a peint la Joconde | Léonard de Vinci.
j'ai froid | Mettez un pull.
comment cuire un œuf | Six minutes dans l'eau bouillante.
pourquoi le ciel est bleu ? | La lumière bleue se disperse davantage.
mon ordinateur rame | Fermez quelques onglets.
mille mercis | Je vous en prie.""",
)
PORTUGUESE = Half(
    (
        Scene("horário", "hora", ("chama um táxi para as {v}", "Preciso de um táxi às {v}."), "Táxi às {v}.", "taxi", "hora"),
        Scene("destino", "cidade", ("quero viajar para {v}", "Procura um voo para {v}."), "{v}, certo.", "voo", "destino"),
    ),
    (
        Offer(
            "onde posso jantar hoje?",
            "Sugiro {v}.",
            "Reservado: {v}.",
            ("Cantina Bela", "O Pescador", "Sabor Mineiro"),
            "reservar",
            "lugar",
        ),
    ),
    (Fact(("minha irmã mora em {v}",), "minha irmã mora em {v}", "Bela cidade.", ("Recife", "Curitiba", "Manaus")),),
    {"hora": ("7:25", "13:10", "22:00"), "cidade": ("Faro", "Braga", "Évora")},
    ("meu marido", "a chefe"),
    ("Combinado.", "Certo.", "Claro."),
    ("sim, esse", "ótimo, pode ser"),
    """quem descobriu o Brasil | Pedro Álvares Cabral.
estou com frio | Veste um casaco.
como se faz arroz | Uma xícara de arroz para duas de água.
por que o céu é azul? | A luz azul se espalha mais.
meu computador está lento | Reinicia-o primeiro.
valeu mesmo | De nada.""",
)
RUSSIAN = Half(
    (
        Scene(
            "время начала", "clock", ("встреча начнётся в {v}", "Поставь будильник на {v}."), "Принято, {v}.", "set_alarm", "time"
        ),
        Scene(
            "день доставки", "day", ("привезите диван в {v}", "Доставка пусть будет в {v}."), "Доставка в {v}.", "delivery", "day"
        ),
    ),
    (Offer("какой тариф выбрать", "Советую {v}.", "Подключил {v}.", ("Безлимит", "Эконом", "Максимум"), "plan", "name"),),
    (Fact(("мой брат работает в {v}",), "мой брат работает в {v}", "Большая компания.", ("Газпроме", "Яндексе", "Сбере")),),
    {"clock": ("6:40", "12:15", "21:05"), "day": ("понедельник", "четверг", "воскресенье")},
    ("мама", "клиент"),
    ("Ладно.", "Сделаю.", "Принято."),
    ("да, давай", "супер, подойдёт"),
    """кто написал Идиота | Достоевский.
мне холодно | Оденьтесь теплее.
как испечь хлеб? | Мука, вода, дрожжи и терпение.
почему небо голубое | Синий свет рассеивается сильнее.
компьютер тормозит | Закройте лишние вкладки.
большое спасибо | Не за что.""",
)
CHINESE = Half(
    (
        Scene("会议时间", "day", ("会议安排在{v}", "帮我把会议定在{v}"), "会议{v}。", "create_meeting", "time"),
        Scene("口味", "flavor", ("来一杯{v}奶茶", "奶茶要{v}的"), "{v}奶茶。", "order_tea", "flavor"),
        Scene("收货地址", "city", ("把包裹寄到{v}", "快递请送到{v}"), "寄到{v}。", "ship", "address"),
    ),
    (Offer("给妈妈买什么礼物好", "{v}挺合适的，要下单吗？", "{v}已下单。", ("丝巾", "茶具", "按摩仪"), "order", "item"),),
    (Fact(("我哥哥在{v}上班",), "我哥哥在{v}上班", "不错的公司。", ("华为", "小米", "比亚迪")),),
    {"day": ("星期二", "星期四", "星期六"), "flavor": ("草莓味", "抹茶味", "芋头味"), "city": ("武汉", "长沙", "重庆")},
    ("我妈", "经理"),
    ("好的呢。", "收到。", "没问题。"),
    ("好啊，买吧", "行，可以"),
    """红楼梦谁写的 | 曹雪芹。
我好冷 | 多穿点衣服。
怎么蒸鱼 | 水开后蒸八分钟左右。
天为什么是蓝的 | 蓝光更容易散射。
电脑很卡 | 关掉一些程序吧。
多谢 | 应该的。""",
)
JAPANESE = Half(
    (
        Scene(
            "会議の曜日",
            "day",
            ("会議を{v}に入れて", "{v}に会議を設定してください"),
            "会議は{v}ですね。",
            "create_meeting",
            "day",
        ),
        Scene("味", "flavor", ("アイスを{v}味で注文して", "{v}味のアイスが欲しい"), "{v}味ですね。", "order_ice", "flavor"),
        Scene("届け先", "city", ("荷物を{v}に送って", "荷物の配送先は{v}です"), "{v}へ送ります。", "ship", "address"),
    ),
    (
        Offer(
            "母へのプレゼントは何がいい？",
            "{v}はどうでしょう。",
            "{v}を注文しました。",
            ("スカーフ", "花束", "紅茶セット"),
            "order",
            "item",
        ),
    ),
    (Fact(("兄は{v}で働いています",), "兄は{v}で働いています", "大きな会社ですね。", ("ソニー", "トヨタ", "任天堂")),),
    {"day": ("火曜日", "木曜日", "土曜日"), "flavor": ("抹茶", "バニラ", "いちご"), "city": ("札幌", "名古屋", "福岡")},
    ("母", "店長"),
    ("はい、わかりました。", "了解しました。", "承りました。"),
    ("いいね、それで", "はい、それをお願い"),
    """坊っちゃんの作者は | 夏目漱石です。
寒い | 暖かくしてください。
ご飯の炊き方は？ | 米をといで、水を加えて炊きます。
空はなぜ青い | 青い光が散乱しやすいからです。
パソコンが重い | アプリをいくつか閉じましょう。
どうも | いえいえ。""",
)

ABROAD: dict[str, tuple[Half, dict[str, str]]] = {
    "de": (
        GERMAN,
        wordings(
            "stimmt nicht, {new} | oh, {new} bitte",
            "{slot}: bitte {new} statt {old} | trag bei {slot} {new} ein",
            "{old}, ach nee, {new} | {old}, ich meine {new}",
            "dann lieber {new} | nö, was anderes?",
            "{new} wäre mir lieber | {old} geht bei mir nicht, {new}?",
            "tut mir leid, {fact} | es ist {new}, ich habe mich vertan",
            "doch {new} | wir haben uns wegen {slot} umentschieden, {new}",
            "{who} meint, {new} ist richtig | {who} will {new}, nicht {old}",
        ),
    ),
    "fr": (
        FRENCH,
        wordings(
            "attendez, {new} | je me suis trompé, c'est {new}",
            "{slot} : plutôt {new} | corrigez {slot}, c'est {new} et non {old}",
            "{old}, euh, {new} | {old}, enfin {new}",
            "je préfère {new} | ça ne me plaît pas, autre chose ?",
            "{new} m'arrange mieux | remettez ça à {new}",
            "pardon, {fact} | c'est {new}, pas {old}",
            "réflexion faite, {new} | pour {slot}, je prends finalement {new}",
            "{who} préfère {new} | {who} me dit que c'est {new}",
        ),
    ),
    "pt": (
        PORTUGUESE,
        wordings(
            "não, {new} | desculpa, é {new}",
            "muda {slot} para {new} | {slot} é {new}, não {old}",
            "{old}, ou melhor, {new} | {old}, não, {new}",
            "prefiro {new} | não gosto, tem outro?",
            "pode ser {new}? | {old} não dá, {new} é melhor",
            "na verdade {fact} | errei, é {new}",
            "mudei de ideia, {new} em vez de {old} | sobre {slot}, quero {new}",
            "{who} disse {new} | {who} quer {new} e não {old}",
        ),
    ),
    "ru": (
        RUSSIAN,
        wordings(
            "неправильно, {new} | извините, {new}",
            "{slot} должно быть {new} | исправь {slot}: {new}",
            "{old}, то есть {new} | {old}, нет, подожди, {new}",
            "хочу {new} | нет, предложи другое",
            "перенеси на {new} | {new} удобнее",
            "на самом деле {fact} | не {old}, {new}",
            "знаешь, пусть будет {new} | всё же {new}, а не {old}",
            "{who} хочет {new} | {who} написал, что {new}",
        ),
    ),
    "zh": (
        CHINESE,
        wordings(
            "不对不对，{new} | 我要的是{new}",
            "{slot}请改为{new} | 把{slot}从{old}换到{new}",
            "{old}，说错了，{new} | {old}……还是{new}吧",
            "我更喜欢{new} | 不太好，还有什么",
            "{new}更方便 | {old}来不及，改成{new}",
            "更正一下，{fact} | 啊，应该是{new}",
            "我又想了一下，{new}更好 | {slot}不要{old}了，{new}",
            "{who}让我改成{new} | {who}说{old}不对，是{new}",
        ),
    ),
    "ja": (
        JAPANESE,
        wordings(
            "{old}ではなくて、{new}です | あ、{new}でお願いします",
            "{slot}を{new}に直して | {slot}、{new}でお願いできますか",
            "{old}、えっと、{new} | {old}、間違えた、{new}",
            "できれば{new}で | 他のはないですか",
            "{new}の方が都合がいい | {old}は無理になったので、{new}で",
            "すみません、{fact}でした | {new}でした、勘違いです",
            "考え直して、{new}にします | {old}はやめて{new}にしてください",
            "{who}は{new}がいいそうです | {who}によると{new}です",
        ),
    ),
}
