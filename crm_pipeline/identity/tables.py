"""The temporary tables of a resolution: what each holds, which module makes it, which read it.

They are the state of the stage while it runs; frames that one function registers and takes away again are not listed.
What the run before left is there as `known_` and the name of a table of `memory`.
"""

from typing import NamedTuple


class Temporary(NamedTuple):
    """What a table holds, the module that makes it, and the others that read it: none where its maker alone does."""

    holds: str
    made_by: str
    read_by: tuple[str, ...]


TABLES: dict[str, Temporary] = {
    "present": Temporary(
        "each record of staging: when it came, and a hash of all that is read of it",
        "changes",
        ("memory", "normalise", "resolve"),
    ),
    "dirty": Temporary(
        "the records that are looked at, and those that are gone",
        "changes",
        ("memory", "normalise", "outputs", "profiles"),
    ),
    "outside": Temporary(
        "values that stay silent: what the records that are not looked at add to them",
        "changes",
        ("memory", "normalise", "profiles", "rules"),
    ),
    "records": Temporary(
        "the records that are looked at, numbered so that a group's founding record has the smallest number",
        "normalise",
        ("bridges", "changes", "contradictions", "people", "profiles", "resolve", "review", "rules"),
    ),
    "texts": Temporary("what they give, as it is written, with the region of phone numbers", "normalise", ()),
    "phone_texts": Temporary("the distinct telephone numbers among it, as they are written", "normalise", ()),
    "read_phones": Temporary("how each was read", "normalise", ("memory",)),
    "identifiers": Temporary(
        "the values that they give, normalised, and why one is unusable",
        "normalise",
        ("changes", "contradictions", "profiles", "resolve", "rules"),
    ),
    "read_profiles": Temporary("their names, birth dates and addresses, as they are compared", "profiles", ()),
    "profiles": Temporary(
        "these and the profiles of all other records",
        "profiles",
        ("bridges", "candidates", "contradictions", "memory", "probability"),
    ),
    "fresh": Temporary("records whose profile is new or has changed", "profiles", ("candidates",)),
    "stale": Temporary("records whose profile has gone or changed", "profiles", ("candidates", "resolve")),
    "fresh_blocks": Temporary("what the fresh profiles are found by", "candidates", ()),
    "blocks": Temporary("what all profiles are found by", "candidates", ("memory",)),
    "changed_blocks": Temporary("how many records each changed block had and has", "candidates", ()),
    "members": Temporary(
        "the profiles of changed blocks that are not crowded, and whether one is new in it", "candidates", ()
    ),
    "filled": Temporary("blocks that have become crowded", "candidates", ()),
    "pairs": Temporary("the pairs of profiles that are to be scored", "candidates", ("probability", "resolve")),
    "lost": Temporary("scored pairs that share no block any more", "candidates", ("resolve",)),
    "training_profiles": Temporary("profiles that the model is trained on", "probability", ()),
    "frequencies_": Temporary(
        "of one compared column, how often each value was when the model was trained", "probability", ()
    ),
    "paired": Temporary("the profiles of the pairs", "probability", ()),
    "blocked": Temporary("the pairs as Splink names them", "probability", ()),
    "found": Temporary("the pairs just scored, from the review threshold on", "probability", ("resolve",)),
    "scores": Temporary("these and the pairs scored before that still hold", "resolve", ("contradictions", "memory")),
    "scored": Temporary(
        "the same by number of record, and whether names contradict each other", "contradictions", ("changes", "review")
    ),
    "shared": Temporary(
        "values on several records, numbered, and how many people outside carry each",
        "rules",
        ("contradictions", "people"),
    ),
    "together": Temporary(
        "pairs that share a household's value under which some names contradict each other",
        "contradictions",
        ("rules",),
    ),
    "together_by_links": Temporary(
        "pairs of profiles of groups in which links do not join all of them directly", "bridges", ()
    ),
    "silent": Temporary(
        "who carries a value that is on many records and links none of them", "rules", ("changes", "memory")
    ),
    "keys": Temporary("hashes of the values by which a change reaches other records", "changes", ("memory",)),
    "components": Temporary(
        "for each record its component: all that a change of one of them may change", "changes", ("memory",)
    ),
    "products": Temporary("the products of all sources, as they are compared", "product_texts", ("products",)),
    "claims": Temporary("what each product carries that may join it to others", "products", ()),
    "claimed": Temporary("the values that several products carry, and why one joins nothing", "products", ()),
    "replaced": Temporary("records of the run before whose person is looked at again", "outputs", ()),
    "listed": Temporary("the conflicts of all records", "outputs", ("memory",)),
    "known_records": Temporary("records of the run before, with hash and component", "memory", ("changes",)),
    "known_keys": Temporary("their keys", "memory", ("changes",)),
    "known_blocks": Temporary("their blocks", "memory", ("candidates",)),
    "known_silent": Temporary("their silent values", "memory", ("changes",)),
    "known_phones": Temporary("how their telephone numbers were read", "memory", ("normalise",)),
    "known_profiles": Temporary("their profiles", "memory", ("profiles",)),
    "known_scores": Temporary("their scored pairs", "memory", ("candidates", "probability", "resolve")),
    "known_conflicts": Temporary("their conflicts", "memory", ("outputs",)),
}
