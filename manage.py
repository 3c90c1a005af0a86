#!/usr/bin/env python
"""Django's command line, with the bridge's settings."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fksbridge.settings")
    from django.core.management import execute_from_command_line

    from fksbridge.config import ConfigError

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(f"The bridge can't start with these settings: {error}.")


if __name__ == "__main__":
    main()
