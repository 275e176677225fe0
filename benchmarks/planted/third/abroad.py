"""German, Spanish, Russian, Arabic, Chinese and Japanese talks of this part, see dev/abroad.py."""

from __future__ import annotations

from benchmarks.planted.parts import Fact, Half, Offer, Scene, wordings

GERMAN = Half(
    (
        Scene(
            "Abholzeit",
            "clock",
            ("Taxi zum Bahnhof um {v}", "ich brauche um {v} ein Taxi"),
            "Taxi um {v}.",
            "taxi_bestellen",
            "uhrzeit",
        ),
        Scene(
            "Liefertag",
            "day",
            ("liefern Sie das Sofa am {v}", "Die Lieferung bitte am {v}."),
            "Lieferung am {v}.",
            "lieferung",
            "tag",
        ),
        Scene(
            "Farbe",
            "farbe",
            ("ich hätte das Regal gern in {v}", "Bestell das Regal in {v}."),
            "Das Regal in {v}.",
            "bestellen",
            "farbe",
        ),
    ),
    (
        Offer(
            "wo kann ich übernachten",
            "Das {v} hat noch Zimmer frei.",
            "Gebucht: {v}.",
            ("Hotel Krone", "Gasthof Adler", "Parkhotel"),
            "buchen",
            "hotel",
        ),
    ),
    (Fact(("mein hund heißt {v}",), "mein hund heißt {v}", "Süßer Name.", ("Rex", "Balu", "Emma")),),
    {"clock": ("6:30", "13:45", "21:10"), "day": ("Dienstag", "Donnerstag", "Samstag"), "farbe": ("Eiche", "Anthrazit", "Weiß")},
    ("meine Frau", "der Vermieter"),
    ("In Ordnung.", "Wird gemacht.", "Verstanden."),
    ("ja bitte", "prima, das nehme ich"),
    """wie hoch ist der Eiffelturm | Rund dreihundert Meter.
mein Rücken tut weh | Vielleicht hilft etwas Wärme.
wie schreibt man Rhythmus | R-h-y-t-h-m-u-s.
was koche ich heute? | Wie wäre es mit Linsensuppe?
das Internet ist langsam | Starten Sie den Router neu.
danke dir | Sehr gern.""",
)
SPANISH = Half(
    (
        Scene(
            "hora", "hora", ("pide un taxi a las {v}", "Necesito un taxi para las {v}."), "Taxi a las {v}.", "pedir_taxi", "hora"
        ),
        Scene(
            "destino",
            "lugar",
            ("quiero viajar a {v} en tren", "¿Cuánto cuesta el tren a {v}?"),
            "Tren a {v}.",
            "buscar_tren",
            "destino",
        ),
        Scene(
            "color",
            "color",
            ("quiero la mochila en {v}", "Añade la mochila en {v} al carrito."),
            "La mochila en {v}.",
            "carrito",
            "color",
        ),
    ),
    (
        Offer(
            "busco hotel para el finde",
            "Tengo sitio en {v}. ¿Lo reservo?",
            "Reservado: {v}.",
            ("Hotel Sol", "Posada Real", "Casa Azahar"),
            "reservar",
            "hotel",
        ),
    ),
    (Fact(("mi perro se llama {v}",), "mi perro se llama {v}", "¡Qué bonito!", ("Toby", "Rocco", "Luna")),),
    {"hora": ("6:15", "12:40", "21:30"), "lugar": ("Sevilla", "Málaga", "Toledo"), "color": ("granate", "turquesa", "gris")},
    ("mi marido", "el jefe"),
    ("Entendido.", "Perfecto.", "Claro."),
    ("sí, por favor", "genial, ese mismo"),
    """cuánto mide el Everest | Casi nueve mil metros.
me aburro | ¿Y si das un paseo?
cómo se hace el gazpacho | Con tomate, pepino, pimiento y aceite.
no encuentro mis llaves | Mira en el abrigo de ayer.
qué significa saudade | Es una nostalgia portuguesa.
mil gracias | A ti.""",
)
RUSSIAN = Half(
    (
        Scene(
            "время", "clock", ("закажи такси на {v}", "Нужно такси на {v}, пожалуйста."), "Такси на {v}.", "order_taxi", "time"
        ),
        Scene("день", "day", ("запиши меня к врачу на {v}", "Хочу прийти на стрижку в {v}."), "Записал на {v}.", "book", "day"),
        Scene(
            "город", "city", ("найди билет в {v}", "сколько стоит поезд до {v}"), "Смотрю билеты, {v}.", "find_tickets", "city"
        ),
    ),
    (
        Offer(
            "посоветуй кафе", "Могу предложить {v}.", "Столик заказан: {v}.", ("Пушкин", "Хачапури", "Теремок"), "reserve", "cafe"
        ),
    ),
    (Fact(("мою кошку зовут {v}",), "мою кошку зовут {v}", "Красивое имя.", ("Муся", "Багира", "Соня")),),
    {"clock": ("7:20", "15:30", "19:45"), "day": ("вторник", "четверг", "понедельник"), "city": ("Сочи", "Тбилиси", "Баку")},
    ("жена", "начальник"),
    ("Хорошо.", "Понял.", "Конечно."),
    ("да, подходит", "отлично, беру"),
    """какая высота Эльбруса | Более пяти тысяч метров.
болит голова | Попробуйте отдохнуть и выпить воды.
как варить гречку | Одна часть крупы на две части воды.
что почитать? | Попробуйте Булгакова.
медленный интернет | Перезагрузите роутер.
спасибо | Пожалуйста.""",
)
ARABIC = Half(
    (
        Scene("الموعد", "day", ("احجز لي موعداً يوم {v}", "أريد موعد طبيب الأسنان {v}"), "حسناً، {v}.", "book", "day"),
        Scene("المدينة", "city", ("ابحث عن رحلة إلى {v}", "أريد فندقاً في {v}"), "رحلة إلى {v}.", "search", "city"),
    ),
    (Offer("أين أتعشى الليلة", "أقترح {v}.", "تم الحجز في {v}.", ("مطعم الأرز", "بيت الشام", "النخيل"), "reserve", "place"),),
    (Fact(("أختي تسكن في {v}",), "أختي تسكن في {v}", "مدينة جميلة.", ("عمان", "بيروت", "تونس")),),
    {"day": ("الاثنين", "الأربعاء", "الخميس"), "city": ("دبي", "القاهرة", "مراكش")},
    ("زوجتي", "المدير"),
    ("تم.", "مفهوم.", "بالتأكيد."),
    ("نعم، هذا", "ممتاز"),
    """كيف الطقس اليوم | مشمس قليلاً.
كيف أطبخ الأرز | كوب أرز وكوبان من الماء.
رأسي يؤلمني | اشرب ماء واسترح.
اقترح كتاباً | جرّب رواية لنجيب محفوظ.
الإنترنت بطيء | أعد تشغيل الجهاز.
شكراً | عفواً.""",
)
CHINESE = Half(
    (
        Scene("时间", "clock", ("帮我叫{v}的出租车", "明天{v}叫醒我"), "好的，{v}。", "set_time", "time"),
        Scene("颜色", "color", ("我要{v}的那件外套", "外套给我来{v}的"), "{v}的外套。", "order", "color"),
        Scene("目的地", "city", ("我打算去{v}旅游", "订一张到{v}的火车票"), "{v}，好的。", "book_trip", "city"),
        Scene("人数", "people", ("订一桌，{v}", "我们{v}吃饭，帮忙订位"), "{v}，明白。", "reserve", "people"),
    ),
    (Offer("今晚看什么电影", "《{v}》评价不错。", "已经选好《{v}》。", ("流浪地球", "霸王别姬", "大鱼海棠"), "play", "title"),),
    (Fact(("我家狗叫{v}",), "我家狗叫{v}", "真可爱。", ("旺财", "豆豆", "小黑")),),
    {
        "clock": ("七点半", "八点", "九点一刻"),
        "color": ("红色", "蓝色", "灰色"),
        "city": ("南京", "大连", "昆明"),
        "people": ("三个人", "五个人", "八个人"),
    },
    ("我老公", "客户"),
    ("没问题。", "明白了。", "好。"),
    ("行，就它吧", "可以的"),
    """地球有多大 | 直径约一万两千多公里。
我失眠了 | 睡前少看手机。
怎么做番茄炒蛋 | 先炒蛋，再炒番茄。
路由器坏了 | 先重启试试。
鲸鱼是鱼吗 | 不是，是哺乳动物。
太感谢了 | 不用谢。""",
)
JAPANESE = Half(
    (
        Scene("時間", "clock", ("{v}にタクシーを呼んで", "明日は{v}に起こしてください"), "{v}ですね。", "set_time", "time"),
        Scene("色", "color", ("{v}のコートを注文したい", "コートは{v}でお願いします"), "{v}のコートですね。", "order", "color"),
        Scene(
            "人数", "people", ("{v}で居酒屋を予約して", "夕食は{v}です、席をお願いします"), "{v}様ですね。", "reserve", "people"
        ),
    ),
    (
        Offer(
            "週末に泊まる宿を探して",
            "{v}が空いております。",
            "{v}を手配しました。",
            ("花の宿", "海風荘", "山水館"),
            "book_inn",
            "inn",
        ),
    ),
    (Fact(("うちの犬は{v}といいます",), "うちの犬は{v}といいます", "かわいい名前ですね。", ("ハナ", "モモ", "コタロウ")),),
    {"clock": ("七時半", "九時", "十時十五分"), "color": ("赤", "紺色", "グレー"), "people": ("三名", "五名", "八名")},
    ("夫", "部長"),
    ("かしこまりました。", "わかりました。", "はい。"),
    ("はい、お願いします", "それにします"),
    """月までの距離は？ | およそ三十八万キロです。
眠れない | 寝る前のスマホを控えましょう。
味噌汁の作り方は | だしに具と味噌を入れます。
ネットが遅い | ルーターを再起動してください。
クジラは魚？ | いいえ、哺乳類です。
助かりました | お役に立ててよかったです。""",
)

ABROAD: dict[str, tuple[Half, dict[str, str]]] = {
    "de": (
        GERMAN,
        wordings(
            "Moment, {new} | das war falsch, ich brauche {new}",
            "bitte {slot} korrigieren: {new} | {slot} soll {new} sein",
            "{old}, halt, {new} | {old}, Entschuldigung, {new}",
            "ne, {new} wäre besser | das gefällt mir nicht, etwas anderes?",
            "mir passt {new} besser | können wir das auf {new} legen?",
            "Korrektur: {fact} | sorry, ich hab mich vertippt, {new}",
            "nochmal wegen {slot}: lieber {new} | ich nehme doch {new} und nicht {old}",
            "{who} möchte lieber {new} | {who} hat angerufen, {new} statt {old}",
        ),
    ),
    "es": (
        SPANISH,
        wordings(
            "espera, {new} | me he equivocado, {new}",
            "corrige {slot}: {new} | {slot} debe ser {new}, no {old}",
            "{old}, no, espera, {new} | {old}, mejor dicho {new}",
            "prefiero {new} | ese no, busca otro",
            "me viene mejor {new} | ¿podemos cambiarlo a {new}?",
            "perdona, {fact} | no es {old}, es {new}",
            "he cambiado de idea con {slot}: {new} | mejor {new} que {old}",
            "{who} prefiere {new} | según {who}, {new} y no {old}",
        ),
    ),
    "ru": (
        RUSSIAN,
        wordings(
            "нет, {new} | ой, не {old}, а {new}",
            "поменяй {slot} на {new} | {slot}: {new}, не {old}",
            "{old}, ой, нет, {new} | {old}, точнее {new}",
            "нет, лучше {new} | не нравится, что ещё есть?",
            "давайте лучше {new} | {old} не получается, можно {new}?",
            "ошибся, {fact} | я имел в виду {new}",
            "передумал, {new} вместо {old} | насчёт {slot}: всё-таки {new}",
            "{who} говорит, что {new}, а не {old} | {who} просит {new}",
        ),
    ),
    "ar": (
        ARABIC,
        wordings(
            "لا، {new} | عفواً، ليس {old} بل {new}",
            "غيّر {slot} إلى {new} | {slot} هو {new} وليس {old}",
            "{old}، لا، {new} | {old}، عفواً، {new}",
            "لا، أفضل {new} | لا يعجبني، هل هناك غيره؟",
            "هل يمكن تغييره إلى {new}؟ | {old} لا يناسبني، {new} أفضل",
            "في الحقيقة {fact}، ليس {old} | أقصد {new}",
            "غيرت رأيي، {new} بدلاً من {old} | بخصوص {slot}، أريد {new}",
            "{who} يقول {new} وليس {old} | حسب {who} الصحيح {new}",
        ),
    ),
    "zh": (
        CHINESE,
        wordings(
            "等一下，应该是{new} | 错了，{new}",
            "{slot}改一下，{new} | {slot}应该是{new}才对",
            "{old}，不，{new} | {old}，等等，还是{new}吧",
            "换{new}吧 | 这个不行，换一个",
            "{new}可以吗？{old}我有事 | 麻烦推迟到{new}",
            "说错了，{fact} | 不对，是{new}，我记错了",
            "关于{slot}，我想换成{new} | 还是要{new}吧，{old}算了",
            "{who}说要{new} | {who}觉得{old}不好，要{new}",
        ),
    ),
    "ja": (
        JAPANESE,
        wordings(
            "違います、{new}です | すみません、{new}でした",
            "{slot}は{new}にしてください | {slot}を{old}から{new}に変更で",
            "{old}、あ、違う、{new} | {old}、じゃなくて、{new}",
            "{new}のほうがいいです | それはちょっと…別のはありますか",
            "{old}は都合が悪いので{new}にできますか | {new}に変更できますか",
            "訂正します、{fact} | 言い間違えました、{new}です",
            "さっきの{slot}ですが、{new}にしたいです | やはり{old}より{new}がいいです",
            "{who}が{new}がいいと言うので | {who}に聞いたら{new}でした、{old}ではなく",
        ),
    ),
}
