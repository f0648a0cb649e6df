"""What customers may expect of the service: the part `service` of pipeline.yml."""

from pydantic import Field

from crm_pipeline.config.strict import Strict


class ServiceSettings(Strict):
    """The hours in which a ticket is to be dealt with; they are the targets of the KPIs of the same names too."""

    first_response_hours: int = Field(
        default=24, ge=1, le=8_760, description="Hours in which a ticket should be answered."
    )
    resolution_hours: int = Field(default=72, ge=1, le=8_760, description="Hours in which it should be resolved.")
