"""Records that nothing reaches are carried over; what comes out is what looking at all of them gives."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.overrides import OverrideError, Overrides, with_link, with_unlink
from crm_pipeline.identity.resolve import Previous
from tests.identity.conftest import AS_OF, invented, previous_of, resolved

# There is nothing to shrink in a seed.
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
NARROW = MatchSettings(
    people_per_value={"phone": 3, "email": 4},
    values_per_person={"phone": 4, "email": 5},
    largest_person=12,
    unique_per_person=("loyalty_id",),
    records_per_block=4,
    blocked=("office@shop.example",),
)
#: On about as many records as may carry a value before it is nobody's own.
EVERYWHERE = ("+44 20 7946 0999", "0000000", "office@shop.example", "mail at home")
SPELLINGS = (
    "+44 20 7946 00{:02d}",
    "020 7946 00{:02d}",
    "(020) 7946-00{:02d}",
    "0044 20794600{:02d}",
    "020794600{:02d} x5",
)


class World:
    """Records that come, go and change day by day, with the dirt that the rules are there for."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.pool = self.rng.choice([8, 60])
        rows, customers = invented(30, seed)
        self.named = {customer["record_id"]: dict(customer) for customer in customers}
        self.carried = {}
        for record, kind, value, load, known in rows:
            self.carried.setdefault(record, (load, known, set()))[2].add((kind, value))
        self.waiting = self.rng.sample(sorted(self.carried), len(self.carried) // 3)
        self.here = {record for record in self.carried if record not in self.waiting}
        self.overrides = Overrides()
        self.guests = 0
        for value in self.rng.sample(EVERYWHERE, 2):
            for _ in range(self.rng.randrange(97, 103)):
                self.guest(1, {("email" if "o" in value else "phone", value)})

    def guest(self, day, values):
        self.guests += 1
        record = f"{self.rng.choice(['web', 'till', 'app'])}|guest|{self.guests}"
        known = self.rng.choice([None, datetime(2023, 1, 1) + timedelta(days=self.rng.randrange(40))])
        self.carried[record] = (day, known, set(values))
        self.here.add(record)

    def value(self):
        number = self.rng.randrange(self.pool)
        return self.rng.choice(
            [
                ("email", f"home{number}@mail.example"),
                ("phone", self.rng.choice(SPELLINGS).format(number)),
                ("phone", self.rng.choice(SPELLINGS).format(number)),
                ("loyalty_id", f"L{number}"),
                *((("email" if "o" in value else "phone"), value) for value in EVERYWHERE),
            ]
        )

    def next_day(self, day):
        for _ in range(self.rng.randrange(4)):
            self.guest(day, {self.value() for _ in range(self.rng.randrange(1, 4))})
        for record in self.rng.sample(self.waiting, min(3, len(self.waiting))):
            self.waiting.remove(record)
            self.here.add(record)
        for record in self.rng.sample(sorted(self.here), self.rng.randrange(4)):
            self.here.remove(record)
        for record in self.rng.sample(sorted(self.here), self.rng.randrange(4)):
            values = self.carried[record][2]
            values ^= {self.value(), self.rng.choice(sorted(values) or [self.value()])}
        for record in self.rng.sample(sorted(self.here & set(self.named)), self.rng.randrange(3)):
            other = self.named[self.rng.choice(sorted(self.named))]
            column = self.rng.choice(["first_name", "last_name", "birth_date", "postal_code", "street"])
            self.named[record][column] = other[column]
        self.decide()

    def decide(self):
        """Link or part records by hand, or take it all back; what contradicts itself is not said."""
        records = self.rng.sample(sorted(self.carried), 4)
        try:
            match self.rng.randrange(6):
                case 0:
                    self.overrides = with_link(self.overrides, records[:3], "")
                case 1:
                    self.overrides = with_unlink(self.overrides, [records[:2], records[2:]], "")
                case 2:
                    self.overrides = Overrides()
        except OverrideError:
            pass

    def rows(self):
        for record in sorted(self.here):
            load, known, values = self.carried[record]
            yield from ((record, kind, value, load, known) for kind, value in [*values, ("source_id", f"x|{record}")])

    def resolved(self, previous, as_of, limits):
        customers = [who for record, who in self.named.items() if record in self.here]
        return resolved(self.rows(), limits, previous, as_of, customers=customers, overrides=self.overrides)


@settings(max_examples=4, deadline=None, phases=UNSHRUNK)
@given(seed=st.integers(2, 100_000), limits=st.sampled_from([NARROW, MatchSettings()]), has_model=st.booleans())
@example(seed=1236, limits=MatchSettings(), has_model=True)  # what a score reaches ends the silence of a value
def test_day_by_day_gives_all_tables_that_looking_at_everything_gives(model, seed, limits, has_model):
    world, previous = World(seed), Previous(model=model if has_model else None)
    for day in range(1, 6):
        # Now and then somebody looks back.
        as_of = AS_OF + timedelta(days=day if day != 3 else -5)
        result = world.resolved(previous, as_of, limits)
        whole = world.resolved(replace(previous, memory=None), as_of, limits)
        for name, table in result.tables().items():
            assert table.equals(whole.tables()[name], check_metadata=True), (day, name)
        assert result.figures == whole.figures
        assert result.memory == whole.memory
        assert _rows(result.memory) == _rows(whole.memory)
        previous = previous_of(result)
        world.next_day(day + 1)


def _rows(kept):
    """What is remembered, in one order."""
    return {name: sorted(map(repr, table.to_pylist())) for name, table in kept.tables.items()}
