"""An invented retailer, Harbour & Finch, with known truth: who each record belongs to and what is wrong with each row.

`generate.generate` makes a company of any size in parts. `company.make_company` makes one part: it draws people
(`people`, `character`), lets them live through the calendar (`visits`, `service`, `campaigns`, `purchases`), lets the
source systems write it down in their own ways (`till`, `shop`, `office`, and the modules of `channels`), and plants
faults (`dirt`). A further system is a further module in `channels` that turns the `World` into `tables.SourceFile`s.
"""
