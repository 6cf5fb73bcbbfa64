use std::fmt::Write as _;

use super::Context;
use crate::codes::{self, CODES};
use crate::config::LIMITS;
use crate::failure::Failure;
use crate::suggest::nearest;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} explain              every code in one line
  {program} explain LB0402       the page about one code
  {program} explain limits       every limit, its default, and what it bounds";

/// Options of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A code such as LB0402, or `limits`; without it, every code is listed
    topic: Option<String>,
}

/// Prints the page about a code.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let text = match args.topic.as_deref() {
        None => list(),
        Some("limits") => limits(),
        Some(code) => match codes::find(code) {
            Some(page) => page.page.to_owned(),
            None => return Err(unknown(code, context)),
        },
    };
    context.console.print(&text)
}

fn list() -> String {
    let mut out = String::new();
    for page in CODES {
        let _ = writeln!(out, "{}  {}", page.code, page.title);
    }
    out
}

fn limits() -> String {
    let mut out = String::from(
        "Everything that grows with what clients do is bounded. These are the keys of [node.limits]:\n\n",
    );
    let _ = writeln!(out, "{:<33} {:<10} {:<23} bounds", "name", "default", "range");
    for limit in LIMITS {
        let format = |value| limit.kind.format(value).replace('"', "");
        let (min, max) = (format(*limit.range.start()), format(*limit.range.end()));
        let range = format!("{min} - {max}");
        let about = limit.about.trim();
        let default = format(limit.default);
        let _ = writeln!(out, "{:<33} {default:<10} {range:<23} {about}", limit.name);
    }
    out + "\n\
         A batch must fit into a request, and all requests in flight into the share of the process,\n\
         which is taken before a request is read. A client over its share is not refused: its socket\n\
         is not read until there is room.\n"
}

fn unknown(code: &str, context: &Context) -> Failure {
    let upper = code.to_ascii_uppercase();
    let help = match nearest(&upper, CODES.iter().map(|page| page.code)) {
        Some(near) => {
            format!("did you mean {near}? `{}` lists all", context.program.command("explain"))
        }
        None => format!("`{}` lists all", context.program.command("explain")),
    };
    Failure::usage(format!("there is no code `{}`", code.escape_default()), help)
}
