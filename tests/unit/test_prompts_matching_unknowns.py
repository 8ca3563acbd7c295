"""Messages that match nothing are grouped by what they share, in bounded memory."""

from headgate.prompts.matching.unknowns import EXAMPLE_LENGTH_MAX, UnknownClusters, cluster


def sentence(number: int) -> str:
    """A message that shares no two neighbouring words with that of another number."""
    return " ".join(f"word{number}x{index}" for index in range(8))


def test_messages_that_differ_in_a_value_are_one_cluster() -> None:
    values = ("a red fox", "the whole quarterly report of the bank, page after page", "42")
    made = cluster([f"Translate the following text into French, and keep names: {value}" for value in values])
    assert [(each.template, each.count) for each in made] == [
        ("Translate the following text into French, and keep names: <*>", 3)
    ]
    assert made[0].example.endswith("a red fox")


def test_a_value_in_the_middle_or_at_the_beginning_is_a_wildcard() -> None:
    given = (("Ann", "the weather"), ("Robert", "a very long flight to the other side"), ("Li", "x"))
    texts = [f"{who} asks about {what} and wants a short friendly answer" for who, what in given]
    assert [each.template for each in cluster(texts)] == [
        "<*> asks about <*> and wants a short friendly answer"
    ]


def test_messages_that_share_little_stay_apart() -> None:
    texts = ["Name the capital of France in one word", "Write a poem about the capital of the sea"]
    assert len(cluster(texts)) == 2


def test_the_same_short_message_is_one_cluster() -> None:
    clusters = UnknownClusters()
    assert clusters.add("Hi there") == clusters.add("Hi there")
    assert clusters.add("Bye") != clusters.add("Ok")
    assert clusters.added == 4


def test_the_most_frequent_comes_first_and_counts_stay_right() -> None:
    clusters = UnknownClusters()
    for number in (1, 2, 2, 2, 3, 3):
        clusters.add(sentence(number))
    assert [each.count for each in clusters.clusters()] == [3, 2, 1]


def test_memory_is_bounded_and_what_is_longest_unseen_goes() -> None:
    clusters = UnknownClusters(clusters_max=10)
    first = clusters.add(sentence(0))
    for number in range(1, 10):
        clusters.add(sentence(number))
    assert clusters.add(sentence(0)) == first
    clusters.add(sentence(10))
    kept = {each.example for each in clusters.clusters()}
    assert len(kept) == 10
    assert sentence(0) in kept
    assert sentence(1) not in kept
    clusters.add(sentence(1))
    assert len(clusters.clusters()) == 10


def test_a_long_message_is_kept_in_part_only() -> None:
    clusters = UnknownClusters()
    clusters.add("word " * 300_000)
    clusters.add("x" * 1_000_000)
    made = clusters.clusters()
    assert all(len(each.example) <= EXAMPLE_LENGTH_MAX for each in made)
    assert sum(len(each.template) for each in made) < 20_000
