"""`python -m pipelines` is `trivium`."""

import sys

from pipelines.cli import main

sys.exit(main())
