"""Label learning: from a table of labelled rows to the model that answers best, be it fusion, a plain model or several together."""
