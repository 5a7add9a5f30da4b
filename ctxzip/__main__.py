"""`python -m ctxzip`."""

from ctxzip.cli import main

if __name__ == "__main__":
    main()
