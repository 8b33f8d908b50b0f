//! The tables in `bench/README.md`.

use std::fs;

use crate::Options;
use crate::bench::counts;
use crate::bench::deflate::{self, Line, Pair};
use crate::bench::measurements::Kind;
use crate::bench::results::{Cell, Results, Row, compare};
use crate::bench::workers::Workers;

const PAGE: &str = "bench/README.md";
const PLOT: &str = "bench/plot.svg";

/// All tables, in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let mut text = format!("{}\n", results.conditions);
    text += &unquiet(results.disturbed());
    if !results.rows.is_empty() {
        text += &heading("", results.peers.iter().map(|peer| peer.label));
        for row in &results.rows {
            let cells = (0..results.peers.len()).map(|index| show(row, index));
            text += &line(row.measurement.title, cells);
        }
        text += &against_sketch(results);
    }
    if let Some(counts) = &results.counts {
        text += &heading("counted a message", counts.peers.iter().copied());
        for row in &counts.rows {
            let cells = row.cells.iter().map(|cell| cell.map_or("–".to_owned(), counts::show));
            text += &line(&row.title, cells);
        }
    }
    if let Some(Workers { two, threads }) = results.workers {
        text += &format!("\nSwitchboard, four busy connections, against one worker: two workers {two:.2}×, ");
        text += &format!("two threads with a runtime each (`App::threads(2)`) {threads:.2}×.\n");
    }
    text
}

/// Switchboard's rates as ratios to the sketch's: to divide the two columns is less exact, each being a median of its own. Empty: one
/// of the two was not measured.
fn against_sketch(results: &Results) -> String {
    let place = |name| results.peers.iter().position(|peer| peer.name == name);
    let Some((switchboard, sketch)) = place("switchboard").zip(place("sketch")) else { return String::new() };
    let ratio = |row: &Row| {
        let of_sketch = compare(&row.cells[sketch], &row.cells[0])?;
        let cell = compare(&row.cells[switchboard], &row.cells[sketch])?;
        // If the load generator was the bottleneck, the sketch's own speed is unknown.
        let ratio = cell.ratio.filter(|_| !of_sketch.is_limited)?;
        Some(format!("{} {}", row.measurement.name, ratio_text(ratio, cell.is_limited)))
    };
    let rates = results.rows.iter().filter(|row| row.measurement.kind == Kind::Rate);
    let ratios: Vec<_> = rates.filter_map(ratio).collect();
    match ratios.is_empty() {
        true => String::new(),
        false => format!("\nSwitchboard against the sketch, round by round: {}.\n", ratios.join(", ")),
    }
}

fn unquiet((disturbed, all): (usize, usize)) -> String {
    match disturbed {
        0 => String::new(),
        _ => format!(
            "\n**The machine was not quiet:** while {disturbed} of {all} figures were taken, another program had one of \
             the cores. They are left out where a quieter round is there.\n"
        ),
    }
}

/// The table of compression, in Markdown. Empty: there are no figures.
pub(crate) fn deflate(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let disturbed = pairs.iter().map(Pair::disturbed).fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let mut text = unquiet(disturbed).trim_start().to_owned();
    text += &heading("4 KB of records", pairs.iter().flat_map(|pair| [pair.peer.label, "compressed", ""]));
    for row in deflate::LINES {
        text += &line(row.title, pairs.iter().flat_map(|pair| compared(pair, row)));
    }
    let switchboard = pairs.iter().find(|pair| pair.peer.is_switchboard());
    if let Some((micros, ratio)) = switchboard.and_then(Pair::compressed_for_each) {
        text += &format!(
            "\nIf Switchboard compressed a delivery for its member alone, as it does the answer to an echo, it would take \
             {} of CPU, {} a plain one's.\n",
            Kind::Micros.show(micros),
            ratio_text(ratio, false)
        );
    }
    text
}

/// Without compression, with it, and the ratio. A figure that the load generator limited has none.
fn compared(pair: &Pair, row: &Line) -> [String; 3] {
    let Some((plain, packed)) = pair.cells(row) else { return ["–"; 3].map(str::to_owned) };
    let is_limited = |cell: &Cell| row.kind == Kind::Rate && cell.is_limited;
    let show = |cell: &Cell| format!("{}{}", if is_limited(cell) { "≥" } else { "" }, row.kind.show(cell.value));
    let ratio = packed.ratio.filter(|_| !is_limited(&plain));
    let ratio = ratio.map_or("–".to_owned(), |ratio| ratio_text(ratio, is_limited(&packed)));
    [show(&plain), show(&packed), ratio]
}

fn heading<'a>(first: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(str::to_owned).collect();
    let rule = "|---".to_owned() + &"|---:".repeat(names.len()) + "|\n";
    format!("\n{}{rule}", line(first, names.into_iter()))
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {first} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn show(row: &Row, index: usize) -> String {
    match row.cell(index) {
        None => "–".to_owned(),
        Some(Cell { value, ratio: Some(_), .. }) if index == 0 => row.measurement.kind.show(value),
        Some(Cell { ratio: Some(ratio), is_limited, .. }) => ratio_text(ratio, is_limited),
        Some(Cell { value, .. }) => row.measurement.kind.show(value),
    }
}

/// `0.93×`; `≥0.93×` where the load generator was the bottleneck.
pub(crate) fn ratio_text(ratio: f64, is_limited: bool) -> String {
    let at_least = if is_limited { "≥" } else { "" };
    if ratio < 10.0 { format!("{at_least}{ratio:.2}×") } else { format!("{at_least}{ratio:.1}×") }
}

/// Writes the tables between their markers, and the plot to its file.
pub(crate) fn write(options: &Options, table: &str, deflate: &str, plot: &str) -> Result<(), String> {
    put(options, "table", table)?;
    put(options, "deflate", deflate)?;
    fs::write(options.root.join(PLOT), plot).map_err(|why| format!("{PLOT}: {why}"))
}

/// Writes what each stage costs.
pub(crate) fn write_stages(options: &Options, table: &str) -> Result<(), String> {
    put(options, "stages", table)
}

/// Puts a table between its markers.
fn put(options: &Options, name: &str, table: &str) -> Result<(), String> {
    let page = options.root.join(PAGE);
    let cannot = |why: String| format!("{PAGE}: {why}");
    let text = fs::read_to_string(&page).map_err(|why| cannot(why.to_string()))?;
    let text = between(&text, name, table).ok_or_else(|| cannot(format!("no markers for `{name}`")))?;
    fs::write(&page, text).map_err(|why| cannot(why.to_string()))
}

/// The page with a table between `<!-- NAME -->` and `<!-- /NAME -->`.
fn between(text: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{between, ratio_text};

    #[test]
    fn the_table_is_put_between_its_markers() {
        let text = "a\n<!-- table -->\nold\n<!-- /table -->\nb";
        let expected = "a\n<!-- table -->\nnew\n<!-- /table -->\nb";
        assert_eq!(between(text, "table", "new\n").as_deref(), Some(expected));
        assert_eq!(between("a", "table", "new"), None);
    }

    #[test]
    fn ratios_have_two_or_three_digits() {
        assert_eq!((ratio_text(0.934, false), ratio_text(33.04, true)), ("0.93×".to_owned(), "≥33.0×".to_owned()));
    }
}
