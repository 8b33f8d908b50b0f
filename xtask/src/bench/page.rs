//! The tables in `bench/README.md`.

use std::fs;

use crate::Options;
use crate::bench::counts;
use crate::bench::results::{Cell, Results, Row};
use crate::bench::workers::Workers;

const PAGE: &str = "bench/README.md";
const PLOT: &str = "bench/plot.svg";
const BEGIN: &str = "<!-- table -->";
const END: &str = "<!-- /table -->";

/// All tables, in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let mut text = format!("{}\n", results.conditions);
    if let (disturbed @ 1.., all) = results.disturbed() {
        text += &format!(
            "\n**The machine was not quiet:** while {disturbed} of {all} figures were taken, another program had one of \
             the cores. They are left out where a quieter round is there.\n"
        );
    }
    if !results.rows.is_empty() {
        text += &heading("", results.peers.iter().map(|peer| peer.label));
        for row in &results.rows {
            let cells = (0..results.peers.len()).map(|index| show(row, index));
            text += &line(row.measurement.title, cells);
        }
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

/// Puts the table between its markers, and the plot beside it.
pub(crate) fn write(options: &Options, table: &str, plot: &str) -> Result<(), String> {
    let page = options.root.join(PAGE);
    let cannot = |why| format!("{PAGE}: {why}");
    let text = fs::read_to_string(&page).map_err(|why| cannot(why.to_string()))?;
    let text = between(&text, (BEGIN, END), table).ok_or_else(|| cannot(format!("no {BEGIN} … {END}")))?;
    fs::write(&page, text).map_err(|why| cannot(why.to_string()))?;
    fs::write(options.root.join(PLOT), plot).map_err(|why| format!("{PLOT}: {why}"))
}

/// Writes what each stage costs.
pub(crate) fn write_stages(options: &Options, table: &str) -> Result<(), String> {
    let page = options.root.join(PAGE);
    let cannot = |why: String| format!("{PAGE}: {why}");
    let text = fs::read_to_string(&page).map_err(|why| cannot(why.to_string()))?;
    let markers = ("<!-- stages -->", "<!-- /stages -->");
    let text = between(&text, markers, table).ok_or_else(|| cannot(format!("no {} … {}", markers.0, markers.1)))?;
    fs::write(&page, text).map_err(|why| cannot(why.to_string()))
}

fn between(text: &str, (begin, end): (&str, &str), table: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, between, ratio_text};

    #[test]
    fn the_table_is_put_between_its_markers() {
        let text = "a\n<!-- table -->\nold\n<!-- /table -->\nb";
        let expected = "a\n<!-- table -->\nnew\n<!-- /table -->\nb";
        assert_eq!(between(text, (BEGIN, END), "new\n").as_deref(), Some(expected));
        assert_eq!(between("a", (BEGIN, END), "new"), None);
    }

    #[test]
    fn ratios_have_two_or_three_digits() {
        assert_eq!((ratio_text(0.934, false), ratio_text(33.04, true)), ("0.93×".to_owned(), "≥33.0×".to_owned()));
    }
}
