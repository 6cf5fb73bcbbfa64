use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logboom_engine::LogMapper;
use logboom_model::MappingOptions;
use logboom_store::{OpenError, Options, Reader, RealDisk};
use logboom_wire::records::Limits;

use super::{ConfigArgs, Context, read_config};
use crate::config::{Config, Located, Logstore};
use crate::demo;
use crate::diagnostics::Finding;
use crate::failure::Failure;
use crate::io_reason::io_reason;
use crate::reading::{BatchStream, Format, From, Item, News, Output};
use crate::suggest::nearest;
use crate::target::Target;

pub(crate) const EXAMPLES: &str = "\
Examples:
  {program} read demo/demo --from earliest
  {program} read demo/demo --follow --format json | jq .content
  {program} read acme/nginx --config logboom.toml --from earliest --format protobuf > logs.pb

It reads the files of the store, so it works while the server runs and after it has stopped.";

/// Without news for so long, look all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// Options of `read`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to read: PROJECT/LOGSTORE
    pub(crate) target: Target,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Where to start
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = From::Earliest)]
    pub(crate) from: From,

    /// Keep waiting for more
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// How to print; json is one object a line, protobuf is a LogGroupList
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Pretty)]
    pub(crate) format: Format,

    /// Add the shard and the offset of each log
    #[arg(long)]
    pub(crate) with_offsets: bool,
}

/// Prints the logs of a Logstore.
pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let source = Source::find(args, context)?;
    let news = News::of(&source.store_dir);
    let mut stream = source.open(args, context)?;
    let mapper = LogMapper::new(Limits::WIDEST);
    let options = source.mapping(args);
    let mut output = Output::new(&context.console, args.format, args.with_offsets, options, mapper);
    if !args.follow {
        return print_all(&mut stream, &mut output, context);
    }
    let news = news.map_err(|error| {
        Failure::run(format!("cannot watch {}: {error}", source.store_dir.display()))
    })?;
    loop {
        print_all(&mut stream, &mut output, context)?;
        news.wait(PATIENCE).map_err(|error| Failure::run(format!("cannot wait: {error}")))?;
        stream.refresh().map_err(|error| cannot_read(&source.store_dir, &error))?;
    }
}

/// Prints everything up to the present end. What cannot be read is reported and skipped, and makes
/// the command fail when the rest is printed.
fn print_all(
    stream: &mut BatchStream,
    output: &mut Output<'_>,
    context: &Context,
) -> Result<(), Failure> {
    let mut lost = 0_usize;
    loop {
        match stream.next() {
            Item::Batch(batch) => output.print(&batch)?,
            Item::Lost(what) => {
                lost += 1;
                context.console.tell(&format!("warning: skipped what cannot be read: {what}\n"));
            }
            Item::End if lost == 0 => return Ok(()),
            Item::End => return Err(Failure::run("not everything could be read; see above")),
        }
    }
}

/// Where the logs are, and how they are to be mapped.
struct Source {
    config: Config,
    store_dir: PathBuf,
}

impl Source {
    /// The store of the configuration, or that of the demo.
    fn find(args: &Args, context: &Context) -> Result<Self, Failure> {
        if let Some(file) = &args.config.config {
            return Ok(Self::new(read_config(file, &args.config.settings, context)?));
        }
        let paths = demo::Paths::new(&demo::directory(&context.environment));
        if !paths.config.exists() {
            let serve = context.program.command("serve");
            return Err(Failure::usage(
                format!("no --config given, and no demo in {}", paths.directory.display()),
                format!("`{serve}` makes a demo; --config FILE takes a configuration"),
            ));
        }
        let mut config = read_config(&paths.config, &[], context)?;
        config.node.data_dir = Located::default_value(paths.directory);
        Ok(Self::new(config))
    }

    fn new(config: Config) -> Self {
        Self { store_dir: config.node.store_dir(), config }
    }

    fn open(&self, args: &Args, context: &Context) -> Result<BatchStream, Failure> {
        let disk = RealDisk::open(&self.store_dir).map_err(|error| {
            let shown = self.store_dir.display();
            if error.kind() == ErrorKind::NotFound {
                let serve = context.program.command("serve");
                let title = format!("there is no store in {shown}");
                return Failure::run_with(
                    Finding::plain(title).help(format!("`{serve}` makes it at its first start")),
                );
            }
            Failure::run(format!("cannot read {shown}: {}", io_reason(&error)))
        })?;
        let reader = Reader::open(Arc::new(disk), &Options::default())
            .map_err(|error| cannot_read(&self.store_dir, &error))?;
        let Target { project, .. } = &args.target;
        let logstore = args.target.topic.logstore().as_str();
        let stream = BatchStream::new(reader, project.as_str(), logstore, args.from);
        let configured = || self.logstores(project.as_str()).map(|one| one.name.as_str());
        if stream.exists() || configured().any(|name| name == logstore) {
            return Ok(stream);
        }
        let known = stream.logstores().into_iter().chain(configured());
        let help = match nearest(logstore, known) {
            Some(near) => format!("did you mean {project}/{near}?"),
            None => {
                let check = context.program.command("check --show-effective --config FILE");
                format!("`{check}` lists what is configured")
            }
        };
        Err(Failure::usage(format!("there is no Logstore {project}/{logstore}"), help))
    }

    /// How the Logstore is mapped. One that is not configured any more is mapped by the defaults.
    fn mapping(&self, args: &Args) -> MappingOptions {
        let mut logstores = self.logstores(args.target.project.as_str());
        let logstore = logstores.find(|one| *one.name == args.target.topic.logstore().as_str());
        logstore.map(Logstore::mapping).unwrap_or_default()
    }

    fn logstores(&self, project: &str) -> impl Iterator<Item = &Logstore> {
        let project = self.config.projects.iter().find(|one| *one.name == project);
        project.into_iter().flat_map(|project| &project.logstores)
    }
}

fn cannot_read(store_dir: &Path, error: &OpenError) -> Failure {
    Failure::run(format!("cannot read {}: {error}", store_dir.display()))
}
