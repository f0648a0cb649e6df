"""An invented retailer, Harbour & Finch, with known truth: who each record belongs to and what is wrong with each row.

`company.make_company` draws people and what they buy, lets two source systems write it down in their own ways, and
plants faults; `company.write_company` puts the files and the truth into a dataset folder. A further channel is a
further module beside `till` and `shop` that turns people and purchases into `tables.SourceFile` objects.
"""
