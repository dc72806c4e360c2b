"""A hook of MkDocs: writes the generated pages and orders the contents.

The configuration's reference comes from the settings' model, so it cannot fall behind. The contents follow `CONTENTS`; a page
that is not named there stands under 'How to', so a new page needs no change here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mkdocs.structure.files import File

from pipelines.config_text import reference
from pipelines.configuration import root_model

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

CONTENTS = {
    "": ["index.md"],
    "Tutorial": ["tutorial.md"],
    "How to": [
        "cameras.md",
        "alerts.md",
        "medicine.md",
        "reports.md",
        "listener.md",
        "store.md",
        "training.md",
        "models.md",
        "sound.md",
        "vision.md",
    ],
    "Reference": ["reference/commands.md", "reference/configuration.md", "benchmarks.md"],
    "Explanation": ["design.md"],
}
CONFIGURATION_PAGE = "reference/configuration.md"
CONFIGURATION_HEAD = """# Configuration

One YAML file: the one named with `--config`, else `$TRIVIUM_CONFIG`, else `trivium.yaml` in the working folder, else the user's
own (`~/.config/trivium/trivium.yaml`). `trivium config init` writes a commented example, `trivium config check` looks for
mistakes, `trivium config show` tells where each value comes from, `trivium config schema` prints a JSON Schema for editors.

- An unknown key is an error that names the line, the column and the nearest valid key.
- `true` and `false` are the only truths, so `on` and `off` are plain words; `22:00` is a time, with or without quotes.
- Every value can come from the environment: two underscores for each dot, `-` as `_`, letters in any case.
  `TRIVIUM_STORE__URL` sets `store.url`; a list or mapping is written as in YAML: `TRIVIUM_SURVEILLANCE__DETECTOR__LABELS='[person, car]'`.
- Inside a secret text, `${NAME}` is replaced by that environment variable at the moment of use. Secrets are masked wherever
  the configuration is shown.
- `NAME` below stands for a name of your choice.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and set the contents."""
    model, _ = root_model()
    files.append(File.generated(config, CONFIGURATION_PAGE, content=CONFIGURATION_HEAD + reference(model)))
    present = {file.src_uri for file in files.documentation_pages()}
    named = {page for pages in CONTENTS.values() for page in pages}
    nav: list[object] = []
    for heading, pages in CONTENTS.items():
        chosen = [page for page in pages if page in present]
        if heading == "How to":
            chosen += sorted(present - named)
        if chosen:
            nav += [{heading: chosen}] if heading else chosen
    config.nav = nav
    return files
