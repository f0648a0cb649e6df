"""The company's other systems: each module turns the truth (`World`) into the files of one source system.

A module has `SYSTEM` (the folder of its files), `FAULTS` (what can be wrong in each of its sources), `files`, and,
where its rows name people whom no customer file lists, `records` with the truth about them.
"""

from crm_pipeline.sample.channels import ads, bank, club, consent, desk, mail, refer, social, survey, web

MODULES = (web, mail, desk, survey, social, club, refer, ads, consent, bank)
