"""The SQL that brings e-mail addresses as people and programs export them into one form: `ann@shop.example`.

A field may hold a name beside the address (`Ann <ann@shop.example>`), a `mailto:`, quotes, a final dot, signs that
nobody sees, full-width letters, or several addresses, of which the first one counts. What holds no address stays.
"""

from crm_pipeline.storage.sql import literal

#: Signs that are not seen: soft hyphens, zero-width blanks and joiners, marks of direction, byte order marks.
_UNSEEN = "".join(
    map(chr, (0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)
#: Signs that mean the same as plain ones: full-width forms, blanks, full stops, commas and quotation marks.
_ALIKE = (
    ("".join(map(chr, range(0xFF01, 0xFF5F))), "".join(map(chr, range(0x21, 0x7F)))),
    ("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " " * 7),
    ("\u3002\uff61\u3001\uff64\ufe6b", "..,,@"),
    ("\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb", "''" + '"' * 5),
)
_PLAIN = "(?i)[a-z0-9._%+-]+@[a-z0-9-]+([.][a-z0-9-]+)+"
# Signs that divide an address from what stands beside it; an apostrophe or a slash may be part of its name.
_DIVIDES = r"\s<>()\[\]{},;:|\\" + '"'
_ENDS = _DIVIDES + "'/?&!*"
_NAME, _LABEL = rf"[^@'/{_DIVIDES}][^@{_DIVIDES}]*", rf"[^@.{_ENDS}]+"
# Before an address stands nothing, or a name or a word that a sign divides from it: of `ann smith@shop.example`, the
# second part would be the address of somebody else.
_FIRST = (
    r"""^(?:[^@]*[<:,;|\r\n])?[\s"'(\[{,;/|]*"""
    rf"({_NAME}[ \t]*@[ \t]*{_LABEL}(?:[.]{_LABEL})+)[.]*(?:$|[{_ENDS}])"
)


def address(text: str) -> str:
    """Return SQL for the first address in a text; the text in lower case where it holds none, null if nothing is left.

    Args:
        text: SQL of the trimmed text.
    """
    signs, meant = ("".join(signs) for signs in zip(*_ALIKE, strict=True))
    # What `translate` finds no counterpart for, it leaves out.
    plain = f"translate({text}, {literal(signs + _UNSEEN)}, {literal(meant)})"
    seen = f"lower(case when regexp_matches({text}, '[^\\x00-\\x7f]') then {plain} else {text} end)"
    first = f"regexp_extract(t, {literal(_FIRST)}, 1)"
    return f"""case when regexp_full_match({text}, '{_PLAIN}') then lower({text})
        else list_transform([{seen}], lambda t: case when {first} = '' then nullif(trim(t), '')
            else regexp_replace({first}, '[ \\t]', '', 'g') end)[1] end"""
