"""`python -m copilot_assets` is `copilot-assets`."""

from copilot_assets.shell.cli import main

if __name__ == "__main__":
    main()
