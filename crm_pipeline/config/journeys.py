"""How far one thing of a journey reaches to the next: the part `journeys` of pipeline.yml."""

from pydantic import Field

from crm_pipeline.config.strict import Strict


class JourneySettings(Strict):
    """The windows in which touches, visits and logins belong together."""

    attribution_days: int = Field(
        default=30, ge=1, le=3_650, description="Days before an order in which a touch counts towards it."
    )
    session_gap_minutes: int = Field(
        default=30,
        ge=1,
        le=1_440,
        description="Minutes without an event that end a visit, where the source names no visits.",
    )
    login_days: int = Field(
        default=30, ge=0, le=3_650, description="Days before a login in which visits of its device are that person's."
    )
