"""``python -m cxrscreen.cli``."""

from cxrscreen.cli.commands import main

if __name__ == "__main__":
    main()
