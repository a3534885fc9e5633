#!/usr/bin/env python3
"""tools/experiments without training: a program stands in for the CLI and makes results up."""
import json, os, pathlib, signal, subprocess, sys, tempfile, time, types, unittest
import xml.etree.ElementTree as xml

TOOL = pathlib.Path(__file__).resolve().parents[2] / 'tools/experiments'
sys.path.insert(0, str(TOOL))
import grid, plot, results, run, table  # noqa: E402

# Refuses what has fragments, fails at H = 100, waits for ever at H = 50 where FAKE_HANGS is set. Island b sends most:
# 70 in one step, over two rounds.
FAKE = '''#!/usr/bin/env python3
import json, os, pathlib, sys, time
words = sys.argv[1:]
if words == ['--version']: sys.exit(print('outrigger 0 (commit abc123-dirty, fake)'))
if words[:2] == ['recipe', 'schedule']:
    sys.exit(print(json.dumps({'fragments': [{'parameters': 10, 'rounds': 3}, {'parameters': 10, 'rounds': 1}]})))
sets = dict(word.split('=') for word in words if '=' in word)
if 'sync.fragments' in sets: sys.exit(print('no such key', file=sys.stderr) or 2)
if '--dry-run' in words: sys.exit(0)
with open(os.environ['FAKE_LOG'], 'a') as log: log.write(' '.join(words) + chr(10))
if sets.get('sync.every') == '100': sys.exit(print('lost an island', file=sys.stderr) or 1)
while 'FAKE_HANGS' in os.environ and sets.get('sync.every') == '50': time.sleep(0.05)
run = pathlib.Path(words[words.index('--runs') + 1], 'run')
run.mkdir(parents=True)
events = [dict(event='round', source='a', step=10, bytes_sent=60, bytes_received=100),
          dict(event='round', source='b', step=10, bytes_sent=30, bytes_received=10),
          dict(event='round', source='b', step=10, bytes_sent=40, bytes_received=10),
          dict(event='round', source='b', step=20, bytes_sent=50, bytes_received=10)]
for source, sent in (('a', 60), ('b', 120)):
    events.append(dict(event='done', source=source, eval_loss=int(sets['seed']) / 10, bytes_sent=sent, train_s=1.5))
(run / 'metrics.jsonl').write_text(chr(10).join(map(json.dumps, events)))
'''


def line(cell, seed, loss=1.5, status=results.DONE, **more):
    return {'cell': cell.name, 'seed': seed, 'overrides': cell.overrides, 'recipe': 'r', 'commit': 'c1',
            'status': status, 'loss': loss, 'bytes_per_island': 1000 * cell.islands - 1000, 'peak_bytes': 10,
            'wall_s': 2.0, **more}


def cell(name):
    return next(cell for cell in grid.CELLS if cell.name == name)


class Experiments(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name, 'with space')
        self.folder.mkdir()
        self.file = self.folder / 'out/results.jsonl'
        self.fake = self.folder / 'outrigger'
        self.fake.write_text(FAKE)
        self.fake.chmod(0o755)
        self.log = self.folder / 'log'
        self.log.touch()

    def start(self, *words, **environment):
        command = [sys.executable, TOOL / 'run.py', self.file.parent, '--outrigger', self.fake, *words]
        return subprocess.Popen([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT,
                                env={**os.environ, 'FAKE_LOG': str(self.log), **environment})

    def run_tool(self, *words):
        tool = self.start(*words)
        said = tool.communicate(timeout=60)[0]
        return tool.returncode, said

    def trained(self):
        return self.log.read_text().splitlines()

    def lines(self):
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def kept(self, *lines):
        self.file.parent.mkdir(exist_ok=True)
        kept = results.Results(self.file)
        for each in lines:
            kept.add(each)
        return kept

    def table(self, *lines):
        seeds = [17, 18, 19]
        return table.markdown(table.outcomes(self.kept(*lines), grid.CELLS, seeds, 'r'), seeds)

    # Mutation: in measured take min of steps.values().
    def test_a_run_leaves_loss_bytes_and_commit(self):
        code, said = self.run_tool('--only', 'diloco-10', '--seeds', '17')
        self.assertEqual(code, 0, said)
        [left] = self.lines()
        found = [left[key] for key in ('loss', 'bytes_per_island', 'peak_bytes', 'commit')]
        self.assertEqual(found, [1.7, 120, 70, 'abc123-dirty'])

    # Mutation: in measured leave out part['rounds'].
    def test_a_run_leaves_the_bits_of_a_parameter_in_a_round(self):
        self.run_tool('--only', 'diloco-10', '--seeds', '17')
        [left] = self.lines()
        self.assertEqual([left['bits_up'], left['bits_down']], [24, 20])  # 120 and 100 bytes for 40 parameters
        self.assertIn('| 24.00 / 20.00 |', (self.file.parent / 'table.md').read_text())

    # Mutation: in train make jobs all of wanted.
    def test_what_stands_in_the_results_is_not_run_again(self):
        self.run_tool('--only', 'diloco-10', '--seeds', '17')
        code, said = self.run_tool('--only', 'diloco-10', '--seeds', '17,18')
        self.assertEqual(code, 0, said)
        self.assertEqual([run.split('seed=')[1].split()[0] for run in self.trained()], ['17', '18'])

    # Mutation: in Results.find leave cell.overrides out of both sides.
    def test_a_result_of_other_settings_does_not_count(self):
        kept = self.kept(line(cell('diloco-10'), 17, overrides={'sync.every': '7'}))
        self.assertIsNone(kept.find(cell('diloco-10'), 17, 'r'))
        kept.add(line(cell('diloco-10'), 17))
        self.assertIsNotNone(kept.find(cell('diloco-10'), 17, 'r'))
        self.assertIsNone(kept.find(cell('diloco-10'), 17, 'another'))

    # Mutation: in settings leave out *parts.
    def test_a_recipe_is_its_settings_and_those_that_it_includes(self):
        recipe, part = self.folder / 'a.yaml', self.folder / 'b.yaml'
        recipe.write_text('# why\ninclude: [b.yaml]\n\nseed: 1  # because\n')
        part.write_text('name: x\n')
        before = results.settings(recipe)
        recipe.write_text('include: [b.yaml]\nseed: 1\n')
        self.assertEqual(results.settings(recipe), before)
        part.write_text('name: y\n')
        self.assertNotEqual(results.settings(recipe), before)

    # Mutation: in Results.add leave out the truncate.
    def test_a_last_line_cut_off_is_left_out_with_a_warning(self):
        self.kept(line(cell('diloco-10'), 17))
        with open(self.file, 'a') as file:
            file.write('{"cell": "dilo')
        code, said = self.run_tool('--only', 'diloco-10', '--seeds', '18')
        self.assertEqual(code, 0, said)
        self.assertIn('line 2 was cut off', said)
        self.assertEqual([left['seed'] for left in self.lines()], [17, 18])

    # Mutation: in Results.__init__ never exit.
    def test_a_damaged_line_before_the_last_is_an_error(self):
        self.file.parent.mkdir()
        self.file.write_text('{"cell"\n{}\n')
        code, said = self.run_tool('--table')
        self.assertEqual(code, 1)
        self.assertIn('line 1 is no JSON', said)
        self.assertEqual(self.file.read_text(), '{"cell"\n{}\n')

    # Mutation: in train don't keep what is refused.
    def test_a_refused_cell_and_a_failed_run_stand_in_the_table(self):
        code, said = self.run_tool('--only', '*tau5-carry', '--seeds', '17,18')
        self.assertEqual(code, 1, said)
        self.assertEqual(self.trained(), [])
        code, said = self.run_tool('--only', 'diloco-100', '--seeds', '17,18')
        self.assertEqual(code, 1, said)
        shown = (self.file.parent / 'table.md').read_text()
        self.assertIn('- streaming-tau5-carry, seeds 17, 18: refused: no such key', shown)
        self.assertIn('- diloco-100, seeds 17, 18: failed: ended with 1: lost an island', shown)
        self.assertIn('- synchronous, seeds 17, 18: not run yet', shown)

    # Mutation: in Bench.run let the loop go on while there is anything waiting.
    def test_a_budget_that_is_used_up_names_what_is_missing(self):
        code, said = self.run_tool('--only', 'diloco-10', '--seeds', '17,18', '--budget', '0')
        self.assertEqual(code, 75, said)
        self.assertIn('not started: diloco-10 seed 17, diloco-10 seed 18', said)
        self.assertEqual(self.trained(), [])

    # Mutation: in Run.close leave out the signal.
    def test_ctrl_c_stops_the_runs_and_keeps_whole_results(self):
        tool = self.start('--only', 'diloco-[15]0', '--seeds', '17', FAKE_HANGS='1')
        until = time.monotonic() + 30
        while len(self.trained()) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        tool.send_signal(signal.SIGINT)
        said = tool.communicate(timeout=20)[0]
        self.assertEqual(tool.returncode, 75, said)
        self.assertEqual([left['cell'] for left in self.lines()], ['diloco-10'])
        self.assertIn('| diloco-10 | 1.7000 |', (self.file.parent / 'table.md').read_text())

    # Mutation: in Bench.start_what_fits start all of them.
    def test_no_more_islands_compute_at_once_than_there_are_cores(self):
        original, run.Run = run.Run, lambda cli, job: types.SimpleNamespace(job=job)
        self.addCleanup(setattr, run, 'Run', original)
        names = ['diloco-10', 'synchronous', 'diloco-50', 'snoo-10', 'snoo-50']
        for first, started in ((0, names[:1]), (1, ['synchronous', 'snoo-10'])):
            bench = run.Bench(None, self.kept(), 'r', cores=2)
            waiting = [run.Job(cell(name), 17) for name in names[first:]]
            bench.start_what_fits(waiting)
            self.assertEqual([each.job.cell.name for each in bench.running], started)
            self.assertEqual(len(waiting), len(names) - first - len(started))

    # Mutation: in row use statistics.median.
    def test_the_table_has_mean_spread_difference_and_bytes(self):
        shown = self.table(*[line(cell('synchronous'), 17 + k, 1.5 + k / 10) for k in range(3)],
                           *[line(cell('diloco-10'), 17 + k, loss) for k, loss in enumerate((1.6, 1.7, 1.9))])
        self.assertIn('| synchronous | 1.6000 | 1.5000 to 1.7000 |  |  | 0 | 10 |  | 2.0 | c1 |', shown)
        self.assertIn('| diloco-10 | 1.7333 | 1.6000 to 1.9000 | synchronous +0.1333 | above | 3,000 | 10 |', shown)
        self.assertNotIn('not as expected', shown)

    # Mutation: in verdict compare means only, whatever the single seeds say.
    def test_another_order_than_the_papers_is_said_with_a_reason(self):
        reference = [line(cell('synchronous'), 17 + k, 1.5) for k in range(3)]
        shown = self.table(*reference, *[line(cell('snoo-10'), 17 + k, 1.6) for k in range(3)],
                           *[line(cell('snoo-50'), 17 + k, loss) for k, loss in enumerate((1.7, 1.4, 1.7))])
        self.assertIn('synchronous +0.1000 | below: **no** |', shown)
        self.assertIn('synchronous +0.1000 | below: seeds differ |', shown)
        self.assertIn(f'- snoo-10 was expected below synchronous, and is +0.1000 of it. {grid.SHORT}', shown)
        self.assertNotIn('- snoo-50 was', shown)

    # Mutation: in Outcome.losses leave out the condition.
    def test_a_loss_that_is_not_finite_is_said_and_not_averaged(self):
        lines = [line(cell('diloco-10'), 17, None), line(cell('diloco-10'), 18, 1.5)]
        self.assertIn('| diloco-10 | 1.5000 (1 not finite) |', self.table(*lines))
        self.assertIn('| diloco-10 | - (2 not finite) |', self.table(line(cell('diloco-10'), 18, None)))
        shown = self.table(line(cell('muloco-50'), 17), line(cell('diloco-50'), 17, None))
        self.assertIn('| diloco-50 -inf | below |', shown)

    # Mutation: in plot.text leave out escape; or in svg leave out *below.
    def test_the_plot_is_well_formed_and_has_every_cell_with_a_loss(self):
        odd = grid.Cell('a<b & c', 'x > y', {'islands.count': '4'})
        cells = [cell('synchronous'), cell('diloco-10'), cell('diloco-50'), odd]
        lines = [line(each, seed, 1.5 + seed / 100) for each in cells for seed in (17, 18)]
        kept = self.kept(*lines, line(cell('diloco-100'), 17, None))
        shown = plot.svg(table.outcomes(kept, [*cells, cell('diloco-100')], [17, 18], 'r'))
        root = xml.fromstring(shown)
        name = '{http://www.w3.org/2000/svg}'
        words = [each.text for each in root.iter(name + 'text')]
        for each in cells:
            self.assertIn(each.name, words)
        self.assertNotIn('diloco-100', words)
        self.assertEqual(len(list(root.iter(name + 'circle'))), 4 + 3 + 3)  # rows, scatter, legend
        self.assertIn('evaluation loss, nats a byte', words)

    # Mutation: in loss_range return losses[-1] as the end.
    def test_a_ruined_cell_does_not_squash_the_plot(self):
        lines = [line(cell('diloco-10'), 17, 1.5), line(cell('diloco-50'), 17, 1.6), line(cell('diloco-100'), 17, 900)]
        names = [cell(each['cell']) for each in lines]
        shown = plot.svg(table.outcomes(self.kept(*lines), names, [17], 'r'))
        self.assertIn('900.000 \u25b8', shown)
        places = [float(dot.get('cx')) for dot in xml.fromstring(shown).iter('{http://www.w3.org/2000/svg}circle')]
        self.assertGreater(places[1] - places[0], 20)

    # Mutation: in loss_range leave out what it does without losses.
    def test_without_any_result_table_and_plot_are_written(self):
        code, said = self.run_tool('--table')
        self.assertEqual(code, 0, said)
        xml.parse(self.file.parent / 'plot.svg')
        self.assertIn('not run yet', (self.file.parent / 'table.md').read_text())

    # Mutation: in the grid expect a cell that there is not, or use a name twice.
    def test_the_grid_names_its_cells_once_and_expects_only_these(self):
        names = [each.name for each in grid.CELLS]
        self.assertEqual(len(set(names)), len(names))
        for each in grid.CELLS:
            if each.expect:
                self.assertIn(each.expect[0], (grid.BELOW, grid.NEAR, grid.ABOVE))
                self.assertIn(each.expect[1], names)


if __name__ == '__main__':
    unittest.main()
