"""`python -m photostyle` is the same as `photostyle`."""

import sys

from photostyle.cli import main

sys.exit(main())
