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
            write!(text, " {} |", cell(column, &row.runs)).expect("writing to a string");
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

fn cell<F>(column: &Column<F>, runs: &[F]) -> String {
    let Spread { min, median, max } = Spread::of(column, runs);
    let decimals = column.decimals;
    let text = |value: f64| format!("{value:.decimals$}");
    match text(min) == text(max) {
        true => text(median),
        false => format!("{} ({}–{})", text(median), text(min), text(max)),
    }
}

/// Where the runs lie.
#[derive(Debug, PartialEq)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of<F>(column: &Column<F>, runs: &[F]) -> Self {
        let mut values: Vec<_> = runs.iter().map(column.get).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (last, middle) = (values.len().saturating_sub(1), values.len() / 2);
        let median = match values.len() % 2 {
            0 => f64::midpoint(at(middle.saturating_sub(1)), at(middle)),
            _ => at(middle),
        };
        Self { min: at(0), median, max: at(last) }
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
    fn json_has_every_run() {
        let value = json(&COLUMNS, &rows());
        assert_eq!(value[1]["median"]["rate"], 2.5);
        assert_eq!(value[1]["runs"][0]["twice"], 8.0);
        assert_eq!(value[0]["runs"].as_array().map(Vec::len), Some(1));
    }
}
