//! The plot: a panel for each measurement, a bar for each server. Greys and colours that read on white and on black.

use std::fmt::Write as _;

use crate::bench::measurements::Kind;
use crate::bench::page::ratio_text;
use crate::bench::results::{Results, Row};

const COLUMNS: usize = 2;
const PANEL: f64 = 470.0;
const MARGIN: f64 = 16.0;
/// Where bars begin, after the names.
const BARS: f64 = 118.0;
/// The room for the number after the longest bar.
const NUMBERS: f64 = 76.0;
/// How wide a ratio is.
const NUMBER: f64 = 45.0;
const BAR: f64 = 16.0;
const TITLE: f64 = 30.0;
const GAP: f64 = 18.0;
const TEXT: &str = "#7d8590";

pub(crate) fn draw(results: &Results) -> String {
    let panel_height = TITLE + BAR * results.peers.len() as f64 + GAP;
    let panel_rows = results.rows.len().div_ceil(COLUMNS) as f64;
    let (width, height) = (MARGIN + COLUMNS as f64 * (PANEL + MARGIN), MARGIN + panel_rows * panel_height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{TEXT}\">\n\
         <title>Switchboard and its peers, as ratios to raw TCP</title>\n"
    );
    for (index, row) in results.rows.iter().enumerate() {
        let x = MARGIN + (index % COLUMNS) as f64 * (PANEL + MARGIN);
        let y = MARGIN + (index / COLUMNS) as f64 * panel_height;
        panel(&mut svg, results, row, x, y);
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, results: &Results, row: &Row, x: f64, y: f64) {
    let kind = row.measurement.kind;
    // A ratio where there is one, raw TCP's own being 1.
    let length = |index: usize| {
        let cell = row.cell(index)?;
        Some(match cell.ratio {
            Some(ratio) if index > 0 => (ratio, ratio_text(ratio, cell.is_limited)),
            Some(_) => (1.0, kind.show(cell.value)),
            None => (cell.value, kind.show(cell.value)),
        })
    };
    let bars: Vec<_> = results.peers.iter().enumerate().map(|(index, peer)| (peer, length(index))).collect();
    let bars: Vec<_> = bars.into_iter().filter(|(peer, _)| peer.dialect_of(row.measurement).is_some()).collect();
    let longest = bars.iter().filter_map(|(_, bar)| Some(bar.as_ref()?.0)).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (PANEL - BARS - NUMBERS) / longest;
    let unit = match kind {
        Kind::Rate => "× raw TCP, more is better",
        Kind::Bytes | Kind::Micros => "less is better",
    };
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" font-size=\"13\"><tspan font-weight=\"600\">{}</tspan> ({unit})</text>",
        y + 14.0,
        row.measurement.title
    );
    let top = y + TITLE - 6.0;
    // Where raw TCP's bar ends.
    let raw = (kind == Kind::Rate).then_some(scale);
    for (index, (peer, length)) in bars.iter().enumerate() {
        let line = top + index as f64 * BAR;
        let (length, number) = match length {
            Some((length, number)) => (length * scale, number.as_str()),
            None => (0.0, "no figure"),
        };
        let weight = if peer.is_switchboard() { " font-weight=\"700\"" } else { "" };
        let _ = writeln!(
            svg,
            "<g{weight}><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{number}</text></g>",
            x + BARS - 6.0,
            line + 12.0,
            peer.label,
            x + BARS,
            line + 2.0,
            BAR - 4.0,
            peer.colour,
            x + BARS + number_at(length, raw),
            line + 12.0,
        );
    }
    if let Some(raw) = raw {
        let raw = x + BARS + raw;
        let bottom = top + bars.len() as f64 * BAR;
        let _ = writeln!(
            svg,
            "<line x1=\"{raw:.1}\" x2=\"{raw:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\" stroke=\"{TEXT}\" \
             stroke-dasharray=\"2 3\"/>"
        );
    }
}

/// A number is drawn after its bar, and after the line at raw TCP's end if it would touch that line.
fn number_at(bar: f64, raw: Option<f64>) -> f64 {
    let is_on = |line: &f64| bar < *line && *line < bar + NUMBER;
    raw.filter(is_on).unwrap_or(bar) + 5.0
}
