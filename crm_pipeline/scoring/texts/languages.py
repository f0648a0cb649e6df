"""Which language a text is in: by its script, and in Latin letters by frequent words of English and of other languages.

What is neither English nor Chinese is `other`, and nobody here reads it: better no sentiment than one that was guessed.
"""

OTHER = "other"

_ENGLISH = (
    "the and is was my it of to you not have for with this but are very what when has your i that be like just they "
    "too or great at would can if one really more out small because had little these don about than good perfect "
    "get got "
    "much there think from looks back even which only still we he she do does did been will again never after before "
    "works work arrived love loved nice bad worst thank thanks please order ordered price money easy use awesome "
    "excellent terrible horrible item received quality delivery fit size"
)
_SHARED = " a in on so as has no me all an by up out off any then here now product service phone"
# English words that other languages know too, or that are rare: enough to tell that a text is English after all.
_OTHERS = (
    # Portuguese
    "o que de é e não nao eu com da um pra na tem se mais uma muito em só foi já os por mas como ser melhor bem está "
    "ele ela isso minha meu nem quando vou sem tudo produto entrega chegou gostei recomendo bom boa ótimo otimo "
    "péssimo "
    "pessimo loja prazo compra comprei veio obrigado obrigada você voce até ao dos pelo são ainda hoje agora quero "
    # Spanish
    "y la el en es lo un pero con los para yo las ya si te al muy más tengo del estoy todo hoy porque tu bueno buena "
    "mejor día soy eso hay así tan son esta qué siempre nada ni su puedo este gracias llegó calidad envío malo mala "
    "tienda recomiendo contento "
    # French
    "le les des et du au est une pour sur avec dans je ne il elle nous vous ce cette mon ma très tres bien produit "
    "livraison qualité reçu recu colis merci bon bonne mais tout qui ça trop déçu decu parfait rapide conforme "
    "commande pas mes ses aux même sont "
    # German
    "ich nicht das der aus mit auch zu den für aber von auf bei ein eine mehr noch mich gut dem sind ist nur dann sich "
    "keine kein nach zum als wenn wieder sehr schnell qualität lieferung und wie leider schlecht danke gerne immer bin "
    "habe hat wurde gekommen bestellt geliefert mir wir ihr über "
    # Italian, Dutch, Nordic languages, Polish, Turkish, Indonesian
    "di che non per molto è sono ho prodotto ottimo buono spedizione consegna arrivato grazie della anche più perfetto "
    "het een niet van ik voor goed heel geen snel zijn mooi och inte det jeg og jag är på att ikke meget mycket bra "
    "nie jest się bardzo polecam szybko çok ve bir güzel ürün değil bagus barang tidak sangat yang dan pengiriman"
)
# Words of one letter or two that English knows too do not stand here; letters that English has not count as a word.
_ACCENTED = r"[\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{24F}\x{1E00}-\x{1EFF}\x{BF}\x{A1}]"
_WORDS_WITHOUT_ENGLISH = 6
"""So many words among which there is no frequent English one are not English."""


def _count(pattern: str) -> str:
    return f"len(regexp_extract_all(lower(body), '{pattern}'))"


def _any_of(words: str) -> str:
    return rf"\b({'|'.join(dict.fromkeys(words.split()))})\b"


_HAN, _LATIN, _LETTERS = _count(r"\p{Han}"), _count(r"\p{Latin}"), _count(r"\p{L}")
_WORDS = _count(r"\p{L}{2,}")
_ENGLISH_WORDS, _OTHER_WORDS = _count(_any_of(_ENGLISH)), _count(_any_of(_OTHERS))
_ANY_ENGLISH = f"regexp_matches(lower(body), '{_any_of(_ENGLISH + _SHARED)}')"
# Counting letters of a script is slow: not where all are ASCII, whose bytes are as many as its characters.
_BEYOND_ASCII = "strlen(body) > length(body)"
LANGUAGE = f"""
    case
        when {_BEYOND_ASCII} and regexp_matches(body, '[\\p{{Hiragana}}\\p{{Katakana}}\\p{{Hangul}}]') then '{OTHER}'
        when {_BEYOND_ASCII} and {_HAN} * 5 > {_LATIN} then 'zh'
        when {_BEYOND_ASCII} and {_LATIN} * 2 <= {_LETTERS} then '{OTHER}'
        when not regexp_matches(body, '\\p{{L}}') then '{OTHER}'
        when {_OTHER_WORDS} + case when {_BEYOND_ASCII} then {_count(_ACCENTED)} else 0 end > {_ENGLISH_WORDS}
            then '{OTHER}'
        when not {_ANY_ENGLISH} and {_WORDS} >= {_WORDS_WITHOUT_ENGLISH} then '{OTHER}'
        else 'en'
    end
"""
"""SQL of the language of a column `body`: en, zh or other."""
