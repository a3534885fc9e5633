#!/usr/bin/env python3
"""tools/netlab without a lab: what its flags mean, and which are refused."""
import contextlib, io, pathlib, sys, unittest
from unittest import mock

TOOL = pathlib.Path(__file__).resolve().parents[3] / 'tools/netlab'
sys.path.insert(0, str(TOOL))
import netlab, shape  # noqa: E402


def outcome(*words):
    """Exit code and standard error of netlab.py, as a user who is not root."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), mock.patch('os.geteuid', return_value=1000):
        try:
            code = netlab.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
    return code, said.getvalue()


class Flags(unittest.TestCase):
    # Mutation: in UNITS make a kb 1024; or in parse leave the unit out.
    def test_values_are_read_with_their_units(self):
        for name, text, value in (('rate', '1gbit', 1e9), ('rate', '2.5Mbit', 2.5e6), ('delay', '40ms', 0.04),
                                  ('delay', '500us', 0.0005), ('delay', '1s', 1), ('jitter', '0ms', 0),
                                  ('loss', '0.1%', 0.001), ('queue', '256kb', 256000), ('queue', '1kib', 1024)):
            self.assertAlmostEqual(shape.parse(name, text), value, msg=text)

    # Mutation: in plan_words leave out one of the halves.
    def test_a_link_has_half_of_what_adds_up_along_a_path(self):
        words = shape.Shape(rate=1e9, delay=0.04, jitter=0.002, loss=0.19, queue=5000).plan_words().split()
        self.assertEqual(words, ['125000000.000', '20000000', '1000000', '0.100000000', '5000'])

    # Mutation: in queue_bytes leave out the 2; or the least size.
    def test_a_queue_holds_a_round_trip_by_default(self):
        self.assertEqual(shape.Shape(rate=1e9, delay=0.04).queue_bytes(), 10_000_000)
        self.assertEqual(shape.Shape(rate=1e6, delay=0.04).queue_bytes(), 256 * 1024)
        self.assertEqual(shape.Shape(rate=1e6, delay=0.04, queue=3e6).queue_bytes(), 3_000_000)

    # Mutation: in super_packet_bytes take the fastest line; or leave out a bound; or the queue.
    def test_a_super_packet_is_a_millisecond_of_the_slowest_line_and_small_beside_a_queue(self):
        for rates, most in (((1e8, 1e9), 12500), ((1e9, 1e9), 65536), ((1e6, None), 3000), ((None, None), 65536)):
            self.assertEqual(shape.super_packet_bytes([shape.Shape(rate=rate, delay=0.1) for rate in rates]), most)
        self.assertEqual(shape.super_packet_bytes([shape.Shape(rate=1e9)]), 16384)

    # Mutation: in host_shapes replace in `base`, so that a second option for a host undoes the first.
    def test_a_host_differs_in_what_is_said_of_it(self):
        base = shape.Shape(rate=1e9, delay=0.04)
        shapes = shape.host_shapes(3, base, ['1:rate=10mbit', '1:delay=5ms,jitter=1ms'])
        self.assertEqual(shapes, [base, shape.Shape(rate=1e7, delay=0.005, jitter=0.001), base])

    # Mutation: leave out any one of the checks.
    def test_a_wrong_flag_is_named_in_one_line(self):
        two = ('run', '--hosts', 2)
        for words, named in (((), 'run|check|clean'), (('rum',), 'rum'), (('run', '--', 'true'), '--hosts'),
                             ((*two, '--rat', '1gbit', '--', 'true'), '--rat '),
                             ((*two, '--rate', '1gb', '--', 'true'), '1gb'),
                             ((*two, '--rate', '0mbit', '--', 'true'), '0mbit'),
                             ((*two, '--delay', '40', '--', 'true'), '40'),
                             ((*two, '--loss', '101%', '--', 'true'), '101%'),
                             ((*two, '--loss', '0.1', '--', 'true'), '0.1'),
                             ((*two, '--queue', '0mb', '--rate', '1gbit', '--', 'true'), '0mb'),
                             ((*two, '--queue', '4mb', '--', 'true'), 'queue'),
                             ((*two, '--jitter', '2ms', '--', 'true'), 'jitter'),
                             ((*two, '--host', '2:rate=1gbit', '--', 'true'), 'host 2'),
                             ((*two, '--host', 'x:rate=1gbit', '--', 'true'), 'x:rate'),
                             ((*two, '--host', '1:speed=1gbit', '--', 'true'), 'speed'),
                             ((*two, '--host', '1:jitter=1ms', '--', 'true'), 'host 1'),
                             ((*two, '--veth', '--delay', '1ms', '--', 'true'), '--veth'),
                             ((*two, '--seed', '-1', '--', 'true'), '--seed'),
                             (('run', '--hosts', 0, '--', 'true'), '--hosts 0'),
                             (('run', '--hosts', 201, '--', 'true'), '--hosts 201'), (two, 'command')):
            code, said = outcome(*words)
            self.assertEqual(code, 2, words)
            self.assertEqual(said.count('\n'), 1, said)
            self.assertIn(named, said)

    # Mutation: in as_root do nothing.
    def test_who_is_not_root_is_told_so(self):
        for words in (('run', '--hosts', 2, '--', 'true'), ('check',), ('clean',)):
            code, said = outcome(*words)
            self.assertEqual(code, 3)
            self.assertIn('root', said)


if __name__ == '__main__':
    unittest.main()
