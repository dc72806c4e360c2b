import subprocess
from domains.medical.reporting import structured_report as sr, fhir, encapsulated
from report_pieces import *
import report_pieces as c
from domains.medical.reporting.composing import compose
def test_a(drafted, tomogram, with_findings, tmp_path):
    for n,r in enumerate((drafted, compose(*tomogram, None, (), (), None, made_wall_s=c.MADE_WALL_S), with_findings(c.FINDINGS), compose(tomogram[0], (), None, (), (), None, made_wall_s=c.MADE_WALL_S), drafted.model_copy(update={"series":{}}))):
        for v in VERSIONS:
            f=tmp_path/f"{n}-{v.state}.dcm"; f.write_bytes(sr.render(r,v,{}.__getitem__))
            o=subprocess.run(["dciodvfy",f],capture_output=True,text=True); print(f.name, {l for l in (o.stderr+o.stdout).splitlines()})
            b=fhir.render(r,v,{}.__getitem__)
            pass
    f.write_bytes(encapsulated.render(drafted,FINAL,{}.__getitem__))
    o=subprocess.run(["dciodvfy",f],capture_output=True,text=True); print(f.name, {l for l in (o.stderr+o.stdout).splitlines()})
