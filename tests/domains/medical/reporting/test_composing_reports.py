def test_show(drafted, tomogram):
    from domains.medical.reporting.composing import compose
    for r in (drafted, compose(*tomogram, None, (), (), None, made_wall_s=1.0)):
        for s in r.sentences: print(s.section, '|', s.text, s.evidence)
        print(r.dropped, r.missing, r.used)
        for e in r.evidence: print(e)
