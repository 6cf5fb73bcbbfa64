//! Figures of several runs of several servers, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// One figure of a run.
#[derive(Debug)]
pub struct Column<F: 'static> {
    /// Its name in JSON, with its unit.
    pub key: &'static str,
    /// Its name in a table.
    pub title: &'static str,
    /// So many digits stand behind the point in a table.
    pub decimals: usize,
    /// The figure.
    pub get: fn(&F) -> f64,
}

impl<F> Column<F> {
    /// A column of `key` and `title` with so many digits behind the point.
    pub(crate) const fn new(
        key: &'static str,
        title: &'static str,
        decimals: usize,
        get: fn(&F) -> f64,
    ) -> Self {
        Self { key, title, decimals, get }
    }
}

/// All runs of one server.
#[derive(Debug)]
pub struct Row<F> {
    /// The name of the server.
    pub name: String,
    /// What each run has found, at least one.
    pub runs: Vec<F>,
}

/// A Markdown table: a row for each server, a column for each figure. With several runs, the median
/// and from where to where the runs lie.
#[must_use]
pub fn markdown<F>(first_title: &str, columns: &[Column<F>], rows: &[Row<F>]) -> String {
    let titles: String = columns.iter().map(|column| format!(" {} |", column.title)).collect();
    let mut text = format!("| {first_title} |{titles}\n|{}\n", " --- |".repeat(columns.len() + 1));
    for row in rows {
        write!(text, "| {} |", row.name).expect("writing to a string");
        for column in columns {
            let spread = Spread::of(column, &row.runs);
            write!(text, " {} |", spread.text(column.decimals)).expect("writing to a string");
        }
        text.push('\n');
    }
    text
}

/// The same as a list of objects: for each server its medians and every run.
#[must_use]
pub fn json<F>(columns: &[Column<F>], rows: &[Row<F>]) -> Value {
    let object = |get: &dyn Fn(&Column<F>) -> f64| -> Value {
        columns
            .iter()
            .map(|column| (column.key.to_owned(), json!(get(column))))
            .collect::<Map<_, _>>()
            .into()
    };
    rows.iter()
        .map(|row| {
            let runs: Vec<_> =
                row.runs.iter().map(|run| object(&|column| (column.get)(run))).collect();
            let median = object(&|column| Spread::of(column, &row.runs).median);
            json!({ "name": row.name, "median": median, "runs": runs })
        })
        .collect()
}

/// A further line of a table: each figure of `first` divided by that of `second`, round by round, since
/// what a machine does meanwhile falls on both.
#[must_use]
pub fn markdown_ratios<F>(name: &str, columns: &[Column<F>], first: &[F], second: &[F]) -> String {
    let cells: String = columns
        .iter()
        .map(|column| format!(" {} |", ratio(column, first, second).text(2)))
        .collect();
    format!("| {name} |{cells}\n")
}

/// The same as an object with the median of each figure, and from where to where the rounds lie.
#[must_use]
pub fn json_ratios<F>(columns: &[Column<F>], first: &[F], second: &[F]) -> Value {
    columns
        .iter()
        .map(|column| {
            let Spread { min, median, max } = ratio(column, first, second);
            (column.key.to_owned(), json!({ "median": median, "min": min, "max": max }))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn ratio<F>(column: &Column<F>, first: &[F], second: &[F]) -> Spread {
    let pairs = first.iter().zip(second);
    let ratios = pairs.map(|(a, b)| (column.get)(a) / (column.get)(b));
    // Nothing divided by nothing says nothing, and must not hide the rounds that say something.
    Spread::of_values(ratios.filter(|it| it.is_finite()).collect())
}

/// Where the runs lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// In the middle.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    fn of<F>(column: &Column<F>, runs: &[F]) -> Self {
        Self::of_values(runs.iter().map(column.get).collect())
    }

    /// NaN of no values.
    #[must_use]
    pub fn of_values(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (last, middle) = (values.len().saturating_sub(1), values.len() / 2);
        let median = match values.len() % 2 {
            0 => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self { min: at(0), median, max: at(last) }
    }

    /// For a table. What is not known is a dash.
    #[must_use]
    pub fn text(&self, decimals: usize) -> String {
        let text = |value: f64| match value.is_finite() {
            true => format!("{value:.decimals$}"),
            false => "-".to_owned(),
        };
        let Self { min, median, max } = *self;
        match text(min) == text(max) {
            true => text(median),
            false => format!("{} ({}–{})", text(median), text(min), text(max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<f64>; 2] = [
        Column { key: "rate", title: "rate", decimals: 1, get: |run| *run },
        Column { key: "twice", title: "twice", decimals: 0, get: |run| run * 2.0 },
    ];

    fn rows() -> [Row<f64>; 2] {
        let row = |name: &str, runs: &[f64]| Row { name: name.into(), runs: runs.to_vec() };
        [row("one", &[3.0]), row("many", &[4.0, 1.0, 2.0, 3.0])]
    }

    #[test]
    fn a_table_has_medians_and_where_the_runs_lie() {
        let lines: Vec<_> =
            markdown("server", &COLUMNS, &rows()).lines().map(str::to_owned).collect();
        let expected = [
            "| server | rate | twice |",
            "| --- | --- | --- |",
            "| one | 3.0 | 6 |",
            "| many | 2.5 (1.0–4.0) | 5 (2–8) |",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let (first, second) = ([2.0, 9.0, 8.0], [1.0, 3.0, 2.0]);
        let line = markdown_ratios("one / two", &COLUMNS, &first, &second);
        assert_eq!(line, "| one / two | 3.00 (2.00–4.00) | 3.00 (2.00–4.00) |\n");
        let value = json_ratios(&COLUMNS, &first, &second);
        assert_eq!(value["rate"]["median"], 3.0);
        assert_eq!(value["twice"]["max"], 4.0);
        let line = markdown_ratios("one / two", &COLUMNS, &[0.0, 6.0], &[0.0, 3.0]);
        assert_eq!(line, "| one / two | 2.00 | 2.00 |\n");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let rows = [Row { name: "one".to_owned(), runs: vec![f64::NAN] }];
        assert!(markdown("server", &COLUMNS, &rows).ends_with("| one | - | - |\n"));
        assert!(json(&COLUMNS, &rows)[0]["median"]["rate"].is_null());
    }

    #[test]
    fn json_has_every_run() {
        let value = json(&COLUMNS, &rows());
        assert_eq!(value[1]["median"]["rate"], 2.5);
        assert_eq!(value[1]["runs"][0]["twice"], 8.0);
        assert_eq!(value[0]["runs"].as_array().map(Vec::len), Some(1));
    }
}
