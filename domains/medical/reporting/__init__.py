"""Everything from judged findings to documents: drafting, and the formats a report can be written in (`domains.medical.formats`)."""
