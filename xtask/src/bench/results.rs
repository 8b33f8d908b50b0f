//! What was measured, and its medians.

use crate::bench::counts::Counts;
use crate::bench::deflate::Pair;
use crate::bench::measurements::{Kind, Measurement};
use crate::bench::peers::Peer;
use crate::bench::workers::Workers;

pub(crate) struct Results {
    /// How and where it was measured.
    pub(crate) conditions: String,
    pub(crate) peers: Vec<&'static Peer>,
    pub(crate) rows: Vec<Row>,
    pub(crate) counts: Option<Counts>,
    /// Two workers, and two threads, against one.
    pub(crate) workers: Option<Workers>,
    /// Compression against none, in each server that has it.
    pub(crate) deflate: Vec<Pair>,
    pub(crate) holes: Holes,
}

/// What could not be measured, and why.
#[derive(Default)]
pub(crate) struct Holes {
    /// This machine lacks something that the measurement needs.
    pub(crate) skipped: Vec<String>,
    /// A server did something wrong.
    pub(crate) faults: Vec<String>,
}

impl Results {
    pub(crate) fn new(conditions: String, peers: &[&'static Peer]) -> Results {
        let peers = peers.to_vec();
        let (rows, deflate) = (Vec::new(), Vec::new());
        Results { conditions, peers, rows, counts: None, workers: None, deflate, holes: Holes::default() }
    }

    /// How many figures were taken while another program used a core, and how many there are.
    pub(crate) fn disturbed(&self) -> (usize, usize) {
        let servers = || self.rows.iter().flat_map(|row| (0..row.cells.len()).map(move |index| (row, index)));
        let disturbed = servers().map(|(row, index)| row.count(index, Limit::Others)).sum();
        (disturbed, servers().map(|(row, index)| row.cells[index].iter().flatten().count()).sum())
    }
}

/// One round's figure of one server.
#[derive(Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) limit: Limit,
}

/// What kept a figure from being better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    Server,
    /// The load generator.
    Load,
    /// Another program had one of the cores.
    Others,
}

/// One measurement: for each server its figures, round by round. The first server is raw TCP.
pub(crate) struct Row {
    pub(crate) measurement: &'static Measurement,
    pub(crate) cells: Vec<Vec<Option<Figure>>>,
}

/// What is shown of a server's figures.
#[derive(Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) value: f64,
    /// The median of the ratios to the server that it is compared with.
    pub(crate) ratio: Option<f64>,
    pub(crate) is_limited: bool,
}

impl Row {
    pub(crate) fn new(measurement: &'static Measurement, peers: usize) -> Row {
        Row { measurement, cells: vec![Vec::new(); peers] }
    }

    /// `None`: the server has no figure.
    pub(crate) fn cell(&self, index: usize) -> Option<Cell> {
        let cell = compare(&self.cells[index], &self.cells[0])?;
        Some(Cell { ratio: cell.ratio.filter(|_| self.measurement.kind == Kind::Rate), ..cell })
    }

    /// How many figures of a server had this limit.
    fn count(&self, index: usize, limit: Limit) -> usize {
        self.cells[index].iter().flatten().filter(|figure| figure.limit == limit).count()
    }
}

/// A server's figures, compared round by round with those of another one.
pub(crate) fn compare(figures: &[Option<Figure>], base: &[Option<Figure>]) -> Option<Cell> {
    // The rounds in which no other program used a core, if there are any.
    let rounds = || figures.iter().copied().zip(base.iter().copied());
    let quiet = |figure: Option<Figure>| figure.filter(|figure| figure.limit != Limit::Others);
    let value = |figure: Figure| figure.value;
    let all = median(rounds().filter_map(|(figure, _)| figure.map(value)))?;
    let undisturbed = median(rounds().filter_map(|(figure, _)| quiet(figure).map(value)));
    let ratio = |figure: Option<Figure>, base: Option<Figure>| Some(figure?.value / base?.value);
    let ratios = median(rounds().filter_map(|(figure, base)| ratio(quiet(figure), quiet(base))))
        .or_else(|| median(rounds().filter_map(|(figure, base)| ratio(figure, base))));
    let limited = figures.iter().flatten().filter(|figure| figure.limit == Limit::Load).count();
    Some(Cell { value: undisturbed.unwrap_or(all), ratio: ratios, is_limited: 2 * limited > figures.len() })
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Figure, Limit, Row, median};
    use crate::bench::measurements::MEASUREMENTS;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        let figures = |values: [f64; 3]| values.map(|value| Some(Figure { value, limit: Limit::Server })).to_vec();
        let mut row = Row::new(&MEASUREMENTS[0], 3);
        row.cells = vec![figures([100.0, 50.0, 200.0]), figures([90.0, 40.0, 100.0]), vec![None; 3]];
        assert_eq!(row.cell(1), Some(Cell { value: 90.0, ratio: Some(0.8), is_limited: false }));
        assert_eq!(row.cell(2), None);

        row.cells[1][0] = Some(Figure { value: 10.0, limit: Limit::Others });
        let of_two = Cell { value: 70.0, ratio: Some(0.65), is_limited: false };
        assert_eq!(row.cell(1), Some(of_two), "a disturbed round is left out where there are others");
    }

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median([].into_iter()), None);
    }
}
