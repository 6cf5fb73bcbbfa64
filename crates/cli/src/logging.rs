//! The log: events of `tracing` on standard error, for people or for machines.

use std::fmt;

use clap::ValueEnum;
use jiff::{Timestamp, Unit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON everywhere else.
    #[default]
    Auto,
    /// One line an event, for people.
    Human,
    /// One JSON object an event, with stable member names.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Directives such as `info,logboom::auth=debug`. None is `info`.
    pub(crate) filter: Option<String>,
    pub(crate) format: LogFormat,
    /// Only errors, unless a filter says otherwise.
    pub(crate) quiet: bool,
    pub(crate) is_terminal: bool,
    pub(crate) color: bool,
}

/// Starts logging for the whole process.
///
/// # Errors
///
/// If the filter cannot be understood.
pub(crate) fn start(options: &Options) -> Result<(), Failure> {
    let subscriber = subscriber(options, std::io::stderr)?;
    // A second call, in a process that embeds the command line, keeps the first log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn subscriber<W>(options: &Options, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, Failure>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let default = if options.quiet { "error" } else { "info" };
    let directives = options.filter.as_deref().unwrap_or(default);
    let filter = EnvFilter::builder().parse(directives).map_err(|error| {
        Failure::usage(
            format!("cannot understand --log {directives}: {error}"),
            "for instance --log info,logboom::auth=debug",
        )
    })?;
    // An event that cannot be written is lost. To say so on the same broken stream would panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    let json = match options.format {
        LogFormat::Auto => !options.is_terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    Ok(if json {
        Box::new(builder.json().flatten_event(true).with_timer(UtcMillis).finish())
    } else {
        Box::new(builder.with_ansi(options.color).event_format(Human).finish())
    })
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T10:14:03.221Z`.
struct UtcMillis;

impl FormatTime for UtcMillis {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let now = Timestamp::now();
        let now = now.round(Unit::Millisecond).unwrap_or(now);
        write!(writer, "{now:.3}")
    }
}

/// `TIME LEVEL target message field=value`, on one line.
struct Human;

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        UtcMillis.format_time(&mut writer)?;
        let metadata = event.metadata();
        let level = metadata.level();
        if writer.has_ansi_escapes() {
            write!(writer, " \x1b[{}m{level}\x1b[0m", color_of(*level))?;
        } else {
            write!(writer, " {level}")?;
        }
        write!(writer, " {} ", metadata.target())?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The customary colours: red, yellow, green, blue, and purple for the rest.
fn color_of(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 31,
        tracing::Level::WARN => 33,
        tracing::Level::INFO => 32,
        tracing::Level::DEBUG => 34,
        tracing::Level::TRACE => 35,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn log_of(options: &Options) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = subscriber(options, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "logboom::auth", code = "LB0402", peer = %"10.0.4.17:5", "login refused");
            tracing::debug!(target: "logboom::auth", "not shown");
        });
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn options(format: LogFormat) -> Options {
        Options { filter: None, format, quiet: false, is_terminal: false, color: false }
    }

    #[test]
    fn people_get_a_line_with_the_message_first() {
        let log = log_of(&options(LogFormat::Human));
        let (time, rest) = log.split_once(' ').unwrap();
        assert_eq!(rest, "WARN logboom::auth login refused code=\"LB0402\" peer=10.0.4.17:5\n");
        assert_eq!(time.len(), "2026-11-22T10:14:03.221Z".len(), "{time}");
        assert!(time.parse::<Timestamp>().is_ok() && time.ends_with('Z'), "{time}");
    }

    #[test]
    fn machines_get_an_object_with_flat_members() {
        let log = log_of(&options(LogFormat::Auto));
        let object: serde_json::Value = serde_json::from_str(&log).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["target"], "logboom::auth");
        assert_eq!(object["message"], "login refused");
        assert_eq!(object["code"], "LB0402");
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn quiet_keeps_warnings_away_and_a_bad_filter_is_refused() {
        let quiet = Options { quiet: true, ..options(LogFormat::Human) };
        assert_eq!(log_of(&quiet), "");
        let bad = Options { filter: Some("logboom=loud".into()), ..options(LogFormat::Human) };
        assert!(subscriber(&bad, std::io::stderr).is_err());
    }
}
