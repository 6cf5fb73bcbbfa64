"""Each anomaly is planted once: a checker that finds nothing would not be noticed otherwise."""

import unittest

from harness import history
from harness.history import History, Value

READS = 3


def sound(idempotent=True):
    """A history without fault: eight records to two shards, the odd ones to a second topic."""
    made = History(topic_of=lambda index: index % 2)
    sender = made.sender("a", idempotent)
    sender.sent_until = 10
    for index in range(8):
        sender.acknowledged.append((index, (index // 2 % 2, index // 4 * 2 + index % 2)))
    logs = sorted((place, Value("a", index)) for index, place in sender.acknowledged)
    for number in range(READS):
        made.begin_read(f"read {number}").logs = list(logs)
    return made


def kinds(made):
    """The kinds of the anomalies that are found."""
    return {one.kind for one in history.anomalies(made)}


def last_logs(made):
    """The logs of the last read, to be tampered with."""
    return made.reads[-1].logs


def move(logs, value, place):
    """Puts a value at another place of a read, in the order of offsets."""
    logs[:] = sorted([one for one in logs if one[1] != value and one[0] != place] + [(place, value)])


class SoundHistories(unittest.TestCase):
    """What is allowed is not reported."""

    def test_a_history_without_fault_has_no_anomalies(self):
        self.assertEqual(history.anomalies(sound()), [])
        self.assertEqual(history.anomalies(History()), [])

    def test_a_record_of_unknown_fate_may_be_there_or_not(self):
        made = sound()
        last_logs(made).append(((1, 4), Value("a", 8)))
        self.assertEqual(history.anomalies(made), [])

    def test_a_read_that_began_before_an_acknowledgement_need_not_have_it(self):
        made = sound()
        made.reads.clear()
        earlier = made.begin_read("earlier")
        made.senders["a"].acknowledged.append((8, (1, 4)))
        logs = sorted((place, Value("a", index)) for index, place in made.senders["a"].acknowledged)
        earlier.logs = logs[:-1]
        made.begin_read("later").logs = logs
        self.assertEqual(history.anomalies(made), [])

    def test_a_producer_without_idempotence_may_repeat_and_overtake_itself(self):
        made = sound(idempotent=False)
        last_logs(made).append(((1, 4), Value("a", 0)))
        self.assertEqual(history.anomalies(made), [])

    def test_the_two_topics_of_a_logstore_have_no_common_order(self):
        made = History(topic_of=lambda index: index % 2)
        made.sender("a", True).sent_until = 2
        made.begin_read("end").logs = [((0, 0), Value("a", 1)), ((0, 1), Value("a", 0))]
        self.assertEqual(history.anomalies(made), [])


class PlantedAnomalies(unittest.TestCase):
    """What is not allowed is reported, under its name."""

    def test_an_acknowledged_record_that_is_not_read_is_lost(self):
        made = sound()
        del last_logs(made)[-1]
        self.assertEqual(kinds(made), {history.LOST})

    def test_all_records_of_a_shard_can_be_lost(self):
        made = sound()
        made.reads = made.reads[:1]
        made.reads[0].logs = [one for one in made.reads[0].logs if one[0][0] == 0]
        self.assertEqual(kinds(made), {history.LOST})

    def test_a_record_that_was_read_and_vanishes_is_lost_even_if_nobody_was_told_of_it(self):
        made = sound()
        made.reads[1].logs.append(((1, 4), Value("a", 8)))
        self.assertEqual(kinds(made), {history.LOST})

    def test_a_refused_record_that_is_read_is_an_aborted_read(self):
        made = sound()
        made.senders["a"].refused.add(8)
        last_logs(made).append(((1, 4), Value("a", 8)))
        self.assertEqual(kinds(made), {history.ABORTED_READ})

    def test_a_read_and_an_acknowledgement_that_disagree_are_an_inconsistent_offset(self):
        made = sound(idempotent=False)
        for read in made.reads:
            move(read.logs, Value("a", 9), (0, 0))
        self.assertEqual(kinds(made), {history.INCONSISTENT_OFFSET})

    def test_two_reads_that_disagree_are_an_inconsistent_offset(self):
        made = sound()
        made.reads[0].logs.append(((1, 4), Value("a", 8)))
        for read in made.reads[1:]:
            read.logs.append(((1, 4), Value("a", 9)))
        self.assertEqual(kinds(made), {history.INCONSISTENT_OFFSET})

    def test_an_offset_that_is_given_to_two_records_is_inconsistent(self):
        made = sound()
        other = made.sender("b", True)
        other.sent_until = 1
        other.acknowledged.append((0, (0, 0)))
        self.assertEqual(kinds(made), {history.INCONSISTENT_OFFSET})

    def test_a_record_of_an_idempotent_producer_that_is_there_twice_is_a_duplicate(self):
        made = sound()
        last_logs(made).append(((1, 4), Value("a", 7)))
        self.assertEqual(kinds(made), {history.DUPLICATE})

    def test_a_duplicate_may_be_in_another_shard(self):
        made = sound()
        made.reads = made.reads[:1]
        logs = made.reads[0].logs
        logs.insert(4, ((0, 4), Value("a", 7)))
        self.assertEqual(kinds(made), {history.DUPLICATE})

    def test_a_record_that_is_acknowledged_at_two_places_is_a_duplicate(self):
        made = sound()
        made.senders["a"].acknowledged.append((7, (1, 4)))
        self.assertIn(history.DUPLICATE, kinds(made))

    def test_records_of_an_idempotent_producer_in_another_order_are_reordered(self):
        made = History()
        made.sender("a", True).sent_until = 2
        made.begin_read("end").logs = [((0, 0), Value("a", 1)), ((0, 1), Value("a", 0))]
        self.assertEqual(kinds(made), {history.REORDERED})

    def test_the_order_of_a_library_that_keeps_none_is_not_judged(self):
        made = History()
        made.sender("a", True, ordered=False).sent_until = 2
        made.begin_read("end").logs = [((0, 0), Value("a", 1)), ((0, 1), Value("a", 0))]
        self.assertEqual(kinds(made), set())

    def test_an_offset_that_is_missing_is_a_gap(self):
        made = sound()
        last_logs(made).append(((1, 5), Value("a", 8)))
        self.assertEqual(kinds(made), {history.GAP})

    def test_a_shard_that_does_not_begin_at_zero_has_a_gap(self):
        made = sound()
        last_logs(made).append(((2, 1), Value("a", 8)))
        self.assertEqual(kinds(made), {history.GAP})

    def test_a_place_that_is_read_twice_is_a_gap(self):
        made = sound()
        last_logs(made).insert(1, last_logs(made)[0])
        self.assertEqual(kinds(made), {history.GAP})

    def test_a_record_that_nobody_sent_is_made_up(self):
        for stranger in (Value("a", 10), Value("b", 0), Value("a", -1)):
            made = sound(idempotent=False)
            last_logs(made).append(((1, 4), stranger))
            self.assertEqual(kinds(made), {history.MADE_UP}, stranger)

    def test_every_read_is_checked_not_only_the_last(self):
        for number in range(READS):
            made = sound()
            made.senders["a"].refused.add(8)
            for read in made.reads[number:]:
                read.logs.append(((1, 4), Value("a", 8)))
            found = history.anomalies(made)
            self.assertEqual(len(found), READS - number)


class Summaries(unittest.TestCase):
    """What a person sees."""

    def test_a_summary_counts_each_kind_and_gives_examples(self):
        made = sound()
        del last_logs(made)[-4:]
        text = history.summary(history.anomalies(made))
        self.assertIn("lost: ", text)
        self.assertIn("Value(producer='a', index=", text)
        self.assertIn("read 2", text)
        self.assertEqual(history.summary([]), "")


if __name__ == "__main__":
    unittest.main()
