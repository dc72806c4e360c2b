"""Words out of any modalities: a decoder reads projected tokens and sentences, then a question, and writes the answer."""
