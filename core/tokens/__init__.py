"""Token classification: words, word pieces, tags, a CRF over them, and what a picture of the printed line adds."""
