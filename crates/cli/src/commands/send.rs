use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use logboom_access::Topic;
use logboom_model::Form;
use logboom_wire::records::Codec;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::Context;
use crate::clock::now;
use crate::demo;
use crate::diagnostics::Finding;
use crate::failure::Failure;
use crate::io_reason::io_reason;
use crate::producer::{
    self, Acks, Address, Delivery, Destination, Error, ErrorKind, Header, Outcome, Properties,
    Settings, Stopper, Tally, Watcher,
};
use crate::target::Target;
use crate::units::{approximate_size, format_duration, parse_duration};

pub(crate) const EXAMPLES: &str = "\
Examples:
  echo hello | {program} send demo/demo
  echo '{\"level\":\"info\"}' | {program} send demo/demo --json      one field per key
  {program} send demo/demo < /var/log/syslog
  tail -F app.log | {program} send acme/app --client-config acme.conf --header host=web-1

A client configuration has the format of librdkafka, as kcat -F reads it: bootstrap.servers,
security.protocol, sasl.username, sasl.password, ssl.ca.location. Properties that only tune a
client are ignored.

Every line is one record, also an empty one. What is not acknowledged is sent again, and the server
stores it once. INT and TERM stop reading and finish what was read, a second one stops at once.";

/// Options of `send`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to send to: PROJECT/LOGSTORE, with .json to have the lines parsed as JSON
    pub(crate) target: Target,

    /// How to connect, in the format of librdkafka; without it, the demo in ./logboom-data
    #[arg(long, value_name = "FILE")]
    pub(crate) client_config: Option<PathBuf>,

    /// The server to connect to first, instead of the one in the client configuration
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<Address>,

    /// The certificates of the authorities to trust, instead of those in the client configuration
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Have each line parsed as a JSON object: send to LOGSTORE.json
    #[arg(long)]
    json: bool,

    /// The key of every record; all of them go to the same shard
    #[arg(long)]
    key: Option<String>,

    /// A header of every record; may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = parse_header)]
    headers: Vec<Header>,

    /// How to compress; batches are stored as they are sent, and zstd makes them smallest
    #[arg(long, default_value = "zstd", value_parser = codec_parser())]
    codec: Codec,

    /// What the server does before it answers: all and 1 store durably, 0 does not answer
    #[arg(long, value_enum, default_value_t = Acks::All)]
    acks: Acks,

    /// The largest number of lines in a batch
    #[arg(
        long, value_name = "N", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    batch_lines: u32,

    /// How long a line waits for others to share a batch with
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = parse_duration)]
    linger: Duration,

    /// How long to go on without any acknowledgement
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_timeout)]
    timeout: Duration,
}

/// Sends the lines of standard input through the Kafka port.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let begin = now();
    let destination = destination(args, context)?;
    let settings = Settings {
        acks: args.acks,
        codec: args.codec,
        key: args.key.clone(),
        headers: args.headers.clone(),
        batch_lines_max: args.batch_lines as usize,
        linger: args.linger,
        timeout: args.timeout,
    };
    let delivery = Delivery::connect(&destination, &settings)
        .map_err(|error| failure(&error, context, Vec::new()))?;
    catch_signals(delivery.stopper())?;
    let mut reporter = Reporter::new(context, args.timeout);
    if reporter.typed && !context.quiet {
        context.console.tell("connected; each line is sent as you type it, Ctrl-D ends\n");
    }
    let outcome = delivery.run(Box::new(io::stdin()), &mut reporter);
    reporter.clear();
    conclude(args, context, &outcome, begin.elapsed())
}

/// Where to send to, out of the options and the client configuration.
fn destination(args: &Args, context: &Context) -> Result<Destination, Failure> {
    let (path, properties) = read_properties(args, context)?;
    let path = path.display();
    let project = args.target.project.as_str();
    if let Some(login) = &properties.login
        && login.username != project
    {
        return Err(Failure::usage(
            format!("{path} logs in to project `{}`, not `{project}`", login.username),
            format!("--client-config FILE with an access key of `{project}`"),
        ));
    }
    let tls = match (properties.tls, &args.ca) {
        (true, ca) => {
            let ca = ca.as_deref().or(properties.ca.as_deref());
            let tls = producer::tls_config(ca);
            Some(tls.map_err(|error| failure(&error, context, Vec::new()))?)
        }
        (false, None) => None,
        (false, Some(_)) => {
            return Err(Failure::usage(
                format!("--ca is for TLS, and security.protocol in {path} has none"),
                "security.protocol=SASL_SSL",
            ));
        }
    };
    let servers = args.server.clone().map_or(properties.servers, |server| vec![server]);
    if servers.is_empty() {
        return Err(Failure::usage(
            format!("{path} has no bootstrap.servers"),
            "--server HOST:PORT names one",
        ));
    }
    let topic = match args.json {
        true => Topic::new(args.target.topic.logstore().clone(), Form::Json),
        false => args.target.topic.clone(),
    };
    Ok(Destination {
        servers,
        tls,
        login: properties.login,
        client_id: properties.client_id.unwrap_or_else(|| "logboom-send".to_owned()),
        topic: topic.to_string(),
    })
}

fn read_properties(args: &Args, context: &Context) -> Result<(PathBuf, Properties), Failure> {
    let demo = demo::Paths::new(&demo::directory(&context.environment));
    let path = args.client_config.clone().unwrap_or(demo.client_conf);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let title = format!("cannot read {}: {}", path.display(), io_reason(&error));
        let finding = Finding::error("LB0102", title);
        let finding = match &args.client_config {
            Some(_) => finding,
            None => finding
                .help(format!(
                    "is the server running? `{}` makes it",
                    context.program.command("serve")
                ))
                .help("--client-config FILE says how to connect to another server"),
        };
        Failure::Usage(Box::new(finding.into()))
    })?;
    let properties = Properties::parse(&text).map_err(|mistake| {
        let example = context.program.command("client-config kcat");
        Failure::usage(
            format!("{}: {mistake}", path.display()),
            format!("the format is that of librdkafka; `{example}` prints an example"),
        )
    })?;
    Ok((path, properties))
}

/// The first signal ends the reading, the second one the program.
fn catch_signals(stopper: Stopper) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::run(format!("cannot catch signals: {}", io_reason(&error)));
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(failed)?;
    let watch = move || {
        let mut caught = signals.forever();
        if let Some(signal) = caught.next() {
            stopper.stop(signal);
        }
        if let Some(signal) = caught.next() {
            end_by(signal);
        }
    };
    thread::Builder::new().name("logboom-signals".into()).spawn(watch).map_err(failed)?;
    Ok(())
}

/// Ends the process by a signal, so that whoever started it can see that it did not finish.
fn end_by(signal: i32) -> ! {
    // It returns only for signals that end no process.
    let _ = emulate_default_handler(signal);
    std::process::exit(128 + signal)
}

/// Says what was sent.
fn conclude(
    args: &Args,
    context: &Context,
    outcome: &Outcome,
    taken: Duration,
) -> Result<(), Failure> {
    let Outcome { tally, result, first_line_left } = outcome;
    let stopped_by = match result {
        Ok(stopped_by) => *stopped_by,
        Err(error) => {
            let stored = producer::lines(tally.lines_stored);
            let mut notes = vec![format!("{stored} acknowledged before{}", tally.places())];
            if tally.lines_read >= *first_line_left {
                notes.push(format!(
                    "line {first_line_left} of the input is the first that was not; it and those \
                     behind it may be stored or not"
                ));
            }
            return Err(failure(error, context, notes));
        }
    };
    if !context.quiet {
        context.console.tell(&summary(args, tally, stopped_by.is_some(), taken));
    }
    match stopped_by {
        Some(signal) => end_by(signal),
        None => Ok(()),
    }
}

fn summary(args: &Args, tally: &Tally, stopped: bool, taken: Duration) -> String {
    let Target { project, topic } = &args.target;
    let lines = producer::lines(tally.lines_stored);
    let taken = producer::duration(taken);
    let places = match args.acks {
        Acks::None => ", without acknowledgement".to_owned(),
        Acks::All | Acks::Leader => tally.places(),
    };
    let stopped = if stopped { "stopped before the end of the input: " } else { "" };
    format!("{stopped}sent {lines} to {project}/{topic} in {taken}{places}\n")
}

fn failure(error: &Error, context: &Context, notes: Vec<String>) -> Failure {
    let message = error.message.as_str();
    let mut finding =
        error.code.map_or_else(|| Finding::plain(message), |code| Finding::error(code, message));
    for help in &error.help {
        finding = finding.help(help.replace("{program}", &context.program.name));
    }
    for note in notes {
        finding = finding.note(note);
    }
    match error.kind {
        ErrorKind::Configuration => Failure::Usage(Box::new(finding.into())),
        ErrorKind::Connection | ErrorKind::Busy | ErrorKind::Final => Failure::run_with(finding),
    }
}

/// Tells how things go while they go.
struct Reporter<'a> {
    context: &'a Context,
    timeout: Duration,
    /// Whether a person types the input.
    typed: bool,
    /// How long the line of progress is that stands on the terminal.
    shown: usize,
    /// What was said last about something that failed.
    said: String,
}

impl<'a> Reporter<'a> {
    fn new(context: &'a Context, timeout: Duration) -> Self {
        let typed = io::stdin().is_terminal();
        Self { context, timeout, typed, shown: 0, said: String::new() }
    }

    /// Takes the line of progress away.
    fn clear(&mut self) {
        if self.shown > 0 {
            self.context.console.tell(&format!("\r{:width$}\r", "", width = self.shown));
            self.shown = 0;
        }
    }
}

impl Watcher for Reporter<'_> {
    fn progress(&mut self, tally: &Tally) {
        // What a person types would be torn apart.
        if self.context.quiet || self.typed || !self.context.console.err_is_terminal() {
            return;
        }
        let read = producer::lines(tally.lines_read);
        let bytes = approximate_size(tally.bytes_read);
        let text = format!("{read} read ({bytes}), {} sent", tally.lines_stored);
        self.clear();
        self.context.console.tell(&text);
        self.shown = text.len();
    }

    fn trouble(&mut self, error: &Error) {
        let timeout = format_duration(self.timeout);
        let text = format!("{error}; trying again, for {timeout} at most\n");
        if !self.context.quiet && text != self.said {
            self.clear();
            self.context.console.tell(&text);
            self.said = text;
        }
    }
}

fn parse_header(text: &str) -> Result<Header, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, for instance host=web-1".to_owned()),
    }
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("without any time nothing can be sent".to_owned()),
        timeout => Ok(timeout),
    }
}

fn codec_parser() -> impl TypedValueParser<Value = Codec> {
    PossibleValuesParser::new(Codec::ALL.map(Codec::name)).try_map(|name| {
        Codec::ALL.into_iter().find(|codec| codec.name() == name).ok_or("no such codec")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_a_name_and_maybe_an_empty_value() {
        assert_eq!(parse_header("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_header("a="), Ok(("a".into(), String::new())));
        assert!(parse_header("=b").is_err());
        assert!(parse_header("a").is_err());
    }
}
