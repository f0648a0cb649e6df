"""What the flow has to know of a channel beside its columns: the property `flow` of its contract.

The models of dbt loop over it (by a macro made from the contracts), and so do the documents and the tests: a further
channel is named in its contract, its staging model and its fact, and nowhere else.
"""

from typing import Any, Literal

from crm_pipeline.config.strict import Strict

LAST = 1000
"""Place of a channel whose contract gives it none: after those that have one."""


class Person(Strict):
    """Somebody whom a row names: the columns of the contract that say who, and the moment from which on they are known.

    Staging holds them as `record_id`, `loyalty_id`, `email` and `phone`, each with the `role` before it where the row
    names several people.
    """

    role: str = ""
    customer_id: str | None = None
    loyalty_id: str | None = None
    email: str | None = None
    phone: str | None = None
    known_at: str | None = None

    @property
    def prefix(self) -> str:
        """What the names of the person's columns begin with in staging and in the fact."""
        return f"{self.role}_" if self.role else ""

    @property
    def identifiers(self) -> list[str]:
        """What the row gives to recognise the person by, beside an id of its system."""
        return [name for name in ("loyalty_id", "email", "phone") if getattr(self, name)]


class Value(Strict):
    """One value for all rows, in place of a column."""

    value: str


class Touch(Strict):
    """A contact of a person with the company, as the fact tells it.

    `moment`, `reference` (the source's name for it) and `over` (the contact channel) are columns of the fact; `where`
    is a condition on it.
    """

    kind: str
    direction: Literal["inbound", "outbound"]
    moment: str
    reference: str
    over: str | Value
    role: str = ""
    where: str | None = None


class Features(Strict):
    """The features that a channel gives: their group, its model, and the day of the fact from which on it is there.

    Counts are 0 for people of whom the channel says nothing, flags are false, and values are empty.
    """

    group: str
    model: str
    since: str
    counts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class Flow(Strict):
    """How the rows of a channel go through the stages.

    Attributes:
        position: the channel's place in lists that people read.
        moment: the column that says when it happened: rows of later than the as-of date wait.
        people: whom a row names; of several the first is whom it speaks of.
        fact: the model of the customer stage that holds the channel, where there is one.
        row_key: the key by which staging and the fact hold the same rows.
        sums: columns whose sum is the same in both.
        touches: the contacts that the rows tell of.
        features: the features made of it.
        empty_marts: marts that stay empty without it.
        without_it: what is missing without it.
        file_names: words in names of files that speak for it.
    """

    position: int = LAST
    moment: str | None = None
    people: tuple[Person, ...] = ()
    fact: str | None = None
    row_key: str | None = None
    sums: tuple[str, ...] = ()
    touches: tuple[Touch, ...] = ()
    features: Features | None = None
    empty_marts: tuple[str, ...] = ()
    without_it: str = "nothing else"
    file_names: tuple[str, ...] = ()

    @property
    def columns(self) -> set[str]:
        """The columns of the contract that it names."""
        named: list[Any] = [self.moment]
        for person in self.people:
            named += [person.customer_id, person.known_at, *(getattr(person, name) for name in person.identifiers)]
        return {name for name in named if name}
