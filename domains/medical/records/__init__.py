"""Files to a record: FHIR R4 bundles, tables of vital signs and laboratory values, history and symptoms in plain words.

`read_record` reads the files of one patient, `belongs` makes sure that the record is of the patient whom a study shows,
`sentences`, `values` and `facts` tell what was known at the study's time.
"""

from domains.medical.records.patients import belongs
from domains.medical.records.reading import read_record
from domains.medical.records.telling import entry_id, facts, sentences, values

__all__ = ["belongs", "entry_id", "facts", "read_record", "sentences", "values"]
