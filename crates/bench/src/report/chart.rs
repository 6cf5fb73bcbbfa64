use std::fmt::Write as _;

use super::measured::Measured;
use crate::table::Spread;

/// What a chart is about.
#[derive(Debug)]
pub(super) struct Chart {
    /// The name of the figure in JSON, and of the file.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) decimals: usize,
}

const WIDTH: usize = 860;
const MARGIN: usize = 16;
const ROW: usize = 24;
const BAR: usize = 14;
const TITLE: usize = 40;
/// The width of a letter, on average, and some room for those that are wider.
const LETTER: usize = 7;
/// Behind the longest bar there is room for its number.
const NUMBER: usize = 170;

/// Colours that people who see few colours can tell apart (Okabe and Ito, 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:15px}\
    .g{font-weight:600}.w{stroke:#222;stroke-width:1.2}";

impl Chart {
    /// A bar for each server under each load, with a line over the runs. `None` if no server has
    /// the figure.
    pub(super) fn draw(&self, all: &[Measured]) -> Option<String> {
        let figures = || all.iter().flat_map(|it| &it.servers).filter_map(|it| it.figure(self.key));
        figures().next()?;
        let largest = figures().map(|figure| figure.max).fold(0.0, f64::max);
        let names = names(all);
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let left = (2 * MARGIN + longest * LETTER).min(WIDTH / 2);
        let scale = Scale { left, largest, room: WIDTH - left - NUMBER };
        let (mut body, mut y) = (String::new(), TITLE);
        for measured in all {
            y += ROW;
            text(&mut body, "g", MARGIN, y, &measured.label);
            for server in &measured.servers {
                y += ROW;
                let name = name(server);
                text(&mut body, "n", MARGIN, y, &name);
                let colour = names.iter().position(|it| *it == name).unwrap_or(0);
                match server.figure(self.key) {
                    Some(figure) => {
                        scale.bar(&mut body, y, figure, COLOURS[colour % COLOURS.len()]);
                        let number = figure.text(self.decimals);
                        text(&mut body, "n", scale.x(figure.max) + 8, y, &number);
                    }
                    None => text(&mut body, "n", left, y, "not known"),
                }
            }
            y += ROW / 2;
        }
        let (height, title) = (y + MARGIN, escaped(self.title));
        Some(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text class=\"t\" x=\"{MARGIN}\" y=\"28\">{title}</text>\n{body}</svg>\n"
        ))
    }
}

/// Where values lie on the page.
struct Scale {
    left: usize,
    room: usize,
    largest: f64,
}

impl Scale {
    fn x(&self, value: f64) -> usize {
        let part = if self.largest > 0.0 { value / self.largest } else { 0.0 };
        self.left + (part * self.room as f64).round() as usize
    }

    fn bar(&self, out: &mut String, y: usize, figure: Spread, colour: &str) {
        let (left, top, middle) = (self.left, y - BAR + 3, y - BAR / 2 + 3);
        let width = self.x(figure.median) - left;
        let (from, to) = (self.x(figure.min), self.x(figure.max));
        writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <path class=\"w\" d=\"M{from} {middle}H{to}\"/>"
        )
        .expect("writing to a string");
    }
}

/// The servers of all loads, each once.
fn names(all: &[Measured]) -> Vec<String> {
    let mut names = Vec::new();
    for server in all.iter().flat_map(|it| &it.servers) {
        let name = name(server);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn name(server: &super::measured::Server) -> String {
    format!("{} ({})", server.name, server.security)
}

fn text(out: &mut String, class: &str, x: usize, y: usize, text: &str) {
    writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(text))
        .expect("writing to a string");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::measured::{read, tests::file};
    use super::*;

    fn measured() -> Vec<Measured> {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["lz4", "zstd"].map(|codec| directory.path().join(codec));
        for path in &paths {
            let codec = path.file_name().unwrap().to_str().unwrap();
            std::fs::write(path, file(codec, 8)).unwrap();
        }
        read(&paths).unwrap()
    }

    #[test]
    fn a_chart_has_a_bar_for_each_server_under_each_load() {
        let chart = Chart { key: "mb_per_second", title: "Throughput, MB/s", decimals: 0 };
        let svg = chart.draw(&measured()).unwrap();
        assert_eq!(svg.matches("<rect x=").count(), 4);
        assert!(svg.contains("&lt;b&gt; (TLS, SASL)") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains(">100 (50–200)<") && svg.contains(">zstd<"), "{svg}");
        let widths: Vec<usize> =
            svg.split("width=\"").filter_map(|it| it.split('"').next()?.parse().ok()).collect();
        // The second server has half of the first; its bar is half as long.
        assert!(widths[1].abs_diff(2 * widths[2]) <= 1, "{widths:?}");
    }

    #[test]
    fn a_figure_that_nobody_has_is_no_chart() {
        let chart = Chart { key: "server_peak_mib", title: "Memory", decimals: 0 };
        assert_eq!(chart.draw(&measured()), None);
    }
}
