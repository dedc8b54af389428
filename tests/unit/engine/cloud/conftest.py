from __future__ import annotations

import sys
from pathlib import Path

# The stub beside the tests is imported by name; test directories are no packages.
sys.path.insert(0, str(Path(__file__).parent))
