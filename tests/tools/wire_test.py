#!/usr/bin/env python3
"""tools/bench/wire.py without namespaces or a built program: stand-ins for the lab and for what runs in its hosts."""
import contextlib, io, json, os, pathlib, sys, tempfile, unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / 'tools/bench'
sys.path.insert(0, str(TOOL))
import wire  # noqa: E402

HOST = {'NETLAB_HOST': '1', 'NETLAB_HOSTS': '2', 'NETLAB_ADDRESS': '10.0.0.2', 'NETLAB_ADDRESSES': '10.0.0.1,10.0.0.2'}

LAB = '''#!/usr/bin/env python3
import os, subprocess, sys
words = sys.argv[1:]
hosts, command = int(words[words.index('--hosts') + 1]), words[words.index('--') + 1:]
with open(os.environ['LAB_LOG'], 'a') as log: log.write(' '.join(words[:words.index('--')]) + chr(10))
addresses = ['10.0.0.%d' % (k + 1) for k in range(hosts)]
sys.exit(max(subprocess.run(command, env={**os.environ, 'NETLAB_HOST': str(k), 'NETLAB_HOSTS': str(hosts),
    'NETLAB_ADDRESS': addresses[k], 'NETLAB_ADDRESSES': ','.join(addresses)}).returncode for k in range(hosts)))
'''

PROGRAM = '''#!/usr/bin/env python3
import json, sys
if sys.argv[1:2] != ['bench']:
    record = {'peer': 'Gloo', 'members': 2, 'mb': 16.0, 'seconds': {'median': 4.0}}
    sys.exit(print(json.dumps({'records': [record]})))
if '--fail' in open(sys.argv[0] + '.how').read(): sys.exit(print('it broke', file=sys.stderr) or 1)
row = {'collective': 'direct', 'members': 2, 'owners': [0, 1], 'mb': 16.0, 'codec': 'fp32', 'result_codec': 'fp32',
       'exchange': {'seconds': {'median': 1.6}}, 'tensor': {'seconds': {'median': 2.0}},
       'lower_bound_bytes': [16000000, 16000000]}
print(json.dumps({'meet': 'somewhere'}))
print(json.dumps({'rows': [row], 'payload': []}))
'''


IPERF3 = '''#!/usr/bin/env python3
import json, os, pathlib, sys
tried = pathlib.Path(sys.argv[0] + '.tried')
if '--server' in sys.argv: sys.exit(0)
if not tried.exists(): sys.exit(tried.write_text('') or print(json.dumps({'error': 'unable to connect'})) or 1)
assert sys.argv[sys.argv.index('--bytes') + 1] == '16000000' and '10.0.0.2' in sys.argv, sys.argv
print(json.dumps({'end': {'sum_received': {'bits_per_second': 9e7},
                          'sum_received_bidir_reverse': {'bits_per_second': 6e7}}}, indent=1))
'''


class Wire(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        for name, text in (('netlab', LAB), ('program', PROGRAM), ('program.how', ''), ('iperf3', IPERF3)):
            (self.path / name).write_text(text)
            (self.path / name).chmod(0o755)
        os.environ['LAB_LOG'] = str(self.path / 'lab.log')

    def run_wire(self, *words):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = wire.main([*words, '--netlab', str(self.path / 'netlab'), '--program', str(self.path / 'program'),
                              '--out', str(self.path / 'out/wire.json')])
        return code, printed.getvalue(), json.loads((self.path / 'out/wire.json').read_text())

    # Mutation: the sum of the members instead of the slowest; bytes for bits.
    def test_share_is_the_busiest_members_time_over_the_measured(self):
        self.assertAlmostEqual(wire.share_of_link([100, 50], [800, 800], 2), 0.5)
        self.assertAlmostEqual(wire.share_of_link([100, 50], [800, 100], 8), 0.5)
        self.assertIsNone(wire.share_of_link(None, [800], 1))
        self.assertIsNone(wire.share_of_link([100], None, 1))

    # Mutation: 1024 for 1000; any word taken for a unit.
    def test_rates(self):
        self.assertEqual([wire.rate_of(text) for text in ('1gbit', '100mbit', '2.5kbit')], [1e9, 1e8, 2500])
        for text in ('100', 'mbit', '1gb', '1gbit/s', ''):
            self.assertRaises(wire.argparse.ArgumentTypeError, wire.rate_of, text)

    # Mutation: every member meets at its own address.
    def test_a_member_meets_at_the_first_host_and_listens_at_its_own(self):
        ours = wire.member_command({'of': 'outrigger', 'program': 'o', 'port': 9, 'words': ['--mb', '1']}, HOST)
        self.assertEqual(' '.join(ours), 'o bench collective --member 1 --of 2 --meet 10.0.0.1:9 '
                                         '--listen 10.0.0.2:0 --insecure --mb 1')
        gloo = wire.member_command({'of': 'gloo', 'program': 'py', 'port': 9, 'words': []}, HOST)
        self.assertEqual(gloo[2:], ['--member', '1', '--of', '2', '--meet', '10.0.0.1:9', '--address', '10.0.0.2'])

    # Mutation: half of Gloo's bytes.
    def test_gloos_bound_is_a_rings(self):
        self.assertEqual(wire.gloo_bound(4, 16), [24e6] * 4)

    # Mutation: the slow host's rate for all; the share of the tensor's time; Gloo over ours.
    def test_a_shaped_lab_gives_shares_and_ratios(self):
        code, printed, written = self.run_wire('shaped', '--hosts', '2', '--rates', '100mbit', '--delays', '40ms',
                                               '--python', str(self.path / 'program'))
        self.assertEqual(code, 0)
        ours, gloo = written['rows']
        self.assertAlmostEqual(ours['share'], 0.8)
        self.assertAlmostEqual(ours['over_gloo'], 2)
        self.assertAlmostEqual(gloo['share'], 0.32)
        self.assertIn('0.800    2.00\n', printed)
        self.assertIn('--hosts 2 --rate 100mbit --delay 40ms --logs', (self.path / 'lab.log').read_text())

    # Mutation: the faster way's share; no second try while the server starts.
    def test_plain_tcp_both_ways_has_the_share_of_its_slower_way(self):
        code, printed, written = self.run_wire('shaped', '--hosts', '2', '--rates', '100mbit', '--delays', '0ms', '--mb',
                                               '16', '--iperf3', str(self.path / 'iperf3'))
        self.assertEqual(code, 0, printed)
        self.assertEqual(written['rows'][-1]['what'], 'plain TCP, both ways')
        self.assertAlmostEqual(written['rows'][-1]['share'], 0.6)

    # Mutation: owners of all hosts in both steps.
    def test_a_slow_lab_measures_equal_shards_and_none_for_the_slow_host(self):
        args = wire.parse(['slow', '--hosts', '3', '--rates', '1gbit', '--netlab', str(self.path / 'netlab'),
                           '--program', str(self.path / 'program')])
        lab, = wire.slow_labs(args)
        self.assertEqual(lab['rates'], ['1gbit', '1gbit', '100mbit'])
        self.assertIn('2:rate=100mbit', lab['lab'])
        self.assertNotIn('--owners', lab['steps'][0]['words'])
        self.assertIn('0,1', lab['steps'][1]['words'])

    # Mutation: a failed lab's exit code is dropped; no table line for it.
    def test_a_lab_that_fails_is_reported_and_the_rest_goes_on(self):
        (self.path / 'program.how').write_text('--fail')
        with contextlib.redirect_stderr(io.StringIO()):
            code, printed, written = self.run_wire('veth', 'shaped', '--hosts', '2', '--rates', '1gbit', '--delays', '0ms')
        self.assertEqual(code, 1)
        self.assertEqual(len(written['labs']), 2)
        self.assertEqual(written['rows'], [])
        self.assertIn('--veth: failed: exit code 1', printed)

    # Mutation: parse() looks at nothing.
    def test_wrong_options_are_refused(self):
        for words in (['shaped', '--rates', '1foo'], ['shaped', '--hosts', '1'], ['nothing']):
            said = io.StringIO()
            with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as ended:
                wire.main([*words, '--netlab', str(self.path / 'netlab'), '--program', str(self.path / 'program')])
            self.assertEqual(ended.exception.code, 2)


if __name__ == '__main__':
    unittest.main()
