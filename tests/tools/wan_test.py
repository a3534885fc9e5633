#!/usr/bin/env python3
"""tools/bench_wan.py without a lab: wan_test.py [OUTRIGGER]. With the built program every cell's recipe is tried."""
import pathlib, subprocess, sys, tempfile, unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLI = sys.argv.pop(1) if len(sys.argv) > 1 else None
sys.path[:0] = [str(ROOT / 'tools/wan'), str(ROOT / 'tools/experiments')]
import cells, report  # noqa: E402
from results import Results  # noqa: E402

GRID = cells.grid([2, 4], ['1gbit', '10mbit'], every=50, rounds=3, steps=10, rtt_ms=50)


def cell(name):
    return next(each for each in GRID if each.name == name)


class Wan(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.results = Results(pathlib.Path(scratch.name, 'results.jsonl'))

    def keep(self, name, **more):
        self.results.add({**cell(name).key(), 'commit': 'c1', 'cores': 2, **more})

    # Mutation: in timed_steps leave out the warm rounds.
    def test_whole_rounds_are_timed_after_the_first(self):
        self.assertEqual(cell('blocking-2-1gbit').timed_steps(), (100, 250))
        self.assertEqual(cell('ddp-2-1gbit').timed_steps(), (2, 12))
        self.assertEqual(cell('outrigger-alone-2-1gbit').timed_steps(), (2, 52))

    # Mutation: in overrides leave out the translation of H.
    def test_a_method_is_its_recipe(self):
        sets = cell('delayed-4-1gbit').overrides()
        for word in ('sync.delay=50', 'sync.every=50', 'islands.count=4', 'train.batch=32', 'train.steps=250'):
            self.assertIn(word, sets)
        self.assertIn('sync.delay=10', cell('streaming-2-1gbit').overrides())
        self.assertIn('sync.enabled=false', cell('outrigger-alone-2-1gbit').overrides())

    # Mutation: in grid put the program alone after its methods; or once for each of them.
    def test_a_program_alone_comes_before_what_is_measured_against_it(self):
        names = [each.name for each in GRID if each.islands == 4 and each.rate == '10mbit']
        self.assertEqual([name.rsplit('-', 2)[0] for name in names],
                         ['ddp-alone', 'ddp', 'torchft-alone', 'torchft', 'outrigger-alone', 'blocking', 'streaming',
                          'delayed'])
        self.assertEqual(len({each.name for each in GRID}), len(GRID))

    # Mutation: in outcomes take the one alone of any rate.
    def test_utilisation_is_against_the_same_program_and_link(self):
        self.keep('outrigger-alone-2-1gbit', tokens_per_s=2000.0)
        self.keep('outrigger-alone-2-10mbit', tokens_per_s=4000.0)
        self.keep('ddp-alone-2-1gbit', tokens_per_s=500.0)
        self.keep('blocking-2-1gbit', tokens_per_s=1500.0)
        self.keep('ddp-2-1gbit', tokens_per_s=100.0)
        self.keep('torchft-2-1gbit', tokens_per_s=300.0)
        shown = report.table(self.results, GRID)
        self.assertIn('| Outrigger, blocking, fp32 | 1,500 (75.0 %) | - | - | - |', shown)
        self.assertIn('| PyTorch DDP over Gloo, synchronous | 100 (20.0 %) | - | - | - |', shown)
        self.assertIn('| torchft DiLoCo, fp32 | 300 | - | - | - |', shown)

    # Mutation: in key leave out every.
    def test_a_result_of_other_settings_does_not_count(self):
        self.keep('blocking-2-1gbit', tokens_per_s=1500.0)
        other = cells.grid([2], ['1gbit'], every=20, rounds=3, steps=10, rtt_ms=50)
        self.assertIsNotNone(report.found(self.results, cell('blocking-2-1gbit')))
        self.assertIsNone(report.found(self.results, next(each for each in other if each.name == 'blocking-2-1gbit')))

    # Mutation: in last_word leave out found.
    def test_what_failed_is_said_until_it_is_there(self):
        self.keep('blocking-2-1gbit', failed='no way')
        self.keep('torchft-2-1gbit', missing='python3 has no torchft')
        shown = report.table(self.results, GRID)
        self.assertIn('- blocking-2-1gbit: failed: no way', shown)
        self.assertIn('- torchft-2-1gbit: left out: python3 has no torchft', shown)
        self.keep('blocking-2-1gbit', tokens_per_s=1500.0)
        self.assertNotIn('no way', report.table(self.results, GRID))

    # Mutation: in svg leave out min.
    def test_the_plot_is_well_formed_and_keeps_its_bars(self):
        self.keep('outrigger-alone-2-1gbit', tokens_per_s=1000.0)
        self.keep('blocking-2-1gbit', tokens_per_s=1500.0)
        self.keep('delayed-2-1gbit', tokens_per_s=500.0)
        root = xml.fromstring(report.svg(self.results, GRID))
        bars = [float(each.get('width')) for each in root.iter('{http://www.w3.org/2000/svg}rect')
                if each.get('class') != 'back']
        self.assertEqual(bars, [report.BAR, report.BAR / 2])

    # Mutation: misspell a key in METHODS.
    @unittest.skipUnless(CLI, 'needs the built program')
    def test_the_recipes_are_accepted(self):
        for each in GRID:
            if each.method.program != cells.OUTRIGGER or each.rate != '1gbit':
                continue
            command = [CLI, 'recipe', 'show', ROOT / 'tools/wan/recipe.yaml', *each.overrides()]
            shown = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(shown.returncode, 0, shown.stderr)


if __name__ == '__main__':
    unittest.main()
