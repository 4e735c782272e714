"""`python -m palaestra`, for those who have no console script on their path."""

from palaestra.cli import main

if __name__ == "__main__":
    main()
