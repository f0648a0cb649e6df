"""What the company sells: one assortment, which each source system numbers and names in its own way."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FOOD = "Food"
HOMEWARE = "Homeware"
# Category, department, lowest and highest price in pence (before tax), what is sold.
CATEGORIES: tuple[tuple[str, str, int, int, str], ...] = (
    ("Tea and coffee", FOOD, 320, 1490, "Breakfast Tea|Earl Grey|Green Tea|Espresso Beans|Filter Coffee|Cocoa"),
    ("Preserves", FOOD, 290, 890, "Marmalade|Raspberry Jam|Honey|Chutney|Mustard|Lemon Curd"),
    ("Bakery", FOOD, 180, 690, "Sourdough|Rye Loaf|Shortbread|Oatcakes|Fruit Cake|Ginger Biscuits"),
    ("Deli", FOOD, 350, 2450, "Cheddar|Smoked Salmon|Olives|Olive Oil|Chorizo|Hamper"),
    ("Kitchen", HOMEWARE, 450, 5900, "Mixing Bowl|Chopping Board|Saucepan|Teapot|Knife|Casserole Dish"),
    ("Tableware", HOMEWARE, 390, 3900, "Mug|Dinner Plate|Bowl|Glass Tumbler|Serving Platter|Jug"),
    ("Textiles", HOMEWARE, 690, 7900, "Tea Towel|Apron|Cushion|Throw|Table Cloth|Bath Towel"),
    ("Candles", HOMEWARE, 450, 3200, "Votive|Pillar Candle|Scented Candle|Diffuser|Lantern|Candle Holder"),
    ("Garden", HOMEWARE, 390, 6900, "Plant Pot|Trowel|Watering Can|Bird Feeder|Seed Box|Garden Twine"),
    ("Gifts", HOMEWARE, 250, 2900, "Greeting Cards|Gift Wrap|Notebook|Toy Boat|Soap Set|Picture Frame"),
)
RANGES = ("Harbour", "Finch")
# Who buys the first often takes the second of the same range with it.
# What a box or bottle holds, as the label says it; the till has no room for the unit's blank.
SIZES = {
    "Breakfast Tea": "80 bags", "Earl Grey": "50 bags", "Green Tea": "50 bags", "Espresso Beans": "1 kg",
    "Filter Coffee": "500 g", "Cocoa": "250 g", "Marmalade": "340 g", "Raspberry Jam": "340 g", "Honey": "454 g",
    "Chutney": "280 g", "Mustard": "185 g", "Lemon Curd": "312 g", "Olive Oil": "750 ml", "Cheddar": "350 g",
    "Smoked Salmon": "200 g", "Olives": "290 g", "Chorizo": "225 g", "Soap Set": "3 pcs", "Greeting Cards": "10 pcs",
    "Votive": "6 pcs", "Diffuser": "100 ml", "Garden Twine": "100 m",
}  # fmt: skip
TILL_WORDS = {
    "Harbour": "HBR", "Finch": "FNCH", "Breakfast": "BRKFST", "Chopping": "CHOP", "Board": "BRD", "Biscuits": "BISC",
    "Casserole": "CASS", "Serving": "SERV", "Platter": "PLTR", "Tumbler": "TMBLR", "Greeting": "GRTG", "Picture": "PIC",
    "Watering": "WTRG", "Scented": "SCNT", "Candle": "CNDL", "Raspberry": "RASP", "Espresso": "ESPR", "Smoked": "SMKD",
    "Mixing": "MIX", "Sourdough": "SOURDGH", "Shortbread": "SHRTBRD",
}  # fmt: skip
# A till prints so many letters.
TILL_ROOM = 20
# Bar codes begin with what GS1 keeps for examples; what the company bakes itself has a number of its own for scanners.
EXAMPLE_PREFIX, IN_HOUSE_PREFIX = "952098760", "200000760"
# The brand as the till's buyers keyed it over the years.
TILL_MAKERS = {
    "Harbour": ("HARBOUR MADE", "Harbour Made Ltd", "HARBOUR", ""),
    "Finch": ("FINCH MADE", "Finch-Made", "FINCH", ""),
}
MAKERS_KEYED = (0.6, 0.2, 0.12, 0.08)
AFFINITIES = {
    "Earl Grey": "Teapot",
    "Espresso Beans": "Mug",
    "Cheddar": "Chutney",
    "Plant Pot": "Trowel",
    "Greeting Cards": "Gift Wrap",
    "Cushion": "Throw",
}


def make_assortment(rng: np.random.Generator) -> pd.DataFrame:
    """Draw the products, sorted by category and price.

    Returns:
        One row per product: category (number), category_path, name, brand, price and cost in pence, taxed, and what
        each source system writes (till_id, till_name, till_group, till_maker; shop_id, shop_name), beside the bar code
        (ean) that both print.
    """
    rows = []
    for number, (category, department, low, high, nouns) in enumerate(CATEGORIES):
        items = [(noun, brand) for noun in nouns.split("|") for brand in RANGES]
        prices = np.exp(rng.uniform(np.log(low), np.log(high), len(items))) / 50
        for (noun, brand), price in zip(items, np.sort(prices).round().astype(int) * 50 - 5, strict=True):
            rows.append((number, f"{department} > {category}", f"{brand} {noun}", f"{brand} Made", int(price)))
    products = pd.DataFrame(rows, columns=["category", "category_path", "name", "brand", "price"])
    products["taxed"] = products["category_path"].str.startswith(HOMEWARE)
    margin = np.where(products["taxed"], 0.48, 0.32) + rng.uniform(-0.08, 0.08, len(products))
    products["cost"] = (products["price"] * (1 - margin)).round().astype(int)
    products["till_id"] = [str(number) for number in rng.choice(90_000, len(products), replace=False) + 10_000]
    codes = products["category_path"].str.split(" > ").str[1].str[:3].str.upper()
    products["shop_id"] = [f"HF-{code}-{place:03d}" for place, code in enumerate(codes, start=1)]
    is_baked = products["category_path"].str.endswith("Bakery")
    prefixes = np.where(is_baked, IN_HOUSE_PREFIX, EXAMPLE_PREFIX)
    products["ean"] = [_with_check_digit(f"{prefix}{place:03d}") for place, prefix in enumerate(prefixes, start=1)]
    _name_in_systems(products, rng)
    return products


def _with_check_digit(digits: str) -> str:
    total = sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _name_in_systems(products: pd.DataFrame, rng: np.random.Generator) -> None:
    """Add each system's own spelling: the till shortens, in capitals; the shop writes what sells."""
    words = products["name"].str.split(" ")
    brand, noun = words.str[0], words.str[1:].str.join(" ")
    size = noun.map(SIZES).fillna("")
    keyed = pd.Series([" ".join(TILL_WORDS.get(word, word) for word in named) for named in words])
    products["till_name"] = (keyed + " " + size.str.replace(" ", "")).str.upper().str[:TILL_ROOM].str.strip()
    # The till knows groups by number: 1xx food, 2xx homeware.
    department = np.where(products["taxed"], 200, 100)
    products["till_group"] = (department + 10 * products["category"]).astype(str).astype(object)
    makers = rng.choice(len(MAKERS_KEYED), len(products), p=MAKERS_KEYED)
    products["till_maker"] = [TILL_MAKERS[name][way] for name, way in zip(brand, makers, strict=True)]
    sized = noun + (", " + size).where(size != "", "")
    way = rng.integers(0, 3, len(products))
    forms = [brand + " " + sized, sized + " – " + brand + " Collection"]  # noqa: RUF001
    products["shop_name"] = np.select([way == 0, way == 1], forms, "The " + brand + " " + sized)


def companions(products: pd.DataFrame) -> NDArray[np.int64]:
    """Return for each product the row of the one that is often bought with it, or -1."""
    row_of = {name: row for row, name in enumerate(products["name"])}
    pairs = {f"{brand} {one}": row_of[f"{brand} {other}"] for one, other in AFFINITIES.items() for brand in RANGES}
    return np.array([pairs.get(name, -1) for name in products["name"]])
