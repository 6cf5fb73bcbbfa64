"""Which cases to try when there are more than there is time for."""


def some(cases, count):
    """At most so many cases, spread evenly over all."""
    count = min(count, len(cases))
    return [cases[number * len(cases) // count] for number in range(count)]
