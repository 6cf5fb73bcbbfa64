"""The tables of the documents are read back as they were written, and differences are noticed."""

import struct
import unittest

from harness import verdicts, wire

NAME = "faults"


class Tables(unittest.TestCase):
    def test_a_table_is_read_back_as_it_was_written(self):
        begin, end = verdicts.marks(NAME)
        table = verdicts.grid("error", ["A", "B"], ["x", "y z"], lambda row, column: f"{row} of {column}")
        text = f"before\n\n{begin}\n{table}\n| another | table |\n{end}\n\nafter"
        cells = verdicts.documented(text, NAME)
        self.assertEqual(cells["B", "y z"], "B of y z")
        self.assertEqual(len(cells), 4)

    def test_what_differs_from_run_to_run_is_left_out(self):
        said = "sasl_ssl://localhost:34567/bootstrap: no\n connection to 127.0.0.1:9999"
        self.assertEqual(
            verdicts.short(said), "sasl_ssl://localhost:PORT/bootstrap: no connection to 127.0.0.1:PORT"
        )


class Refusals(unittest.TestCase):
    def test_old_requests_are_refused_shard_by_shard(self):
        batch = struct.pack(">i", 3) + b"xyz"
        shards = struct.pack(">i", 2) + struct.pack(">i", 0) + batch + struct.pack(">i", 5) + batch
        head = struct.pack(">hhih", 0, 3, 77, 1) + b"c"
        frame = head + struct.pack(">hhi", -1, -1, 1000) + struct.pack(">ih", 1, 1) + b"t" + shards
        self.assertEqual(wire.partitions(frame), ([(b"t", [0, 5])], -1))
        answer = wire.refusal(frame, 56, "no")
        self.assertEqual(struct.unpack_from(">iih", answer), (77, 1, 1))
        self.assertEqual(answer.count(struct.pack(">hqq", 56, -1, -1)), 2)

    def test_without_acks_there_is_no_answer(self):
        frame = struct.pack(">hhih", 0, 2, 1, -1) + struct.pack(">hii", 0, 1000, 0)
        self.assertIsNone(wire.refusal(frame, 56, "no"))

    def test_flexible_requests_are_read_too(self):
        head = struct.pack(">hhih", 0, 9, 7, -1) + b"\0"
        shards = b"\x02" + struct.pack(">i", 4) + b"\x03ab" + b"\0"
        frame = head + b"\0" + struct.pack(">hi", 1, 1000) + b"\x02" + b"\x02t" + shards + b"\0" + b"\0"
        self.assertEqual(wire.partitions(frame), ([(b"t", [4])], 1))
        answer = wire.refusal(frame, 87, "bad")
        self.assertEqual(answer[:4], struct.pack(">i", 7))
        self.assertIn(struct.pack(">ih", 4, 87), answer)


if __name__ == "__main__":
    unittest.main()
