"""Medicine: studies and records in, draft reports out; nothing is final without a person."""
