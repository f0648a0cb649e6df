"""What invented people write: to the help desk, into surveys and on social networks, in English and Chinese.

Each table maps a kind to the parts of a text; `wording.compose_by` joins one phrase of each part.
"""

# Chinese has its own commas and full stops.
# ruff: noqa: RUF001
from crm_pipeline.sample.channels.wording import Parts

ENGLISH, CHINESE = "en", "zh"
GOOD, BAD, FAIR = "good", "bad", "fair"

_PROBLEMS = {
    ENGLISH: {
        "delivery": ("my parcel has not arrived", "the delivery is late", "the courier left nothing at the door"),
        "damaged": ("the teapot came in pieces", "the box was crushed", "a glass arrived broken"),
        "wrong item": ("I was sent somebody else's order", "the colour is not the one I chose", "one item is missing"),
        "refund": ("I am waiting for my refund", "the money for my return has not come", "the refund is too small"),
        "billing": ("I was charged twice", "the discount was not taken off", "I need an invoice with my address"),
        "product": (
            "is the casserole safe on induction",
            "when is the throw back in stock",
            "has the jam nuts in it",
        ),
        "account": ("I cannot log in", "I would like to change my e-mail", "my points do not show"),
        "other": ("I have a question", "I need some help", "please call me back"),
    },
    CHINESE: {
        "delivery": ("包裹还没有收到", "送货晚了好几天", "快递没有把货送到门口"),
        "damaged": ("茶壶到货时已经碎了", "纸箱被压坏了", "有一个杯子破了"),
        "wrong item": ("收到的是别人的订单", "颜色跟我选的不一样", "少了一件商品"),
        "refund": ("退款一直没有到账", "退货的钱还没收到", "退款金额不对"),
        "billing": ("我被重复扣款了", "折扣没有算进去", "需要一张写明地址的发票"),
        "product": ("这个炖锅可以用电磁炉吗", "毯子什么时候补货", "果酱里有没有坚果"),
        "account": ("我登录不了账户", "想换一个邮箱", "积分没有显示"),
        "other": ("有个问题想请教", "需要帮忙", "请回电"),
    },
}
_OPENINGS = {
    ENGLISH: ("Hello, ", "Good morning, ", "Hi there, ", "Dear team, ", ""),
    CHINESE: ("你好，", "您好，", "客服你好，", "请问一下，", ""),
}
_DETAILS = {
    ENGLISH: (". I ordered last week", ". It was meant as a gift", ". I have looked on your site already", ""),
    CHINESE: ("。我上周下的单", "。这是准备送人的", "。网站上我已经看过了", ""),
}
_ENDINGS = {
    (ENGLISH, GOOD): (". Thank you for your help.", ". Many thanks!", ". No hurry.", ". Thanks in advance."),
    (ENGLISH, BAD): (
        ". Nobody answers me. This is unacceptable!",
        ". I am really disappointed.",
        ". I have written three times and I am angry.",
        ". If this goes on I shall shop elsewhere.",
    ),
    (CHINESE, GOOD): ("。谢谢你们的帮助。", "。麻烦了，多谢！", "。不着急。", "。先谢谢了。"),
    (CHINESE, BAD): (
        "。一直没人回复，太差劲了！",
        "。真的很失望。",
        "。已经写了三次，非常生气。",
        "。再这样我就去别家买了。",
    ),
}
_SUBJECTS = {
    ENGLISH: (("Question: ", "Help: ", "Re: ", ""),),
    CHINESE: (("咨询：", "求助：", "关于：", ""),),
}


def ticket_subjects() -> dict[str, Parts]:
    """Return the parts of subject lines by `language|category`."""
    return {
        f"{language}|{category}": (*_SUBJECTS[language], problems)
        for language, categories in _PROBLEMS.items()
        for category, problems in categories.items()
    }


def ticket_bodies() -> dict[str, Parts]:
    """Return the parts of messages to the help desk by `language|category|tone` (good or bad)."""
    return {
        f"{language}|{category}|{tone}": (
            _OPENINGS[language],
            problems,
            _DETAILS[language],
            _ENDINGS[language, tone],
        )
        for language, categories in _PROBLEMS.items()
        for category, problems in categories.items()
        for tone in (GOOD, BAD)
    }


CATEGORIES = frozenset(_PROBLEMS[ENGLISH])

# Comments in surveys, by `language|tone`.
COMMENTS: dict[str, Parts] = {
    f"{ENGLISH}|{GOOD}": (
        ("Lovely shop", "Great quality", "Quick delivery", "Friendly staff", "Always a pleasure", "Beautiful things"),
        (", ", " and ", ": "),
        ("well packed", "fair prices", "I will come back", "my friends love it too", "nothing to add", "thank you"),
        (".", "!", ""),
    ),
    f"{ENGLISH}|{FAIR}": (
        ("It was all right", "Fine overall", "Good things", "As expected", "Not bad"),
        (", but ", ", though "),
        (
            "a little dear",
            "delivery could be faster",
            "the site is slow",
            "too much packaging",
            "few sizes",
        ),
        (".", ""),
    ),
    f"{ENGLISH}|{BAD}": (
        ("Very disappointed", "Never again", "Poor service", "Too slow", "A waste of money", "Nobody helped me"),
        (", ", ": ", " because "),
        ("it came broken", "no answer for days", "the refund took weeks", "it was the wrong item", "nobody cared"),
        (".", "!", ""),
    ),
    f"{CHINESE}|{GOOD}": (
        ("店铺很棒", "质量很好", "送货很快", "服务态度好", "东西很漂亮"),
        ("，",),
        ("包装仔细", "价格合理", "下次还会来", "朋友也喜欢", "非常满意"),
        ("。", "！"),
    ),
    f"{CHINESE}|{FAIR}": (
        ("还可以", "总体不错", "跟预期差不多", "东西还行"),
        ("，就是", "，不过"),
        ("有点贵", "送货可以再快一点", "网站有点慢", "包装太多", "尺寸选择少"),
        ("。", ""),
    ),
    f"{CHINESE}|{BAD}": (
        ("非常失望", "不会再来了", "服务太差", "太慢了", "浪费钱"),
        ("，",),
        ("收到时已经坏了", "好几天没人回复", "退款等了几个星期", "发错了货", "没人负责"),
        ("。", "！"),
    ),
}

# Posts, by `language|tone`.
POSTS: dict[str, Parts] = {
    f"{ENGLISH}|{GOOD}": (
        ("Just unpacked my ", "In love with the ", "Sunday morning with the ", "So happy with my "),
        ("new mug", "garden lantern", "tea from Harbour & Finch", "cushion", "gift box", "marmalade"),
        (" 😍", "!", " ☕", ", highly recommended", ""),
        (" #harbourfinch", ""),
    ),
    f"{ENGLISH}|{BAD}": (
        ("Second time that ", "Seriously? ", "Warning: ", "Not impressed: "),
        ("my order is late", "the parcel came broken", "customer service ignores me", "the refund is missing"),
        (" 😡", "!", ". Avoid.", ", what a shame", ""),
        (" @harbourfinch", ""),
    ),
    f"{CHINESE}|{GOOD}": (
        ("刚拆开", "太喜欢", "周末早上用", "开心收到"),
        ("新杯子", "花园灯笼", "港湾雀的茶", "靠垫", "礼盒", "橘子酱"),
        ("😍", "！", "，强烈推荐", ""),
        (" #港湾雀", ""),
    ),
    f"{CHINESE}|{BAD}": (
        ("第二次了，", "真的吗？", "避雷：", "不太满意："),
        ("订单又晚了", "包裹到手就碎了", "客服不理人", "退款不见了"),
        ("😡", "！", "，大家小心", ""),
        (" @港湾雀", ""),
    ),
}
