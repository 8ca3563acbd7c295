"""The tests: a package of their own, so that no installed one called `tests` stands in its place."""
